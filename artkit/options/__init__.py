"""Options: what users can set on a component, read from the signature of its factory.

def vit(ctx: ModelContext, *, depth: Annotated[int, Ge(1), Doc("transformer blocks")] = 12): ...

hints.py      an annotation -> a type that can be checked, and its words for people
groups.py     a frozen dataclass as the type of an option: options in a table of their own
option.py     one keyword-only parameter -> one `Option`
signature.py  a factory -> all its options; refuses signatures that break the contract
reading.py    text from the command line -> a value
recipe_text.py  text of recipes, whose paths are relative to the recipe, and the word for none
checking.py   a value against an option; the only place that uses pydantic
resolution.py values for all options, and all that is wrong with them
table.py      `OptionTable`: all options of a component; resolves and describes
schema.py     options as JSON Schema
values.py     values as plain data for recipes, and as words in messages
"""

from artkit.options.option import Option
from artkit.options.reading import CommandLineText
from artkit.options.recipe_text import mark_texts
from artkit.options.table import OptionTable
from artkit.options.values import absolute_text, to_plain

__all__ = ["CommandLineText", "Option", "OptionTable", "absolute_text", "mark_texts", "to_plain"]
