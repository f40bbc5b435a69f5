"""What all of a process shares and a plugin must not change: random numbers, the working folder, shown warnings.

Taken before a plugin is imported, and put back after it. Packages that the plugin itself imported first have no state
from before; of those, what they begin with is known.
"""

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, cast

_SMALL_SEED: Final = 2**32
"""Of all seeds that torch may begin with, at most one in two million is smaller."""


class ProcessState:
    """The state of this process as it was when this was made."""

    def __init__(self) -> None:
        self._modules = set(sys.modules)
        self._states = list(_states())
        self._filters = list(warnings.filters)

    def put_back(self) -> Iterator[str]:
        """Put back what has changed, and name it: "changed the working folder"."""
        for state in self._states:
            if state.put_back():
                yield f"changed {state.name}"
        if "torch" not in self._modules:
            yield from _changed_in_new_torch()
        if "numpy" not in self._modules:
            yield from _changed_in_new_numpy()
        if _undo_filters(self._filters):
            yield "changed which warnings are shown"


@dataclass(slots=True)
class _State:
    """Something that all of a process shares, as it was."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], Any]
    before: Any = None

    def __post_init__(self) -> None:
        self.before = self.read()

    def put_back(self) -> bool:
        """Put it back; tells whether it had changed."""
        if _comparable(self.read()) == _comparable(self.before):
            return False
        self.write(self.before)
        return True


def _has_working_folder() -> bool:
    try:
        return bool(os.getcwd())
    except FileNotFoundError:  # somebody removed it
        return False


def _comparable(value: Any) -> Any:
    """Arrays and tensors do not say in one word whether they are equal; lists do."""
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _states() -> Iterator[_State]:
    """What there is to watch now; packages that are not imported yet have no state."""
    yield _State("the random numbers of Python", random.getstate, random.setstate)
    if _has_working_folder():
        yield _State("the working folder", os.getcwd, os.chdir)
    if numpy := _module("numpy"):
        yield _State("numpy's random numbers", lambda: numpy.random.get_state(legacy=False), numpy.random.set_state)
    if torch := _module("torch"):
        yield _State("torch's random numbers", torch.get_rng_state, torch.set_rng_state)
        yield _State("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype)
        yield _State("torch's number of threads", torch.get_num_threads, torch.set_num_threads)


def _changed_in_new_torch() -> Iterator[str]:
    """What a plugin that imported torch changed in it.

    torch begins with a seed of its own, which is random and large: small ones are those that people set.
    """
    torch = _module("torch")
    if torch is None:
        return
    untouched = torch.Generator().manual_seed(torch.initial_seed()).get_state()
    if torch.initial_seed() < _SMALL_SEED or not torch.equal(torch.get_rng_state(), untouched):
        torch.seed()
        yield "changed torch's random numbers"
    if torch.get_default_dtype() != torch.float32:
        torch.set_default_dtype(torch.float32)
        yield "changed torch's default dtype"


def _changed_in_new_numpy() -> Iterator[str]:
    """Whether a plugin that imported numpy seeded it: numpy begins with a seed sequence of its own, which that ends."""
    numpy = _module("numpy")
    if numpy is not None and numpy.random.get_bit_generator().seed_seq is None:
        numpy.random.seed()
        yield "changed numpy's random numbers"


def _module(name: str) -> Any:
    """A package that is imported, whole; else None."""
    module = sys.modules.get(name)
    return module if isinstance(module, ModuleType) and hasattr(module, "random") else None


def _undo_filters(before: list[Any]) -> bool:
    """Remove filters that concern everyone's warnings, and put back what is gone.

    Filters for one message, module or category of a package's own stay: many packages have some for warnings that they
    know to be harmless.
    """
    new = [each for each in warnings.filters if each not in before]
    narrow = [each for each in new if _is_narrow(each)]
    gone = [each for each in before if each not in warnings.filters]
    if len(narrow) == len(new) and not gone:
        return False
    warnings.resetwarnings()
    cast("list[Any]", warnings.filters).extend([*narrow, *before])
    return True


def _is_narrow(each: tuple[Any, ...]) -> bool:
    _, message, category, module, _ = each
    return message is not None or module is not None or category.__module__ != "builtins"
