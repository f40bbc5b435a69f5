"""Single options set on the command line: `--set kind.option=value`.

A run can have several augmenters and reporters; `--set augmenter.affine.rotation=20` says which one is meant. Options
in groups have a dot of their own: `--set model.stem.width=32`.
"""

from collections.abc import Iterator, Sequence

from artkit.contracts import Kind
from artkit.errors import RecipeError
from artkit.kinds import SEVERAL, SINGLE
from artkit.options import CommandLineText
from artkit.recipe.sections import SETTINGS, Layer, lay_component
from artkit.registry import Component, Registry
from artkit.suggest import suggest


def assign(recipe: Layer, assignment: str, registry: Registry) -> None:
    """Carry out one `--set` on a recipe, whose tables are replaced and not changed.

    Raises:
        RecipeError: if it cannot be read, or it is not clear what it is for.
    """
    section, parts, text = read_assignment(assignment)
    option = parts[-1]
    known = (*SETTINGS, *SINGLE, *SEVERAL)
    if section not in known:
        raise RecipeError(
            f"--set {assignment}: there is no '{section}'. {suggest(section, known)}".rstrip()
            + f"\n  There are: {', '.join(known)}."
        )
    if section in SEVERAL:
        _assign_to_one(recipe, section, parts, text, registry)
    elif section in SINGLE:
        _assign_to_single(recipe, section, ".".join(parts), text, registry)
    elif len(parts) > 1:
        raise RecipeError(f"--set {assignment}: a run has one {section}; write {section}.{option}={text}")
    else:
        recipe[section] = {**recipe.get(section, {}), option: CommandLineText(text)}


def read_assignment(assignment: str) -> tuple[str, list[str], str]:
    """The section, the parts of the name in it, and the value of one `--set`.

    Raises:
        RecipeError: if it cannot be read.
    """
    path, equals, text = assignment.partition("=")
    section, *parts = path.strip().split(".")
    if not equals or not parts or not all((section, *parts)):
        raise RecipeError(f"--set {assignment} cannot be read; write it as kind.option=value, such as train.epochs=3")
    return section, parts, text


def meant_options(component: Component, parts: Sequence[str]) -> Iterator[str]:
    """The option of a component that an assignment means, behind its name or without it; none if it means another.

    Names of components may have dots in them, and so have those of options in groups.

    Args:
        component: One of those that the assignment may mean.
        parts: What stands behind the section, split at the dots.
    """
    if len(parts) == 1 or component.options.knows(".".join(parts)):
        yield ".".join(parts)
    for end in range(1, len(parts)):
        if ".".join(parts[:end]) in component.names:
            yield ".".join(parts[end:])


def _assign_to_single(recipe: Layer, kind: Kind, option: str, text: str, registry: Registry) -> None:
    options = registry.component(kind, recipe[kind]["name"]).options
    if "." in option and not options.knows(option):
        first, _, rest = option.partition(".")
        if first in options.options:
            type_text = options.options[first].type_text
            table = f"{kind}.{first}={rest}={text}"
            advice = f"{kind}.{first} is {type_text} and has no options in it; a table is written {table}"
        else:
            advice = f"a run has one {kind}; write {kind}.{rest.rpartition('.')[2]}={text}"
        raise RecipeError(f"--set {kind}.{option}={text}: {advice}")
    recipe[kind] = lay_component(kind, recipe[kind], {option: CommandLineText(text)}, registry)


def _assign_to_one(recipe: Layer, kind: Kind, parts: Sequence[str], text: str, registry: Registry) -> None:
    entries = list(recipe.get(kind, []))
    meant = [
        (number, option)
        for number, entry in enumerate(entries)
        for option in meant_options(registry.component(kind, entry["name"]), parts)
    ]
    if len(meant) != 1:
        if len(parts) > 1 and not meant:
            registry.component(kind, ".".join(parts[:-1]))  # raises, if there is no such component at all
        names = ", ".join(entry["name"].split("/")[-1] for entry in entries) or "none"
        raise RecipeError(
            f"--set {kind}.{'.'.join(parts)}={text}: this run has these {kind}s: {names}; "
            f"name one of them: --set {kind}.NAME.{parts[-1]}={text}"
        )
    ((number, option),) = meant
    entries[number] = lay_component(kind, entries[number], {option: CommandLineText(text)}, registry)
    recipe[kind] = entries
