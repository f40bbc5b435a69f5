"""What an option of a component can say about itself, beside its type and default.

An option is a keyword-only parameter of a component's factory:

    depth: Annotated[int, Ge(1), Doc("transformer blocks")] = 12

`Ge`, `Gt`, `Le`, `Lt`, `Interval` and `MultipleOf` are those of the `annotated-types` package. A plain string inside
`Annotated` serves as help as well. This module stays light: plugins import it at their top.
"""

from dataclasses import dataclass

from annotated_types import Ge, Gt, Interval, Le, Lt, MultipleOf

__all__ = ["Doc", "Ge", "Gt", "Interval", "Le", "Lt", "MultipleOf"]


@dataclass(frozen=True, slots=True)
class Doc:
    """One line of help for an option."""

    text: str
