"""Screenshots of a report page, for people to look at: on a phone and on a desk, light and dark.

    python tools/shoot_report.py shots runs/2026-01-31-small-resnet-1/report.html
    python tools/shoot_report.py shots --made-up 12 50 200

The second form makes up runs of so many classes and shoots their pages. A page gives four pictures of its whole length,
and one of the images behind a confused pair. It needs the package `playwright` and a `chromium` on the PATH.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from made_up_run import replay

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDTHS: Final = {"phone": 360, "desk": 1440}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
REPORTERS: Final = ("confusion-matrix", "curves", "mosaic", "report")


def main() -> None:
    """Shoot the pages."""
    parser = argparse.ArgumentParser(description="Screenshots of report pages.")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("pages", type=Path, nargs="*", help="report.html of runs")
    parser.add_argument("--made-up", type=int, nargs="+", default=[], metavar="K", help="classes of made-up runs")
    parser.add_argument("--images", type=int, default=2000, help="test images of made-up runs (%(default)s)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = [make(Path(folder) / str(number), number, options.images) for number in options.made_up]
        shoot({page.parent.name: page for page in (*options.pages, *made)}, options.out)


def make(folder: Path, num_classes: int, num_images: int) -> Path:
    """The page of a made-up run."""
    replay(folder, REPORTERS, num_classes=num_classes, num_images=num_images)
    return folder / "report.html"


def shoot(pages: dict[str, Path], out: Path) -> None:
    """Shoot each page in each width and scheme."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for name, page in pages.items():
            for path in shoot_page(browser, page, name, out):
                print(path)
        browser.close()


def shoot_page(browser: "Browser", path: Path, name: str, out: Path) -> Iterable[Path]:
    """Shoot one page; gives the pictures."""
    for device, width in WIDTHS.items():
        for scheme in SCHEMES:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.goto(path.resolve().as_uri())
            page.wait_for_timeout(300)
            picture = out / f"{name}-{device}-{scheme}.png"
            page.screenshot(path=picture, full_page=True)
            yield picture
            buttons = page.locator(".pairs button")
            if scheme == "light" and buttons.count():
                buttons.first.click()
                page.wait_for_timeout(100)
                picture = out / f"{name}-{device}-pair.png"
                page.screenshot(path=picture)
                yield picture
            page.close()


if __name__ == "__main__":
    main()
