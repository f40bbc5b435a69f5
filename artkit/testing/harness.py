"""The harness as a pytest fixture; importing it into a test file or a conftest makes it known there.

from artkit.testing.harness import harness  # noqa: F401


def test_vit_trains(harness):
    run = harness.run(plugin="artkit-vit", model="vit-tiny", steps=2)
    assert run.status == "ok"
"""

import pytest

from artkit.testing.fake_run import FakeRun
from artkit.testing.tiny_run import Harness, HarnessRun

__all__ = ["FakeRun", "Harness", "HarnessRun", "harness"]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Harness:
    """Tiny real runs; the data is made once for all tests of a file."""
    return Harness(tmp_path_factory.mktemp("harness"))
