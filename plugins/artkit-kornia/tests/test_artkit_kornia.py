"""kornia's transforms as augmenters: the contract for a few, the same pixels in any batch for all, and errors."""

import numpy as np
import pytest
import torch

pytest.importorskip("kornia", reason="pip install plugins/artkit-kornia")
pytest.importorskip("artkit_kornia", reason="pip install plugins/artkit-kornia")

from artkit import AugmenterContext, RecipeError
from artkit.testing import contract
from artkit.testing.harness import harness  # noqa: F401 # a fixture
from artkit_kornia import kornia_transform
from artkit_kornia.lifting import TOGETHER
from artkit_kornia.transforms import known_transforms

CASES = [
    {"transform": "RandomPerspective", "options": {"distortion_scale": 0.7}},
    {"transform": "RandomGaussianNoise", "options": {"std": 0.3}},
    {"transform": "ColorJiggle", "options": {"brightness": 0.2, "hue": 0.1}},
    {"transform": "RandAugment", "options": {"n": 2, "m": 10}},
]

test_contract = contract("artkit-kornia", cases={"kornia": CASES})

REQUIRED = {
    "RandomAffine": {"degrees": 20.0, "translate": [0.1, 0.1], "scale": [0.8, 1.2], "shear": 10.0},
    "RandomGaussianBlur": {"kernel_size": [3, 3], "sigma": [0.1, 2.0]},
    "RandomMotionBlur": {"kernel_size": [3, 7], "angle": 35.0, "direction": 0.5},
    "RandomRotation": {"degrees": 20.0},
    "RandomRotation90": {"times": [0, 3]},
    "RandomShear": {"shear": 10.0},
    "RandomTranslate": {"translate_x": [0.0, 0.2], "translate_y": [0.0, 0.2]},
    "RandomBrightness": {"brightness": [0.7, 1.3]},
    "RandomContrast": {"contrast": [0.7, 1.3]},
    "RandomSaturation": {"saturation": [0.7, 1.3]},
    "RandomHue": {"hue": [-0.3, 0.3]},
    "RandomGamma": {"gamma": [0.7, 1.3], "gain": [0.9, 1.1]},
    "RandomFisheye": {"center_x": [-0.3, 0.3], "center_y": [-0.3, 0.3], "gamma": [0.9, 1.0]},
    "RandomRain": {"number_of_drops": [5, 10], "drop_height": [2, 5], "drop_width": [-2, 2]},
    "ColorJiggle": {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.2},
    "ColorJitter": {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.2},
    "RandAugment": {"n": 2, "m": 10},
    "RandomClahe": {"clip_limit": [1.0, 40.0]},
    "RandomSnow": {"snow_coefficient": [0.1, 0.9], "brightness": [1.0, 3.0]},
}
"""Options of those transforms that need some, or do nothing without."""

DRAWS_NOTHING = {
    *("RandomAutoContrast", "RandomBoxBlur", "RandomCrop", "RandomEqualize", "RandomGrayscale"),
    *("RandomHorizontalFlip", "RandomInvert", "RandomMedianBlur", "RandomVerticalFlip"),
}
"""How often they are applied is left to artkit."""
USABLE = sorted(known_transforms().keys() - {"RandomDissolving"})  # that needs a diffusion model from the network

CONTEXT = AugmenterContext(image_size=32)


class SeedDraws:
    """Draws for some images of a batch; only their seeds are asked for."""

    def __init__(self, numbers):
        self._numbers = numbers

    def seeds(self):
        return torch.tensor([1000 + number for number in self._numbers])


@pytest.fixture(scope="module")
def images():
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def build(name):
    return kornia_transform(CONTEXT, transform=name, options=REQUIRED.get(name))


def test_nearly_all_transforms_of_kornia_can_be_used_most_of_them_for_a_batch_at_once():
    assert set(USABLE) >= TOGETHER
    assert len(USABLE) > 45


@pytest.mark.parametrize("name", USABLE)
def test_images_become_the_same_alone_and_in_any_batch_and_others_by_other_draws(name, images):
    augmenter, given, state = build(name), images.clone(), torch.get_rng_state()
    whole = augmenter(given, SeedDraws(range(6)))
    alone = torch.cat([augmenter(images[number : number + 1], SeedDraws([number])) for number in range(2)])
    part = augmenter(images[2:5], SeedDraws(range(2, 5)))
    assert (whole[:5] - torch.cat([alone, part])).abs().max() < 1e-5
    assert torch.equal(whole, augmenter(images, SeedDraws(range(50, 56)))) == (name in DRAWS_NOTHING)
    assert (whole.shape, whole.dtype) == (images.shape, images.dtype)
    assert 0 <= whole.min() <= whole.max() <= 1
    assert torch.equal(given, images)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", sorted(TOGETHER))
def test_images_of_another_device_stay_there(name, images):
    assert build(name)(images.to("meta"), SeedDraws(range(6))).shape == images.shape


def test_a_transform_that_wants_a_size_gets_that_of_the_run(images):
    changed = kornia_transform(CONTEXT, transform="RandomResizedCrop")(images, SeedDraws(range(6)))
    assert changed.shape == images.shape
    assert not torch.equal(changed, images)


def test_a_run_trains_with_two_transforms_one_of_them_half_of_the_time(harness):  # noqa: F811 # the fixture
    chain = [
        {"name": "kornia", "transform": "RandomThinPlateSpline", "p": 0.5},
        {"name": "kornia", "transform": "TrivialAugment"},
    ]
    runs = [harness.run(plugin="artkit-kornia", augmenter=chain) for _ in range(2)]
    assert runs[0].status == "ok"
    assert np.isfinite(runs[0].losses).all()
    assert runs[0].losses == runs[1].losses


@pytest.mark.parametrize(
    ("transform", "options", "text"),
    [
        ("RandomPerspektive", {}, r"kornia \S+ has no transform 'RandomPerspektive'\. Closest: RandomPerspective"),
        ("Perspective", {}, r"has no transform 'Perspective'\. Closest: RandomPerspective"),
        ("Grain", {}, r"has no transform 'Grain'\. There are: AutoAugment, ColorJiggle, "),
        ("RandomMixUpV2", {}, "kornia's RandomMixUpV2 is no augmenter of single images .* use mixup or cutmix"),
        ("Normalize", {}, "kornia's Normalize is no augmenter of single images that keeps their size"),
        (
            "RandomPerspective",
            {"distortion": 0.5},
            r"no option 'distortion'\. Did you mean 'distortion_scale'\?.*has: ",
        ),
        (
            "RandomPerspective",
            {"p": 0.5},
            r"leave 'p' out of the options of RandomPerspective: .*augmenter\.kornia\.p=0\.5",
        ),
        ("RandomPerspective", {"same_on_batch": True}, "leave 'same_on_batch' out .* draws of its own"),
        (
            "RandomRotation",
            {},
            r"RandomRotation needs degrees: --set 'augmenter\.kornia\.options=\{ degrees = \.\.\. \}'",
        ),
        (
            "RandomPosterize",
            {"bits": [9, 12]},
            r"kornia's RandomPosterize fails with these options: \w+: .*Change augmenter\.options",
        ),
        (
            "RandomCrop",
            {"size": [16, 16]},
            r"RandomCrop makes images \(3, 16, 16\) of \(3, 32, 32\) with these options",
        ),
        ("RandomDissolving", {}, "kornia's RandomDissolving fails with these options: ImportError"),
    ],
)
def test_what_cannot_be_used_is_refused_before_the_run(transform, options, text):
    with pytest.raises(RecipeError, match=text):
        kornia_transform(CONTEXT, transform=transform, options=options)
