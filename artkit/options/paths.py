"""Paths in recipes are relative to the folder of the recipe, so that it means the same wherever it is run."""

from pathlib import Path
from typing import Annotated, Any, Self, Union, get_args, get_origin

from artkit.options.hints import choices_of


class RecipeText(str):
    """Text of a recipe file, which knows the folder that its paths are relative to."""

    __slots__ = ("folder",)

    folder: Path

    def __new__(cls, text: str, folder: Path) -> Self:
        """The text of a recipe in a folder."""
        made = super().__new__(cls, text)
        made.folder = folder
        return made

    def __getnewargs__(self) -> tuple[str, Path]:  # type: ignore[override] # what it takes to copy it
        """What `__new__` takes, for copies and pickles."""
        return str(self), self.folder


def mark_texts(value: Any, folder: Path) -> Any:
    """The value with all text in it as `RecipeText`."""
    if isinstance(value, str):
        return RecipeText(value, folder)
    if isinstance(value, dict):
        return {key: mark_texts(item, folder) for key, item in value.items()}
    return [mark_texts(item, folder) for item in value] if isinstance(value, list) else value


def in_recipe_folder(value: Any, hint: Any) -> Any:
    """The value with texts of recipes made full paths, where the type asks for paths."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if isinstance(value, RecipeText):
        return str(value.folder / Path(value).expanduser()) if _is_path(value, hint) else value
    for arm in get_args(hint) if get_origin(hint) is Union else (hint,):
        if isinstance(value, list) and get_origin(arm) in (list, tuple):
            return [in_recipe_folder(item, _item_type(arm, number)) for number, item in enumerate(value)]
        if isinstance(value, dict) and get_origin(arm) is dict:
            return {key: in_recipe_folder(item, get_args(arm)[1]) for key, item in value.items()}
    return value


def _is_path(text: str, hint: Any) -> bool:
    """Whether text is read as a path: not where it is one of the choices, or where any other text is allowed too."""
    arms = [get_args(arm)[0] if get_origin(arm) is Annotated else arm for arm in get_args(hint)]
    others = [arm for arm in arms if arm is str or text in choices_of(arm)] if get_origin(hint) is Union else []
    return hint is Path or (Path in arms and not others)


def _item_type(hint: Any, number: int) -> Any:
    args = get_args(hint)
    is_fixed = get_origin(hint) is tuple and args[-1] is not ...
    # One item too many is told by the check that follows.
    return args[min(number, len(args) - 1)] if is_fixed else args[0]
