"""For tests of plugins: load one alone, and a data set small enough to train on in a second.

    from artkit.testing import load_plugin, tiny_dataset

    def test_vit_trains_on_small_images(tmp_path):
        vit = load_plugin("artkit_vit.py").component("model", "vit-tiny")
        dataset = open_dataset(tiny_dataset(tmp_path))

Nothing here depends on artkit's own tests or on a test runner.
"""

from artkit.testing.dataset import tiny_dataset
from artkit.testing.plugin import load_plugin

__all__ = ["load_plugin", "tiny_dataset"]
