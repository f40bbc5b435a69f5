"""What tests in a browser share."""

import shutil

import pytest


@pytest.fixture(scope="module")
def chromium_browser():
    """A chromium that nobody sees."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs a chromium on the PATH")
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium)
        yield opened
        opened.close()
