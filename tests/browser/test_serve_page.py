"""The page of `artkit serve` in a real browser: an image is dropped, on a phone and on a desk."""

import base64
import re
import shutil
import subprocess
import sys

import pytest

from artkit_shards import open_dataset

for module in ("starlette", "uvicorn", "python_multipart"):
    pytest.importorskip(module, reason="needs the extra serve")

pytestmark = pytest.mark.slow

DROP = """(text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const given = new DataTransfer();
    given.items.add(new File([bytes], "dropped.jpg", { type: "image/jpeg" }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def address(uneven_run):
    command = [sys.executable, "-m", "artkit", "serve", str(uneven_run), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        found = re.search(r"http://[\d.:]+", process.stdout.readline())
        assert found
        yield f"{found[0]}/"
        process.kill()


@pytest.fixture(scope="module")
def chromium_browser():
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs a chromium on the PATH")
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium)
        yield opened
        opened.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
def test_a_dropped_image_is_answered(chromium_browser, address, uneven_shards, width, scheme):
    context = chromium_browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(10_000)
    troubles, asked = [], []
    page.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    image = open_dataset(uneven_shards).split("train").read(0)
    page.evaluate(DROP, base64.b64encode(image).decode())
    page.locator(".guess").first.wait_for()
    assert page.locator(".guess").count() == 3
    page.wait_for_function("[...document.querySelectorAll('#works img')].every((one) => one.naturalWidth === 192)")
    assert page.locator("#works li").count() == 6
    widths = page.locator(".bar").evaluate_all("(bars) => bars.map((bar) => bar.getBoundingClientRect().width)")
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 20
    assert page.get_by_role("status").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert page.get_by_label("Drop an image here").count() == 1
    context.close()
    assert troubles == []
    assert all(url.startswith((address, "blob:", "data:")) for url in asked)


def test_a_file_that_is_no_image_is_told(chromium_browser, address):
    page = chromium_browser.new_page()
    page.goto(address)
    page.locator("#file").set_input_files({"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"<svg/>"})
    page.locator("#status.bad").wait_for()
    assert "not an image of a kind" in page.get_by_role("status").inner_text()
    assert page.locator("#answer").is_hidden()
    page.close()
