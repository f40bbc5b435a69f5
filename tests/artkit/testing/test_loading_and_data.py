"""What `artkit.testing` gives to the tests of plugins."""

import types

import numpy as np
import pytest

from artkit.errors import PluginError
from artkit.hookspecs import hookimpl
from artkit.testing import load_plugin, tiny_dataset
from artkit_shards import open_dataset


def test_a_tiny_dataset_has_all_classes_in_all_splits(tmp_path):
    dataset = open_dataset(tiny_dataset(tmp_path, classes=4, images=8))
    assert dataset.class_names == ("shape-0", "shape-1", "shape-2", "shape-3")
    counts = {name: dataset.split(name).class_counts.tolist() for name in dataset.split_names}
    assert counts == {"train": [4] * 4, "val": [2] * 4, "test": [2] * 4}


def test_the_same_seed_draws_the_same_tiny_dataset(tmp_path):
    prints = [open_dataset(tiny_dataset(tmp_path / str(run), seed=run // 2)).fingerprint for run in range(3)]
    assert prints[0] == prints[1] != prints[2]


def test_more_images_leave_the_others_of_a_tiny_dataset_as_they_were(tmp_path):
    small, large = (tiny_dataset(tmp_path / str(images), images=images).parent / "images" for images in (4, 6))
    for path in small.rglob("*.png"):
        assert np.array_equal(path.read_bytes(), (large / path.relative_to(small)).read_bytes())


def test_a_module_is_loaded_alone():
    module = types.ModuleType("artkit_vit")
    module.__file__ = "artkit_vit.py"

    @hookimpl
    def artkit_models(register):
        register("vit", vit)

    def vit(ctx):
        return "vit"

    module.artkit_models = artkit_models
    registry = load_plugin(module)
    assert [component.id for component in registry.components()] == ["artkit_vit/vit"]
    assert registry.component("model", "vit").build(None) == "vit"


def test_a_file_is_loaded_alone(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("from artkit import hookimpl\n@hookimpl\ndef artkit_losses(register): register('l', lambda ctx: 1)")
    assert [component.id for component in load_plugin(str(path)).components()] == ["mine.py/l"]


def test_a_module_that_breaks_the_contract_is_an_error():
    module = types.ModuleType("artkit_vit")
    module.__file__ = "artkit_vit.py"

    @hookimpl
    def artkit_model(register): ...

    module.artkit_model = artkit_model
    with pytest.raises(PluginError, match=r"^the plugin artkit_vit could not be loaded: there is no hook artkit_model"):
        load_plugin(module)
