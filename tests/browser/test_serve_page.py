"""The page of `artkit serve` in a real browser: an image is dropped, pasted or chosen, on a phone and on a desk."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from PIL import Image

from artkit_shards import open_dataset

for module in ("starlette", "uvicorn", "python_multipart"):
    pytest.importorskip(module, reason="needs the extra serve")

pytestmark = pytest.mark.slow

HAND_OVER = """([kind, texts, type]) => {
    const given = new DataTransfer();
    for (const text of texts) {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        given.items.add(new File([bytes], "given.jpg", { type }));
    }
    const options = { bubbles: true, cancelable: true };
    document.body.dispatchEvent(kind === "drop"
        ? new DragEvent("drop", { dataTransfer: given, ...options })
        : new ClipboardEvent("paste", { clipboardData: given, ...options }));
}"""
CONTRAST = """(selector) => {
    const channels = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => {
        const [r, g, b] = channels(text).slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let behind = document.querySelector(selector);
    const ink = light(getComputedStyle(behind).color);
    while (channels(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const [one, other] = [ink, light(getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05);
}"""
"""Contrast of text with what is behind it, as WCAG 2 defines it."""

WIDTHS = "(all) => Promise.all(all.map((one) => one.decode().then(() => one.naturalWidth)))"


@contextmanager
def served(run):
    command = [sys.executable, "-m", "artkit", "serve", str(run), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r"http://[\d.:]+", process.stdout.readline())
            assert found
            yield f"{found[0]}/"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def address(uneven_run):
    with served(uneven_run) as found:
        yield found


@pytest.fixture(scope="module")
def picture(uneven_shards):
    return open_dataset(uneven_shards).split("train").read(0)


@contextmanager
def opened(browser, address, *, width=1440, scheme="light", refusals=False, **options):
    """A page without errors, but for the refusals that a test wants, which asks nobody else for anything."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    page = context.new_page()
    page.set_default_timeout(10_000)
    troubles, asked = [], []
    page.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    context.close()
    assert [text for text in troubles if not (refusals and "the server responded with a status of 4" in text)] == []
    assert all(url.startswith((address, "blob:", "data:")) for url in asked)


def hand_over(page, kind, *images, media_type="image/jpeg"):
    page.evaluate(HAND_OVER, [kind, [base64.b64encode(image).decode() for image in images], media_type])


def choose(page, data, name="chosen.jpg", media_type="image/jpeg"):
    page.locator("#file").set_input_files({"name": name, "mimeType": media_type, "buffer": data})


def status(page):
    return page.get_by_role("status").inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1440, "light"), (1440, "dark")])
def test_a_dropped_image_is_answered(chromium_browser, address, picture, width, scheme):
    with opened(chromium_browser, address, width=width, scheme=scheme) as page:
        hand_over(page, "drop", picture)
        page.locator(".guess").first.wait_for()
        assert page.locator(".guess").count() == 3
        assert page.locator("#works img").evaluate_all(WIDTHS) == [192] * 6
        widths = page.locator(".bar").evaluate_all("(bars) => bars.map((bar) => bar.getBoundingClientRect().width)")
        assert widths == sorted(widths, reverse=True)
        assert widths[0] > 20
        assert page.locator("#targets h2").inner_text() in status(page)
        assert page.locator("#shown").evaluate("(image) => image.naturalWidth") > 0
        for selector in (".faint", "#drop .faint", "#works .faint", "summary", ".guess span"):
            assert page.evaluate(CONTRAST, selector) >= 4.5, selector


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_file_that_is_no_image_is_told(chromium_browser, address, picture, scheme):
    with opened(chromium_browser, address, width=360, scheme=scheme, refusals=True) as page:
        choose(page, picture)
        page.locator(".guess").first.wait_for()
        choose(page, b"<svg/>")
        page.locator("#status.bad").wait_for()
        assert status(page).startswith("This is not an image of a kind that can be read; send a JPEG")
        assert page.locator("#answer").is_hidden()
        assert page.locator("#nearest").is_hidden()
        assert page.evaluate(CONTRAST, "#status") >= 4.5
        choose(page, picture)
        page.locator(".guess").first.wait_for()
        assert page.locator("#status.bad").count() == 0


def test_an_image_is_pasted(chromium_browser, address, picture):
    with opened(chromium_browser, address) as page:
        hand_over(page, "paste")
        assert "There is no image in what was pasted" in status(page)
        hand_over(page, "paste", picture)
        page.locator(".guess").first.wait_for()
        assert page.locator("#file").input_value().endswith("given.jpg")


def test_of_several_files_the_first_is_taken_and_no_file_is_told(chromium_browser, address, picture):
    with opened(chromium_browser, address) as page:
        hand_over(page, "drop")
        assert "No file was dropped" in status(page)
        hand_over(page, "drop", picture, b"another one")
        page.locator(".guess").first.wait_for()
        assert "The first of 2 files was taken." in status(page)


def test_a_file_over_the_limit_is_told_before_it_is_sent(chromium_browser, address):
    with opened(chromium_browser, address) as page:
        choose(page, bytes(20_000_001))
        page.locator("#status.bad").wait_for()
        assert "The file has 20.0 MB, the limit is 20 MB" in status(page)


def test_an_image_over_the_limit_of_pixels_is_told(chromium_browser, address):
    file = io.BytesIO()
    Image.new("1", (50_000, 1001)).save(file, "PNG")
    with opened(chromium_browser, address, width=360, refusals=True) as page:
        assert "up to 20 MB and 50 megapixels" in page.locator("#drop").inner_text()
        choose(page, file.getvalue(), "wide.png", "image/png")
        page.locator("#status.bad").wait_for()
        assert status(page) == (
            "This image has 50000 x 1001 pixels, more than the limit of 50 megapixels; send a smaller copy of it."
        )
        assert page.locator("#answer").is_hidden()


def test_the_row_of_the_file_is_as_wide_as_what_it_says_and_so_stands_in_the_middle(chromium_browser, address, picture):
    with opened(chromium_browser, address) as page:
        boxes = []
        for name in ("a.jpg", "a-rather-long-name.jpg"):
            choose(page, picture, name)
            boxes.append(page.locator("#file").bounding_box())
        assert boxes[0]["width"] + 50 < boxes[1]["width"]
        assert [box["x"] + box["width"] / 2 for box in boxes] == [pytest.approx(720, abs=1)] * 2


def test_an_image_that_the_browser_cannot_show_is_answered_all_the_same(chromium_browser, address, picture):
    file = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(file, "TIFF")
    with opened(chromium_browser, address) as page:
        choose(page, file.getvalue(), "scan.tif", "image/tiff")
        page.locator(".guess").first.wait_for()
        page.get_by_text("This browser cannot show such an image.").wait_for()
        assert page.locator("#shown").is_hidden()


def test_the_keyboard_reaches_everything_in_order(chromium_browser, address):
    with opened(chromium_browser, address) as page:
        assert page.get_by_label("Drop an image here").get_attribute("type") == "file"
        reached = []
        for _ in range(3):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
        assert reached == ["file", "what it knows", "for programs"]
        page.keyboard.press("Enter")
        assert page.evaluate("document.getElementById('address').textContent") == address
        assert page.locator("pre").is_visible()


@pytest.fixture(scope="module")
def strict_run(uneven_run, tmp_path_factory):
    """A run to which all images are unknown, since its threshold was lowered."""
    run = shutil.copytree(uneven_run, tmp_path_factory.mktemp("strict") / "run")
    calibration = json.loads((run / "calibration.json").read_text())
    for fitted in calibration["targets"].values():
        fitted["thresholds"] = dict.fromkeys(fitted["thresholds"], -1e9)
    (run / "calibration.json").write_text(json.dumps(calibration))
    return run


def test_what_is_unknown_says_so_and_names_the_likeliest(chromium_browser, strict_run, picture):
    with served(strict_run) as address, opened(chromium_browser, address) as page:
        hand_over(page, "drop", picture)
        page.locator(".doubtful").wait_for()
        assert page.locator("#targets h2").inner_text() == "unknown"
        assert "too unlike what the model has learnt" in page.locator("#targets").inner_text()
        assert status(page).startswith("unknown; the likeliest is ")


def test_without_scripts_the_form_gives_the_answer_as_it_is(chromium_browser, address, picture):
    with opened(chromium_browser, address, java_script_enabled=False) as page:
        choose(page, picture)
        page.get_by_role("button", name="Ask").click()
        page.wait_for_url("**/predict")
        assert '"top"' in page.content()


def test_several_targets_have_their_names(chromium_browser, two_target_run, two_target_shards):
    picture = open_dataset(two_target_shards).split("test").read(0)
    with served(two_target_run) as address, opened(chromium_browser, address, width=360) as page:
        hand_over(page, "drop", picture, media_type="image/png")
        page.locator(".guess").first.wait_for()
        artist, style = page.locator("#targets h2").all_inner_texts()
        assert artist.startswith("artist: ")
        assert re.fullmatch("style: (flat|line)", style)
