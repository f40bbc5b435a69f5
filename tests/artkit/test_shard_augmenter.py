import pickle
from io import BytesIO
from textwrap import dedent

import numpy as np
import pytest
from PIL import Image

from artkit.cli.shard_augmenter import ShardAugmenter
from artkit.errors import ComponentError, RecipeError
from artkit.registry import load_registry
from artkit_shards import Record, Settings, convert, open_dataset


def picture(height=40, width=70, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def records():
    """Enough pictures for two workers."""
    for number in range(130):
        file = BytesIO()
        Image.fromarray(picture(seed=number)).save(file, "PNG")
        yield Record(file.getvalue(), f"{number}.png", {"class": "ab"[number % 2]})


def plugin_file(folder, body):
    path = folder / "mine.py"
    path.write_text(
        dedent(
            f"""
            from artkit import hookimpl

            @hookimpl
            def artkit_augmenters(register):
                register("mine", mine)

            def mine(ctx):
                '''Mine.'''
                def apply(images, draws):
                    {body}
                return apply
            """
        )
    )
    return path


MIXING = ("mixup", "cutmix")


@pytest.mark.parametrize(
    "name",
    [
        component.name
        for component in load_registry().components("augmenter")
        if component.plugin.is_builtin and component.name not in MIXING
    ],
)
@pytest.mark.parametrize("size", [(40, 70), (71, 33), (1, 5)])
def test_every_built_in_augmenter_takes_images_of_any_shape(name, size):
    augmenter = ShardAugmenter(({"name": name},))
    changed = augmenter(picture(*size), 3)
    assert (changed.shape, changed.dtype) == ((*size, 3), np.uint8)


def test_the_seed_decides_what_an_image_becomes():
    augmenter = ShardAugmenter(({"name": "affine", "rotation": 45.0},))
    image = picture()
    before = image.copy()
    assert np.array_equal(augmenter(image, 2**63 - 1), augmenter(image, 2**63 - 1))
    assert not np.array_equal(augmenter(image, 1), augmenter(image, 2))
    assert np.array_equal(image, before)


def test_an_augmenter_that_changes_nothing_gives_back_the_very_pixels():
    assert np.array_equal(ShardAugmenter(({"name": "none"},))(picture(), 0), picture())


def test_augmenters_are_applied_with_their_probability(tmp_path):
    path = plugin_file(tmp_path, "return 1 - images")
    augmenter = ShardAugmenter(({"name": "mine", "p": 0.25},), (path,))
    num_changed = sum(not np.array_equal(augmenter(picture(), seed), picture()) for seed in range(200))
    assert 30 <= num_changed <= 70


def test_other_processes_get_the_same_augmenter_without_what_was_built():
    augmenter = ShardAugmenter(({"name": "affine", "rotation": 45.0},))
    changed = augmenter(picture(), 7)
    sent = pickle.dumps(augmenter)
    assert len(sent) < 500
    assert np.array_equal(pickle.loads(sent)(picture(), 7), changed)


def test_the_description_names_every_option():
    assert ShardAugmenter(({"name": "affine", "rotation": 45.0},)).description == (
        '[{"name": "artkit/affine@1", "p": 1.0, "rotation": 45.0, "shift": 0.1, "zoom": 0.25, '
        '"horizontal_flip": 0.5, "vertical_flip": 0.0, "fill": "edge"}]'
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "afine"}, "Did you mean 'affine'"),
        ({"name": "affine", "rotatoin": 4}, "has no option 'rotatoin'. Did you mean 'rotation'"),
        ({"name": "affine", "rotation": 400}, "rotation"),
        *(({"name": name}, rf"'{name}' \(artkit .* mixes images .* a copy has the label of one") for name in MIXING),
    ],
)
def test_mistakes_show_when_the_augmenter_is_described(entry, message):
    with pytest.raises(RecipeError, match=message):
        _ = ShardAugmenter((entry,)).description


@pytest.mark.slow
def test_copies_are_the_same_on_any_number_of_workers(tmp_path):
    path = plugin_file(tmp_path, "return images * draws.uniform(0.2, 1.0).view(-1, 1, 1, 1)")
    augmenter = ShardAugmenter(({"name": "mine"}, {"name": "affine"}), (path,))
    settings = Settings(augment_copies=1, shard_bytes=200_000)
    for workers in (1, 2):
        report = convert(records(), tmp_path / f"{workers}", settings, workers=workers, augmenter=augmenter)
    shards = sorted((tmp_path / "1").glob("*.tar"))
    assert len(shards) > 5
    assert [path.read_bytes() for path in shards] == [(tmp_path / "2" / path.name).read_bytes() for path in shards]
    assert len(open_dataset(tmp_path / "1").split("train")) == 2 * report.num_augmented


@pytest.mark.slow
def test_a_broken_augmenter_is_named_even_if_it_broke_in_another_process(tmp_path):
    path = plugin_file(tmp_path, "return images / 0 if images.shape[2] > 50 else 1 / 0")
    augmenter = ShardAugmenter(({"name": "mine"},), (path,))
    settings = Settings(augment_copies=1, duplicates="keep")
    with pytest.raises(ComponentError, match=r"augmenter 'mine' .* raised ZeroDivisionError in augmenting a batch"):
        convert(records(), tmp_path / "dst", settings, workers=2, augmenter=augmenter)
