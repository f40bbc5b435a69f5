"""What plugins do while they are imported: measured, kept from the output, put back, and told by name."""

import os
import random
import subprocess
import sys
import warnings
from textwrap import dedent

import pytest

from artkit.registry import load_registry, plugin_notes
from artkit.registry import plugin as plugin_module

GOOD = """
    from artkit import hookimpl

    @hookimpl
    def artkit_models(register):
        register("thing", lambda ctx: "thing")
"""


def notes_on(plugin_site, source: str) -> list[str]:
    """What is told of a plugin that does something before it registers a component."""
    plugin_site.add("artkit-odd", dedent(source) + dedent(GOOD), version="0.2")
    registry = load_registry()
    assert registry.component("model", "thing").build(None) == "thing", "it works all the same"
    return list(plugin_notes(registry))


def test_a_plugin_that_only_defines_things_is_not_told_of(plugin_site):
    assert notes_on(plugin_site, "") == []


def test_what_a_plugin_prints_is_told_and_kept_from_the_output(plugin_site, capsys):
    notes = notes_on(plugin_site, "import sys; print('welcome\\nback'); print('to you', file=sys.stderr)")
    assert notes == ["artkit-odd 0.2 printed 'welcome' while it was imported, to no effect"]
    assert capsys.readouterr() == ("", "")


def test_a_logger_made_at_import_still_writes_afterwards(plugin_site, capsys):
    plugin_site.add("artkit-log", "import sys\nkept = sys.stderr\nkept.isatty()" + dedent(GOOD))
    load_registry()
    sys.modules["artkit_log"].kept.write("later")
    assert capsys.readouterr().err == "later"


@pytest.mark.parametrize("where", ["import", "hook"])
def test_what_a_plugin_changes_in_python_is_put_back_and_told(plugin_site, tmp_path, where):
    lines = [
        "import os, random, warnings",
        "random.seed(1)",
        f"os.chdir({str(tmp_path)!r})",
        "warnings.simplefilter('ignore')",
    ]
    indented = "".join(f"    {line}\n" for line in lines)
    if where == "hook":
        source = f"from artkit import hookimpl\n@hookimpl\ndef artkit_losses(register):\n{indented}"
    else:
        source = "\n".join(lines) + "\n"
    before = random.getstate(), os.getcwd(), list(warnings.filters)
    (note,) = notes_on(plugin_site, source)
    assert note == (
        "artkit-odd 0.2 changed the random numbers of Python and changed the working folder and changed which warnings "
        "are shown while it was imported, to no effect"
    )
    assert (random.getstate(), os.getcwd(), list(warnings.filters)) == before


def test_a_filter_for_one_message_stays_and_is_no_fault(plugin_site):
    with warnings.catch_warnings():
        assert notes_on(plugin_site, "import warnings\nwarnings.filterwarnings('ignore', message='odd but true')") == []
        assert any(each[1] and each[1].pattern == "odd but true" for each in warnings.filters)


def test_filters_that_a_plugin_removed_come_back(plugin_site):
    before = list(warnings.filters)
    (note,) = notes_on(plugin_site, "import warnings\nwarnings.resetwarnings()")
    assert "changed which warnings are shown" in note
    assert list(warnings.filters) == before


def test_what_a_plugin_changes_in_torch_and_numpy_is_put_back_and_told(plugin_site):
    import numpy as np
    import torch

    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    (note,) = notes_on(
        plugin_site,
        """
        import numpy, torch
        numpy.random.rand()
        torch.manual_seed(5)
        torch.set_default_dtype(torch.float64)
        """,
    )
    assert "changed numpy's random numbers and changed torch's random numbers and changed torch's default dty" in note
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.get_default_dtype() == torch.float32


PROGRAM = """
from artkit.registry import load_registry, plugin_notes
notes = list(plugin_notes(load_registry()))
import numpy, torch
print(torch.initial_seed() > 1, torch.get_default_dtype())
print(*notes, sep="\\n")
"""


@pytest.mark.slow
def test_a_plugin_that_imports_torch_itself_cannot_change_it_either(plugin_site):
    plugin_site.add(
        "artkit-odd",
        "import numpy, torch\nnumpy.random.seed(1)\ntorch.manual_seed(1)\ntorch.set_default_dtype(torch.float64)\n",
        version="0.2",
    )
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    state, note = done.stdout.splitlines()
    assert state == "True torch.float32"
    assert "s to import, with torch and numpy at its top" in note
    changes = "torch's random numbers and changed torch's default dtype and changed numpy's random numbers"
    assert f"; it changed {changes} while it was imported, to no effect" in note


@pytest.mark.slow
def test_a_plugin_that_only_imports_torch_is_not_said_to_change_it(plugin_site):
    plugin_site.add("artkit-heavy", "import numpy, torch")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert "torch and numpy at its top" in done.stdout
    assert "changed" not in done.stdout


def test_a_plugin_that_takes_long_is_told_with_what_it_imports(plugin_site, monkeypatch):
    monkeypatch.setattr(plugin_module, "SLOW_MS", 20.0)
    (plugin_site.folder / "tensorflow.py").touch()
    notes = notes_on(plugin_site, "import tensorflow, time\ntime.sleep(0.03)")
    assert notes == ["artkit-odd 0.2 took 0.0 s to import, with tensorflow at its top"]


def test_a_failing_plugin_is_one_note_with_all_it_did(plugin_site):
    plugin_site.add("artkit-bad", "print('hello')\n1 / 0", urls=["Source, https://example.org/code"])
    assert list(plugin_notes(load_registry())) == [
        "artkit-bad 1.0 was left out: ZeroDivisionError: division by zero; see `artkit plugins --check`; it printed "
        "'hello' while it was imported, to no effect; report it at https://example.org/code"
    ]


def test_a_hook_that_returns_what_it_should_register_is_told(plugin_site):
    file = plugin_site.add(
        "artkit-list",
        """
        from artkit import hookimpl

        @hookimpl
        def artkit_models(register):
            return [("thing", lambda ctx: "thing")]
        """,
    )
    (note,) = plugin_notes(load_registry())
    assert note == (
        "artkit-list 1.0 was left out: artkit_models returned list, which is lost; it returns nothing, and calls "
        f"register(name, factory) for each component ({file}:4); see `artkit plugins --check`"
    )


def test_artkit_says_nothing_of_its_own_time_on_a_busy_machine(monkeypatch):
    monkeypatch.setattr(plugin_module, "SLOW_MS", 0.0)
    assert not [note for note in plugin_notes(load_registry()) if note.startswith("artkit 0")]
