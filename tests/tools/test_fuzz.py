import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)


def run_fuzz(*arguments):
    return subprocess.run(
        [sys.executable, TOOLS / "fuzz.py", *arguments], capture_output=True, text=True, timeout=280, check=False
    )


def test_damaged_files_give_no_traceback_no_hang_and_no_wrong_sample():
    result = run_fuzz("--cases", "21")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1].startswith("all ")
    assert " refused" in result.stdout


@pytest.mark.slow
def test_many_damaged_files_give_no_traceback_no_hang_and_no_wrong_sample():
    result = run_fuzz("--cases", "119")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("case", "outcome", "detail"),
    [
        (lambda *_: ("refused", "why"), "refused", "why"),
        (lambda *_: 1 / 0, "TRACEBACK", "ZeroDivisionError"),
        (lambda *_: time.sleep(60), "HANG", "no answer in 0.5 s"),
        (lambda *_: os._exit(3), "DIED", "status"),
    ],
)
def test_the_fuzzer_tells_each_kind_of_failure(tools, monkeypatch, tmp_path, case, outcome, detail):
    import fuzz

    monkeypatch.setitem(fuzz.KINDS, "mine", case)
    monkeypatch.setattr(fuzz, "TIME_LIMIT_S", 0.5 if outcome == "HANG" else 30)
    found, told = fuzz.run_case(None, "mine", 1, tmp_path / "case")
    assert found == outcome
    assert detail in told


def test_a_wrong_sample_that_nothing_tells_of_is_a_defect(tools, monkeypatch, tmp_path):
    import fuzz_kinds

    template = fuzz_kinds.Template.make(tmp_path / "template")
    file = next(iter(template.samples))
    swapped = replace(template, samples={**template.samples, file: ("a", b"other")})
    (template.shards / "beside.txt").write_bytes(b"x")
    outcome, told = fuzz_kinds.use_damaged(
        swapped, tmp_path, random.Random(0), [Path("beside.txt")], (lambda data, _: data + b"x",)
    )
    assert outcome == "WRONG"
    assert file in told


def test_every_damage_is_the_same_for_the_same_seed_and_most_change_the_file(tools):
    import damage

    data = random.Random(1).randbytes(5000)
    for kind in damage.ANY_FILE:
        results = [kind(data, random.Random(seed)) for seed in range(10)]
        assert results == [kind(data, random.Random(seed)) for seed in range(10)]
        assert sum(result != data for result in results) >= 8


@pytest.mark.slow
def test_hostile_paths_are_told_by_predict_and_good_ones_are_answered():
    command = [sys.executable, TOOLS / "fuzz_predict.py", "--cases", "30"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "good             3 answered" in result.stdout
