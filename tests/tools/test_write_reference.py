"""The reference is up to date, and leaves nothing without a word."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import pytest

from artkit import hookspecs, testing
from artkit.contracts import KINDS
from artkit.hookspecs import REGISTRATION_HOOKS, RUN_EVENTS
from artkit.options import OptionTable
from artkit.registry import load_registry, shared_options
from artkit.scaffold import PackageName, example_module
from artkit.testing.checks import all_checks

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import reference_pages
    import write_reference

    return SimpleNamespace(pages=reference_pages, writing=write_reference)


@pytest.fixture(scope="module")
def registry():
    return load_registry()


def test_the_reference_is_up_to_date(tools, registry):
    stale = tools.writing.stale_pages(ROOT / "docs" / "reference", tools.pages.all_pages(registry))
    assert not stale, "run tools/write_reference.py"


@pytest.mark.parametrize("hook", [*REGISTRATION_HOOKS, *RUN_EVENTS])
def test_every_hook_has_a_docstring_and_stands_in_the_reference(hook):
    assert getattr(hookspecs, hook).__doc__
    pages = [file.read_text(encoding="utf-8") for file in (ROOT / "docs" / "reference").glob("*.md")]
    assert sum(f"\ndef {hook}(" in page for page in pages) == 1


def test_every_hook_of_the_module_is_listed():
    assert {name for name in vars(hookspecs) if name.startswith("artkit_")} == {*REGISTRATION_HOOKS, *RUN_EVENTS}


def test_every_built_in_component_and_option_says_what_it_is(registry):
    components = [component for component in registry.components() if component.plugin.is_builtin]
    assert len(components) > 40
    assert not [component.id for component in components if not component.summary]
    tables = [*(component.options for component in components), *map(shared_options, {c.kind for c in components})]
    assert not [option.name for table in tables for option in table.leaves.values() if not option.help]


def test_pages_that_differ_or_are_too_many_are_stale_until_written(tools, tmp_path):
    pages = {"models.md": "new", "losses.md": "same"}
    for name, text in {"models.md": "old", "losses.md": "same", "gone.md": ""}.items():
        (tmp_path / name).write_text(text)
    assert tools.writing.stale_pages(tmp_path, pages) == ["gone.md", "models.md"]
    tools.writing.write(tmp_path, pages)
    assert tools.writing.stale_pages(tmp_path, pages) == []


def test_the_check_names_the_pages_and_leaves_with_an_error(tmp_path):
    command = [sys.executable, ROOT / "tools" / "write_reference.py", "--check", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "not up to date: README.md, augmenters.md, " in done.stderr
    assert not list(tmp_path.iterdir())


@dataclass(frozen=True)
class Stem:
    width: Annotated[int, "channels | filters"] = 8


def test_options_in_groups_stand_in_the_table_by_their_full_names(tools):
    def net(ctx, *, stem: Stem = Stem()): ...

    table = OptionTable.from_factory(net, owner="net", plugin="mine.py")
    assert tools.pages.option_table(table).splitlines()[2] == "| `stem.width` | int | 8 | channels \\| filters |"


def test_docstrings_become_markdown(tools):
    text = "Do it.\n\nArgs:\n    name: Of it,\n        in full.\n\nExample:\n    ::\n\n        do(1)\n"
    assert tools.pages.as_markdown(text) == (
        "Do it.\n\n**Args**\n\n- `name`: Of it,\n  in full.\n\n```python\ndo(1)\n```"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_a_kind_has_its_context_an_example_all_checks_and_built_in_components(tools, registry, kind):
    page = tools.pages.kind_page(kind, registry)
    assert f"## {kind.capitalize()}Context" in page
    assert example_module(kind, PackageName(f"artkit-my-{kind}")) in page
    assert all(f"| `{one.name}` | {one.rule}" in page for one in all_checks() if one.kind == kind)
    assert all(f"### {one.name}\n" in page for one in registry.components(kind) if one.plugin.is_builtin)


def test_every_check_says_its_rule_in_a_sentence():
    assert len(all_checks()) > 60
    assert not [one.name for one in all_checks() if not one.rule.endswith(".") or len(one.rule) > 120]


def test_every_field_of_the_contract_says_what_it_is(tools, registry):
    rows = "\n".join(tools.pages.all_pages(registry).values())
    fields = re.findall(r"^\| `(\w+)` \| `(?:[^|]|\\\|)*` \|(.*)$", rows, flags=re.MULTILINE)
    assert len(fields) > 50
    assert not [name for name, said in fields if not said.strip(" |")]


def test_what_every_plugin_is_checked_for_and_all_that_tests_are_written_with_stand_on_one_page(tools):
    page = tools.pages.testing_page()
    assert all(f"| `{one.name}` | {one.rule}" in page for one in all_checks() if one.kind is None)
    assert all(f"\n## {name}\n" in page for name in testing.__all__)
