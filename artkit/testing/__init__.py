"""For tests of plugins: the whole contract in three lines, one plugin alone, tiny data, tiny runs and fake ones.

    from artkit.testing import contract

    test_contract = contract("artkit-vit", cases={"vit-tiny": [{}, {"depth": 2}]})

    pytest_contract.py  a test for each rule, component and case
    checking.py         the same rules outside of pytest: `check_plugin`
    checks/             the rules themselves, a module for each kind
    tiny_run.py         a tiny real run with one plugin; harness.py has it as a pytest fixture
    fake_run.py         the events of a run that never was, for reporters
    dataset.py          a data set that is learnt within seconds
    plugin.py           one plugin loaded alone

Of those behind them, check.py and plan.py say what a check is and what is checked; target.py, subject.py, contexts.py
and assigned.py what of; observing.py, spawning.py and import_probe.py look on, apart.py says where. Nothing here
depends on artkit's own tests, and only pytest_contract.py and harness.py on pytest.
"""

from typing import TYPE_CHECKING, Final

from artkit.lazy import lazy_names

if TYPE_CHECKING:
    from artkit.testing.checking import CheckResult, check_plugin
    from artkit.testing.dataset import tiny_dataset
    from artkit.testing.fake_run import FakeRun
    from artkit.testing.plugin import load_plugin
    from artkit.testing.pytest_contract import contract
    from artkit.testing.tiny_run import Harness, HarnessRun

__all__ = [
    "CheckResult",
    "FakeRun",
    "Harness",
    "HarnessRun",
    "check_plugin",
    "contract",
    "load_plugin",
    "tiny_dataset",
]

_HOMES: Final = {
    "CheckResult": "checking",
    "FakeRun": "fake_run",
    "Harness": "tiny_run",
    "HarnessRun": "tiny_run",
    "check_plugin": "checking",
    "contract": "pytest_contract",
    "load_plugin": "plugin",
    "tiny_dataset": "dataset",
}

__getattr__ = lazy_names(__name__, _HOMES)
