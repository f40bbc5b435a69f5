"""Writes docs/reference: a page for each kind of component, for run events, and for the sections of a recipe.

python tools/write_reference.py            write the pages
python tools/write_reference.py --check    say which are not up to date, and change nothing
"""

import argparse
import sys
from pathlib import Path

from artkit.registry import load_registry
from reference_pages import all_pages

FOLDER = Path(__file__).parent.parent / "docs" / "reference"


def main() -> None:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="say which pages are not up to date")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pages are")
    arguments = parser.parse_args()
    pages = all_pages(load_registry())
    if not arguments.check:
        write(arguments.folder, pages)
        print(f"{len(pages)} pages in {arguments.folder}")
    elif stale := stale_pages(arguments.folder, pages):
        sys.exit(f"not up to date: {', '.join(stale)}; run tools/write_reference.py")


def write(folder: Path, pages: dict[str, str]) -> None:
    """Write pages, and take away those that are there no more."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.md"):
        if file.name not in pages:
            file.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def stale_pages(folder: Path, pages: dict[str, str]) -> list[str]:
    """Names of the pages that are missing, are not what they should be, or should not be there."""
    there = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    return sorted(name for name in {*there, *pages} if there.get(name) != pages.get(name))


if __name__ == "__main__":
    main()
