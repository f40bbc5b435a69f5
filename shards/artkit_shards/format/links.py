"""Names of files in a page of a web server that lists a folder: the links on it that lead right into the folder."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

# Bounded, so that no page takes longer than its size says; Python's own parser can be kept busy for hours.
_LINK: Final = re.compile(
    r"""<a\s[^<>]{0,1000}?\bhref\s{0,9}=\s{0,9}(?:"([^"<>]{1,4000})"|'([^'<>]{1,4000})'|([^\s"'<>]{1,4000}))""", re.I
)


def linked_names(page: str, url: str) -> set[str]:
    """Names of the files right in a folder that its page links.

    Args:
        page: HTML, or anything else: then there are none.
        url: Address of the folder, without a slash at the end.
    """
    folder = urlsplit(url)
    names = {_name(link, folder) for link in _links(page, url)}
    return {name for name in names if "/" not in name} - {"", ".", ".."}


def _links(page: str, url: str) -> Iterator[SplitResult]:
    """Whole addresses to which links lead, without those that are none."""
    for match in _LINK.finditer(page):
        try:
            yield urlsplit(urljoin(f"{url}/", unescape(match[1] or match[2] or match[3])))
        except ValueError:
            continue


def _name(link: SplitResult, folder: SplitResult) -> str:
    """Name of a file that a link leads to; empty if it lies elsewhere. Credentials, http or https do not matter."""
    path, _, name = link.path.rpartition("/")
    is_here = (link.hostname, unquote(path)) == (folder.hostname, unquote(folder.path))
    return unquote(name) if is_here and link.scheme in ("http", "https") else ""
