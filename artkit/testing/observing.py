"""What a factory does beside returning its component: what it prints, warns of and changes of the process."""

import io
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch


@dataclass(slots=True)
class Observation:
    """What was seen."""

    printed: str = ""
    warned: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """What differs of the process afterwards, in words."""
    written: list[str] = field(default_factory=list)
    """Files and folders that were left in the working directory, where that is looked at."""


@contextmanager
def observed() -> Iterator[Observation]:
    """Observe what the code inside does; afterwards the process is as before."""
    seen, before = Observation(), _state()
    printed = io.StringIO()
    try:
        with warnings.catch_warnings(record=True) as caught, redirect_stdout(printed), redirect_stderr(printed):
            warnings.simplefilter("always")
            yield seen
    finally:
        after = _state()
        _restore(before)
    seen.printed = printed.getvalue()
    seen.warned = [f"{warning.category.__name__}: {warning.message}" for warning in caught]
    seen.changed = [what for what in before if not _same(before[what], after[what])]


@contextmanager
def fixed_generators(seed: int = 0) -> Iterator[None]:
    """Seed the generators of Python, numpy and torch for the code inside, and put them back afterwards."""
    before = _state()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        _restore(before)


def _state() -> dict[str, Any]:
    return {
        "the random numbers of Python (module random)": random.getstate(),
        "the random numbers of numpy (np.random)": np.random.get_state(),
        "the random numbers of torch": torch.get_rng_state(),
        "the working directory": os.getcwd(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "whether torch records gradients": torch.is_grad_enabled(),
    }


def _restore(state: dict[str, Any]) -> None:
    python, numpy, torch_state, folder, dtype, threads, grad = state.values()
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(torch_state)
    os.chdir(folder)
    torch.set_default_dtype(dtype)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    torch.set_grad_enabled(grad)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else bool(one == other)
