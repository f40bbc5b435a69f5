"""HTML pages from templates. Text is escaped, and a value that a template asks for and does not get is an error."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

_STYLE: Final = Path(__file__).with_name("page_style")
"""Style sheets that any page can include; page.css is the one that all have in common."""
_NO_FILTERS: Final[Mapping[str, Callable[..., str]]] = MappingProxyType({})


def render_page(
    template: Path, values: Mapping[str, Any], filters: Mapping[str, Callable[..., str]] = _NO_FILTERS
) -> str:
    """Fill in a Jinja template.

    Args:
        template: Its file; what it includes lies beside it, or is `page.css`, which all pages share.
        values: What it shows, by the names that it uses.
        filters: What it may write behind `|`, besides Jinja's own.

    Raises:
        jinja2.UndefinedError: if the template uses a name without a value.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only now: most of what imports this has no page

    environment = Environment(
        loader=FileSystemLoader([template.parent, _STYLE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template.name).render(values)
