import pytest
from jinja2 import UndefinedError

from artkit_shards import render_page


def test_text_is_escaped_and_filters_are_at_hand(tmp_path):
    template = tmp_path / "page.html.j2"
    template.write_text("{% if loud %}\n<b>{{ name | shouted }}</b>\n{% endif %}\n")
    page = render_page(template, {"name": "<a>", "loud": True}, {"shouted": str.upper})
    assert page == "<b>&lt;A&gt;</b>\n"


def test_a_value_that_is_missing_is_an_error(tmp_path):
    template = tmp_path / "page.html.j2"
    template.write_text("{{ titel }}")
    with pytest.raises(UndefinedError, match="'titel' is undefined"):
        render_page(template, {"title": "art"})


def test_a_page_can_include_the_style_that_all_have_in_common(tmp_path):
    template = tmp_path / "page.html.j2"
    template.write_text('<style>{% include "page.css" %}</style>')
    assert "color-scheme: light dark" in render_page(template, {})
