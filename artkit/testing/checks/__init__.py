"""The checks of the contract, one module for each kind of component.

    every.py      plugins as a whole, and what every component keeps, of whichever kind
    model.py      augmenter.py  sampler.py  loss.py  optimizer.py  schedule.py  reporter.py  source.py

Sizes come from the contexts, options from the cases of the author; no check looks for an option or a parameter by name.
"""

from importlib import import_module
from typing import Final

from artkit.contracts import KINDS
from artkit.testing.check import Check

_MODULES: Final = ("every", *KINDS)


def all_checks() -> list[Check]:
    """Every check, in the order of the modules and of the functions in them."""
    modules = [import_module(f"{__name__}.{name}") for name in _MODULES]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Check)]
