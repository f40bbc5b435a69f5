"""Groups of options: a frozen dataclass as the type of an option; its fields are options in turn.

    @dataclass(frozen=True)
    class Stem:
        width: Annotated[int, Ge(1), Doc("channels")] = 64
        pool: bool = True

    def net(ctx: ModelContext, *, stem: Stem = Stem()): ...

Users set `model.stem.width=32`, or a table [model.stem] in a recipe, and what they leave out keeps its default. Groups
can hold groups, and `Stem | None` can be none.
"""

import dataclasses
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from artkit.options.hints import HintError, without_alias


def group_class(annotation: Any) -> type | None:
    """The dataclass that an evaluated annotation says, if it is one, such as `Stem`, `Stem | None` or `Annotated`.

    Raises:
        HintError: if it is one that cannot be a group of options.
    """
    annotation = without_alias(annotation)
    if get_origin(annotation) is Annotated:
        return group_class(get_args(annotation)[0])
    arms = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    classes = [arm for arm in arms if isinstance(arm, type) and dataclasses.is_dataclass(arm)]
    if not classes:
        return None
    if set(arms) - {classes[0], type(None)}:
        raise HintError(f"joins the group {classes[0].__name__} with other types; a group stands alone or with None")
    if not classes[0].__dataclass_params__.frozen:  # type: ignore[attr-defined] # every dataclass has them
        raise HintError(
            f"is the dataclass {classes[0].__name__}, which can be changed; write @dataclass(frozen=True) above it"
        )
    return classes[0]


def group_fields(group: type) -> "Iterator[dataclasses.Field[Any]]":
    """The fields that users can set."""
    return (field for field in dataclasses.fields(group) if field.init)


def field_default(field: "dataclasses.Field[Any]", missing: Any) -> Any:
    """The default of a field, or `missing`."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return missing if field.default is dataclasses.MISSING else field.default


def group_names(group: type) -> dict[str, Any]:
    """The names by which annotations of its fields are evaluated: those of the modules it and its bases stand in."""
    names: dict[str, Any] = {}
    for base in reversed(group.__mro__):
        names |= vars(sys.modules[base.__module__]) if base is not object else {}
    return names


def fields_of(value: Any) -> Mapping[str, Any] | None:
    """Field name -> value, of a table or a dataclass; None if the value is neither."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in group_fields(type(value))}
    return value if isinstance(value, Mapping) else None
