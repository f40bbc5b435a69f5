"""Text in recipes that stands for what TOML lacks: paths, and none.

Paths are relative to the folder of the recipe, so that it means the same wherever it is run. Which text is a path, and
where the word "none" is none and not text, is up to the type of the option.
"""

from collections.abc import Callable
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
    return _with_texts(value, hint, _full_path)


def with_none(value: Any, hint: Any) -> Any:
    """The value with the words "none" made None, where the type allows None."""
    return _with_texts(value, hint, lambda text, hint: None if text == "none" and allows_none(hint) else text)


def allows_none(hint: Any) -> bool:
    """Whether None is one of the values of a type."""
    return any(arm is type(None) or None in choices_of(arm) for arm in _arms(hint))


def _with_texts(value: Any, hint: Any, change: Callable[[str, Any], Any]) -> Any:
    """The value with each text in it changed, by what its type is there."""
    if isinstance(value, str):
        return change(value, hint)
    for arm in _arms(hint):
        if isinstance(value, list) and get_origin(arm) in (list, tuple):
            return [_with_texts(item, _item_type(arm, number), change) for number, item in enumerate(value)]
        if isinstance(value, dict) and get_origin(arm) is dict:
            return {key: _with_texts(item, get_args(arm)[1], change) for key, item in value.items()}
    return value


def _full_path(text: str, hint: Any) -> str:
    return str(text.folder / Path(text).expanduser()) if isinstance(text, RecipeText) and _is_path(text, hint) else text


def _is_path(text: str, hint: Any) -> bool:
    """Whether text is read as a path: not where it is one of the choices, or where any other text is allowed too."""
    arms = _arms(hint)
    return Path in arms and not any(arm is str or text in choices_of(arm) for arm in arms)


def _arms(hint: Any) -> list[Any]:
    """The types that a type joins, or itself; without their bounds."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    arms = get_args(hint) if get_origin(hint) is Union else (hint,)
    return [get_args(arm)[0] if get_origin(arm) is Annotated else arm for arm in arms]


def _item_type(hint: Any, number: int) -> Any:
    args = get_args(hint)
    is_fixed = get_origin(hint) is tuple and args[-1] is not ...
    # One item too many is told by the check that follows.
    return args[min(number, len(args) - 1)] if is_fixed else args[0]
