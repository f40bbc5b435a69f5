"""Links between the documents lead to files and sections that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/README.md")
    for page in ROOT.glob(pattern)
    if not page.name.startswith(".")
)


def prose(page):
    """The text without blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def sections(page):
    """The names by which sections of a page are linked to, as GitHub and most others make them of titles."""
    titles = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page):
    """Pairs of a page and a section, either of which may be empty; addresses are left out."""
    found = re.findall(r"\]\(([^)\s#]*)#?([^)\s]*)\)", prose(page))
    return [(target, section) for target, section in found if "://" not in target]


def test_there_are_links_to_files_and_to_sections():
    found = [link for page in PAGES for link in links(page)]
    assert len(found) > 30
    assert sum(bool(section) for _, section in found) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for target, section in links(page):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{target} is not there"
        assert not section or section in sections(file), f"{file.name} has no section {section}"
