"""Pages of the reference, in Markdown, from the docstrings and signatures of what they describe.

One page a kind of component (its hook, an example, its context, what its factories return, options, checks, built-in
components), one of run events, one of tests, one of the sections of a recipe that belong to no component.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from artkit import annotations, contracts, hookspecs, testing
from artkit.contracts import KINDS, Kind
from artkit.hookspecs import REGISTRATION_HOOKS, RUN_EVENTS
from artkit.options import OptionTable, groups, hints, reading, recipe_text
from artkit.recipe.section_options import SECTIONS, section_options
from artkit.registering import RegisterOf
from artkit.registry import Component, Registry, plural, shared_options
from artkit.scaffold import PackageName, Provided, example_module
from artkit.testing import fake_run, harness
from artkit.testing.checks import all_checks

_RETURNED: Final[Mapping[Kind, tuple[type, ...]]] = {
    "model": (contracts.Pretrained,),
    "augmenter": (contracts.Augmenter, contracts.Draws, contracts.Mixed),
    "sampler": (contracts.Sampler,),
    "loss": (contracts.Loss,),
    "schedule": (contracts.Schedule,),
    "source": (contracts.Source,),
}
"""Beside the context: the classes of the contract that authors of a kind meet."""


def all_pages(registry: Registry) -> dict[str, str]:
    """File name -> text of the page, with the components that come with artkit."""
    pages = {f"{plural(kind)}.md": kind_page(kind, registry) for kind in KINDS}
    pages |= {
        "registering.md": registering_page(),
        "options.md": options_page(),
        "run-events.md": events_page(),
        "testing.md": testing_page(),
        "recipe-sections.md": settings_page(),
    }
    return pages | {"README.md": index_page(pages)}


def index_page(pages: Mapping[str, str]) -> str:
    """The list of the pages."""
    begin = "What authors of plugins work with; [the tutorial](../tutorial.md) is the place to begin."
    said = {f"{plural(kind)}.md": _contract_of(kind) for kind in KINDS}
    lines = [
        f"- [{text.splitlines()[0].removeprefix('# ')}]({name}){said.get(name, '')}" for name, text in pages.items()
    ]
    return _page("Reference", begin, "\n".join(lines))


def _contract_of(kind: Kind) -> str:
    """What the factories of a kind take and give, as its hook says it."""
    return ": " + (getattr(hookspecs, _hook_of(kind)).__doc__ or "").partition(": ")[2].rstrip()


def _hook_of(kind: Kind) -> str:
    return next(hook for hook, of in REGISTRATION_HOOKS.items() if of == kind)


def kind_page(kind: Kind, registry: Registry) -> str:
    """The page of a kind: its contract, and the built-in components with their options."""
    context = getattr(contracts, f"{kind.capitalize()}Context")
    described = [_class_section(described) for described in (context, *_RETURNED.get(kind, ()))]
    components = [component for component in registry.components(kind) if component.plugin.is_builtin]
    return _page(
        plural(kind).capitalize(),
        _hook_text(_hook_of(kind)),
        _example_section(kind),
        *described,
        *_shared_section(kind),
        f"## Checks\n\n{_CHECKED} After [those of every plugin](testing.md#checks-of-every-plugin):",
        _check_table(kind),
        f"## {plural(kind).capitalize()} that come with artkit",
        *(component_section(component) for component in components),
    )


_CHECKED: Final = "`artkit plugins check` and the tests of packages hold a plugin to these rules."


def _example_section(kind: Kind) -> str:
    """The example of a kind, as `artkit plugins new` writes it, and how it is used."""
    name = PackageName(f"artkit-my-{kind}")
    used = Provided(kind=kind, name=name.component, summary="").command
    said = f"A whole plugin; `artkit plugins new {name.dist} --kind {kind}` writes it as a package with tests."
    commands = _code(f"{used} --plugin mine.py    # as one file\n{used}                     # installed", "")
    return _join("## Example", said, _code(example_module(kind, name)), commands)


def _check_table(kind: Kind | None) -> str:
    """The checks of a kind; None: those of every plugin."""
    return _table(("check", "rule"), ((f"`{one.name}`", one.rule) for one in all_checks() if one.kind == kind))


def testing_page() -> str:
    """The page of `artkit.testing`: the checks that are the same for all kinds, and what tests are written with."""
    public = [getattr(testing, name) for name in sorted(testing.__all__, key=str.lower)]
    return _page(
        "Tests and checks",
        "What `artkit.testing` has for the tests of a plugin. `contract` is enough to begin with; a harness trains for "
        "real, and a fake run spares reporters a training.",
        f"## Checks of every plugin\n\n{_CHECKED} The page of each kind has more.",
        _check_table(None),
        f"## A tiny real run\n\n{_with_example(harness)}",
        f"## The events of a run alone\n\n{_with_example(fake_run)}",
        *(_class_section(one) if isinstance(one, type) else _function_section(one) for one in public),
    )


def _with_example(module: ModuleType) -> str:
    """What a module says: a sentence, and an example of its use."""
    sentence, _, example = inspect.cleandoc(module.__doc__ or "").partition("\n\n")
    return _join(sentence, _code(example))


def _function_section(function: Callable[..., Any]) -> str:
    return _join(f"## {function.__name__}", _code(_head(function)), as_markdown(function.__doc__ or ""))


def component_section(component: Component) -> str:
    """A component: what it is, its other names, its options."""
    lines = [f"### {component.name}", as_markdown(component.factory.__doc__ or "")]
    lines += [f"Also called {', '.join(component.aliases)}."] if component.aliases else []
    lines += [f"{component.warning}"] if component.warning else []
    return _join(*lines, option_table(component.options))


def events_page() -> str:
    """The page of run events: the hooks that reporters implement, and what they are given."""
    given = (contracts.RunInfo, contracts.Predictions, contracts.ErrorInfo)
    return _page(
        "Run events",
        "Methods of the objects that factories of reporters return, each marked with `@hookimpl`. They ask only for "
        "the arguments they need, by name and without defaults.",
        *(f"## {event}\n\n{_hook_text(event)}" for event in RUN_EVENTS),
        *map(_class_section, given),
    )


def registering_page() -> str:
    """The page of `register`, which every registration hook is given."""
    register = RegisterOf.__call__
    code = _code(_head(register).replace("def __call__", "def register").replace("    self,\n", ""))
    return _page("Registering components", code, as_markdown(register.__doc__ or ""))


def options_page() -> str:
    """The page of the types that options can have, and of how they are written in recipes and on the command line."""
    parts = {
        "How an option is written": annotations,
        "Types": hints,
        "Groups": groups,
        "In recipes": recipe_text,
        "On the command line": reading,
    }
    return _page("Options", *(f"## {title}\n\n{as_markdown(part.__doc__ or '')}" for title, part in parts.items()))


def settings_page() -> str:
    """The page of the sections that belong to no component, with the defaults of the recipe that runs start from."""
    texts = [
        "Sections of a recipe",
        "What belongs to a run and to no component. `artkit run --print-recipe` shows all values.",
    ]
    for section, settings in SECTIONS.items():
        said = as_markdown(settings.__doc__.removeprefix(f"Section [{section}]."))
        texts += [f"## [{section}]", said, option_table(section_options(section))]
    return _page(*texts)


def option_table(options: OptionTable) -> str:
    """The options as a Markdown table; a sentence if there are none."""
    if not len(options):
        return "It has no options."
    rows = [(f"`{o.name}`", o.type_text, o.default_text, o.bounds_text, o.help) for o in options.leaves.values()]
    return _table(("option", "type", "default", "bounds", "what it is"), rows)


def as_markdown(docstring: str) -> str:
    """A docstring as Markdown: headings become bold words, what stands below them a list, and examples code."""
    text = inspect.cleandoc(docstring)
    text = re.sub(r"(?ms)^Example:\n +::\n\n(.+?)\Z", lambda found: _code(found[1]), text)
    return re.sub(
        r"(?ms)^(Args|Attributes|Returns|Yields|Raises):\n(.+?)(?=\n\n|\Z)",
        lambda found: _listed(found[1], found[2]),
        text,
    )


def _listed(section: str, text: str) -> str:
    items = re.sub(r"(?m)^(\w+): ", r"- `\1`: ", textwrap.dedent(text))
    return f"**{section}**\n\n{re.sub(r'(?m)^ +', '  ', items)}"


def _code(text: str, language: str = "python") -> str:
    text = text.replace("'''", '"""')  # within a docstring they had to differ
    return f"```{language}\n{textwrap.dedent(text).rstrip()}\n```"


def _hook_text(hook: str) -> str:
    function = getattr(hookspecs, hook)
    return _join(_code(f"@hookimpl\n{_head(function)}"), as_markdown(function.__doc__ or ""))


_WIDTH: Final = 120
"""Columns of a line of code."""


def _head(function: Callable[..., Any]) -> str:
    """The lines of a function from `def` on to its docstring, as they are written, without quotes around types."""
    source = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef)
    lines = source.splitlines()[node.lineno - 1 : node.body[0].lineno - 1]
    head = re.sub(r'(: |-> )"([^"]+)"', r"\1\2", "\n".join(lines)) + " ..."
    if "\n" not in head and len(head) > _WIDTH:  # it would be, with the dots
        head = re.sub(r"\((.*)\) ->", r"(\n    \1\n) ->", head)
    return head


def _shared_section(kind: Kind) -> Iterator[str]:
    shared = shared_options(kind)
    if len(shared):
        yield f"## Options of every {kind}\n\nThe core gives them; authors need do nothing.\n\n{option_table(shared)}"


def _class_section(described: type) -> str:
    """A class of the contract: its docstring, its fields and its methods."""
    lines = [f"## {described.__name__}", as_markdown(described.__doc__ or "")]
    node = ast.parse(inspect.getsource(described)).body[0]
    assert isinstance(node, ast.ClassDef)
    if fields := list(_fields(node)):
        lines.append(_table(("field", "type", "what it is"), fields))
    for part in (part for part in node.body if isinstance(part, ast.FunctionDef) and ast.get_docstring(part)):
        member = vars(described)[part.name]
        if getter := getattr(member, "fget", None):
            lines += [_code(f"@property\n{_head(getter)}"), as_markdown(member.__doc__ or "")]
        elif not part.name.startswith("_") or part.name in ("__call__", "__iter__"):
            lines += [_code(_head(member)), as_markdown(member.__doc__ or "")]
    return _join(*lines)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str]]:
    """Name, type and docstring of each field; the docstring is the text below it."""
    for part, below in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.target.id[0] != "_":
            value = below.value if isinstance(below, ast.Expr) else None
            text = value.value if isinstance(value, ast.Constant) else ""
            said = inspect.cleandoc(text) if isinstance(text, str) else ""
            yield f"`{part.target.id}`", f"`{ast.unparse(part.annotation).strip(chr(39))}`", said.replace("\n", " ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; columns in which nothing stands are left out."""
    rows = list(rows)
    shown = [column for column in range(len(head)) if any(row[column] for row in rows)]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line[column].replace("|", "\\|") for column in shown) + " |" for line in lines)


_ORIGIN: Final = "<!-- Written by tools/write_reference.py; change what it describes, not this file. -->"


def _page(title: str, *parts: str) -> str:
    return _join(f"# {title}", _ORIGIN, *parts) + "\n"


def _join(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))
