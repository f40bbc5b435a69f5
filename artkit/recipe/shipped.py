"""The recipes that come with artkit: TOML files in `artkit/recipes`, called by their name without `.toml`.

The first line of each is a comment that says in a sentence what it is for.
"""

from importlib import resources
from importlib.resources.abc import Traversable


def shipped_recipes() -> dict[str, Traversable]:
    """Name -> file, sorted by name."""
    files = {file.name.removesuffix(".toml"): file for file in resources.files("artkit").joinpath("recipes").iterdir()}
    return {name: file for name, file in sorted(files.items()) if file.name.endswith(".toml")}


def recipe_summary(text: str) -> str:
    """What the text of a recipe says of itself in its first line; "" if that is no comment."""
    first = text.partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""
