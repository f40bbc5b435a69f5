"""Checkpoints hold tensors and plain values, and are replaced whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from artkit.engine.atomic import write_atomically
from artkit.engine.checkpoint import load_checkpoint, save_checkpoint
from artkit.errors import RunError


def test_nested_content_comes_back_as_it_was(tmp_path):
    content = {
        "model": {"weight": torch.randn(2, 3), "steps": torch.tensor(7)},
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(1)}}, "betas": [0.9, 0.999]},
        "progress": {"epoch": 3, "name": "Käthe", "none": None, "flag": True, "rows": [{"loss": 0.1}]},
    }
    save_checkpoint(tmp_path / "c.safetensors", content)
    loaded = load_checkpoint(tmp_path / "c.safetensors")
    assert loaded["progress"] == content["progress"]
    assert loaded["optimizer"]["betas"] == [0.9, 0.999]
    assert list(loaded["optimizer"]["state"]) == [0], "keys that are numbers stay numbers"
    assert torch.equal(loaded["model"]["weight"], content["model"]["weight"])
    assert loaded["model"]["steps"].dtype == torch.int64


def test_tensors_that_share_memory_are_saved(tmp_path):
    shared = torch.arange(6.0)
    save_checkpoint(tmp_path / "c.safetensors", {"a": shared, "b": shared, "view": shared[2:]})
    assert load_checkpoint(tmp_path / "c.safetensors")["view"].tolist() == [2, 3, 4, 5]


def test_a_missing_checkpoint_is_said_to_be_missing(tmp_path):
    with pytest.raises(RunError, match=r"there is no checkpoint .*nothing\.safetensors"):
        load_checkpoint(tmp_path / "nothing.safetensors")


def test_the_answers_of_a_run_are_no_checkpoint(tmp_path):
    path = tmp_path / "answers.safetensors"
    path.write_bytes(save({"numbers": torch.zeros(2)}, metadata={"artkit": '{"format": 1}'}))
    with pytest.raises(RunError, match="is not a checkpoint of artkit, or it is damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize("data", [b"", b"junk" * 100, b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_or_foreign_file_is_refused(tmp_path, data):
    path = tmp_path / "c.safetensors"
    path.write_bytes(data)
    with pytest.raises(RunError, match="is not a checkpoint of artkit, or it is damaged"):
        load_checkpoint(path)


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"old")
    script = f"""
import resource, signal
from pathlib import Path
from artkit.engine.atomic import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(Path({str(path)!r}), bytes(5000))
except OSError as error:
    print("refused")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["state"]


def test_a_write_replaces_the_content(tmp_path: Path):
    path = tmp_path / "state"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
