"""The report page in a real browser: on a phone and on a desk, light and dark, by mouse, finger and keyboard."""

import re
from contextlib import contextmanager
from pathlib import Path

import pytest

from artkit_plugins.reporters import report

pytestmark = pytest.mark.slow

TOOLS = Path(__file__).parents[2] / "tools"
SIZES = {12: 300, 50: 600, 200: 1000}
"""Classes -> test images."""
CELL = """([truth, said]) => {
    const view = matrices[0].view;
    const at = (number, scrolled) => view.edge + (view.place.get(number) + 0.5) * view.cell - scrolled;
    return { x: at(said, view.viewport.scrollLeft), y: at(truth, view.viewport.scrollTop) };
}"""
"""Where the cell of a pair is within the matrix."""
CONTRAST = """() => {
    const channels = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => {
        const [r, g, b] = channels(text).slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const value = getComputedStyle(each).backgroundColor;
            if (channels(value)[3] !== 0) return value;
        }
        return "rgb(255, 255, 255)";
    };
    const found = {};
    for (const selector of [".faint", "main a", "main td", ".pill", ".sortable th", ".controls label", "summary"]) {
        const element = document.querySelector(selector);
        if (!element) continue;
        const [one, other] = [getComputedStyle(element).color, behind(element)].map(light).sort((a, b) => b - a);
        found[selector] = (one + 0.05) / (other + 0.05);
    }
    return found;
}"""
"""Contrast of text with what is behind it, as WCAG 2 defines it, by selector."""


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The page of a made-up run, by number of classes; made when it is first asked for."""
    made = {}

    def get(num_classes):
        if num_classes not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.syspath_prepend(TOOLS)
                from made_up_run import replay
            folder = tmp_path_factory.mktemp(f"report-{num_classes}")
            names = ["confusion-matrix", "curves", "report"] if num_classes == 12 else ["report"]
            replay(folder, names, num_classes=num_classes, num_images=SIZES[num_classes])
            made[num_classes] = folder / "report.html"
        return made[num_classes]

    return get


@contextmanager
def opened(chromium_browser, path, *, width=1440, scheme="light", **options):
    """A page that must have no error and ask for nothing."""
    context = chromium_browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    page = context.new_page()
    troubles, asked = [], []
    page.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.resolve().as_uri())
    page.set_default_timeout(5000)
    yield page
    context.close()
    assert troubles == []
    assert {url for url in asked if not url.startswith("data:")} == {path.resolve().as_uri()}


def names_shown(page):
    return page.locator(".sortable tbody tr:visible th").all_inner_texts()


def overflow(page):
    """Pixels by which the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("num_classes", SIZES)
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_is_painted(chromium_browser, reports, num_classes, width, scheme):
    with opened(chromium_browser, reports(num_classes), width=width, scheme=scheme) as page:
        assert overflow(page) <= 0
        assert page.locator(".sortable tbody tr").count() == num_classes
        assert page.locator(".panel svg path").count() == 7
        assert page.locator(".pairs img").count() > 20
        page.wait_for_function("matrices[0].view.cell > 0")
        colours = page.evaluate("""() => {
            const canvas = document.querySelector(".matrix canvas");
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(new Uint32Array(pixels.buffer)).size;
        }""")
        assert colours > 10
        for selector, ratio in page.evaluate(CONTRAST).items():
            assert ratio >= 4.5, selector


def test_headings_sort_the_classes_both_ways(chromium_browser, reports):
    with opened(chromium_browser, reports(12)) as page:
        heading = page.locator("th[data-sort]", has_text="class")
        heading.get_by_role("button").click()
        assert heading.get_attribute("aria-sort") == "ascending"
        ascending = names_shown(page)
        heading.get_by_role("button").click()
        assert heading.get_attribute("aria-sort") == "descending"
        assert names_shown(page) == ascending[::-1] != ascending
        assert page.locator("[aria-sort]").count() == 1
        page.locator("th[data-sort]", has_text="in training").get_by_role("button").press("Enter")
        counts = page.locator(".sortable tbody td:last-child").all_inner_texts()
        numbers = [int(text.replace(",", "")) for text in counts]
        assert numbers == sorted(numbers, reverse=True)


def test_classes_are_found_by_a_part_of_their_name(chromium_browser, reports):
    with opened(chromium_browser, reports(50), width=360) as page:
        page.get_by_label("Find").fill("BRANDT")
        shown = names_shown(page)
        assert 0 < len(shown) < 50
        assert all("Brandt" in name for name in shown)
        assert page.locator(".found").inner_text() == f"{len(shown)} of 50 classes"
        page.get_by_label("Find").fill("")
        page.get_by_label("only with mistakes").check()
        faultless = page.locator('.sortable tr[data-mistakes="0"]')
        assert faultless.count() == 50 - len(names_shown(page))


def test_curves_tell_their_values_to_pointers_and_keys(chromium_browser, reports):
    with opened(chromium_browser, reports(12)) as page:
        panel = page.locator(".panel", has_text="Loss").first
        panel.locator("svg").first.hover(position={"x": 300, "y": 90})
        told = panel.locator(".reading").inner_text()
        assert re.fullmatch(r"epoch \d+: training [\d.]+, validation [\d.]+", told)
        page.mouse.move(0, 0)
        assert panel.locator(".reading").inner_text() == ""
        panel.locator("svg").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert panel.locator(".reading").inner_text().startswith("epoch 2: ")


@pytest.mark.parametrize(("num_classes", "width"), [(12, 360), (50, 1440), (200, 1440)])
def test_a_cell_tells_its_numbers_and_opens_its_images(chromium_browser, reports, num_classes, width):
    with opened(chromium_browser, reports(num_classes), width=width) as page:
        truth, said, number = page.evaluate("targets[0].mistakes[0]")
        name = page.evaluate("targets[0].classes.name")
        support = page.evaluate("targets[0].classes.support")
        matrix = page.locator(".viewport")
        matrix.scroll_into_view_if_needed()
        matrix.hover(position=page.evaluate(CELL, [truth, said]))
        told = page.locator(".said").inner_text()
        share = f"{100 * number / support[truth]:.1f} %"
        assert told.startswith(f"{name[truth]} taken for {name[said]}: {number} of {support[truth]} images ({share})")
        assert "in training" in told
        matrix.click(position=page.evaluate(CELL, [truth, said]))
        dialog = page.get_by_role("dialog")
        assert dialog.locator("h2").inner_text() == f"{name[truth]} taken for {name[said]}"
        groups = dialog.locator(".group h4").all_inner_texts()
        assert groups == [name[truth], f"{name[truth]}, taken for {name[said]}", name[said]]
        assert dialog.locator(".group").nth(1).locator("img").count() > 0
        page.keyboard.press("Escape")
        assert not dialog.is_visible()


def test_the_matrix_is_walked_by_keys(chromium_browser, reports):
    with opened(chromium_browser, reports(200)) as page:
        page.locator(".viewport").focus()
        page.keyboard.press("PageDown")
        first = page.locator(".said").inner_text()
        page.keyboard.press("PageDown")
        assert page.locator(".said").inner_text() != first
        page.keyboard.press("PageUp")
        assert page.locator(".said").inner_text() == first
        page.keyboard.press("Enter")
        assert page.get_by_role("dialog").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("matrices[0].view.current[1]") == 1
        assert page.evaluate("document.activeElement.className").startswith("viewport")


def test_the_largest_mistakes_are_visited_by_buttons(chromium_browser, reports):
    with opened(chromium_browser, reports(200), width=360) as page:
        show = page.get_by_role("button", name="show its images")
        assert show.is_disabled()
        page.get_by_role("button", name="next mistake").click()
        truth, said, _ = page.evaluate("targets[0].mistakes[0]")
        assert page.evaluate("matrices[0].pair()") == [truth, said]
        show.click()
        assert page.get_by_role("dialog").is_visible()


def test_larger_cells_have_names_and_stay_in_the_page(chromium_browser, reports):
    with opened(chromium_browser, reports(200), width=360) as page:
        assert not page.evaluate("matrices[0].view.isNamed")
        page.get_by_role("button", name="next mistake").click()
        for _ in range(3):
            page.get_by_role("button", name="Larger cells").click()
        assert page.evaluate("matrices[0].view.isNamed")
        seen = page.evaluate("""() => {
            const view = matrices[0].view;
            const at = (place, scrolled) => view.edge + place * view.cell - scrolled;
            const [row, column] = view.current;
            const [x, y] = [at(column, view.viewport.scrollLeft), at(row, view.viewport.scrollTop)];
            return x >= view.edge - 1 && y >= view.edge - 1
                && x + view.cell <= view.viewport.clientWidth + 1 && y + view.cell <= view.viewport.clientHeight + 1;
        }""")
        assert seen
        assert overflow(page) <= 0


def test_another_order_keeps_the_chosen_cell(chromium_browser, reports):
    with opened(chromium_browser, reports(50)) as page:
        page.get_by_role("button", name="next mistake").click()
        pair = page.evaluate("matrices[0].pair()")
        page.get_by_label("Order").select_option("by name")
        assert page.evaluate("matrices[0].pair()") == pair
        order = page.evaluate("matrices[0].view.order.map((number) => targets[0].name(number))")
        assert order == page.evaluate("(names) => [...names].sort((a, b) => a.localeCompare(b, 'en'))", order)


def test_a_tap_tells_and_a_second_one_opens(chromium_browser, reports):
    with opened(chromium_browser, reports(12), width=360, has_touch=True, is_mobile=True) as page:
        truth, said, _ = page.evaluate("targets[0].mistakes[0]")
        matrix = page.locator(".viewport")
        matrix.scroll_into_view_if_needed()
        matrix.tap(position=page.evaluate(CELL, [truth, said]))
        assert "taken for" in page.locator(".said").inner_text()
        assert not page.get_by_role("dialog").is_visible()
        matrix.tap(position=page.evaluate(CELL, [truth, said]))
        assert page.get_by_role("dialog").is_visible()
        page.get_by_role("button", name="Close").tap()
        assert not page.get_by_role("dialog").is_visible()
        assert overflow(page) <= 0


@pytest.mark.parametrize("width", [360, 1440])
def test_pairs_and_classes_open_with_their_images(chromium_browser, reports, width):
    with opened(chromium_browser, reports(50), width=width) as page:
        button = page.locator(".pairs button").first
        button.click()
        dialog = page.get_by_role("dialog")
        assert dialog.locator("img").count() > 2
        assert all(dialog.locator("img").evaluate_all("(all) => all.map((each) => each.naturalWidth === 96)"))
        assert dialog.evaluate("(element) => element.scrollWidth <= element.clientWidth")
        page.keyboard.press("Escape")
        assert button.evaluate("(element) => element === document.activeElement")
        worst = page.locator(".sortable tbody th button").first
        worst.click()
        assert dialog.locator("h2").inner_text() == worst.inner_text()
        told = dialog.locator(".group p").all_inner_texts()
        assert all(re.fullmatch(r"none|[\d,]+ images?|[\d,]+ of [\d,]+ images? shown", text) for text in told)


def test_right_and_wrong_are_told_by_signs_as_well(chromium_browser, reports):
    with opened(chromium_browser, reports(12)) as page:
        tiles = page.locator(".pairs .tile")
        signs = tiles.locator(".sign").all_inner_texts()
        classes = tiles.evaluate_all("(all) => all.map((each) => each.classList.contains('right'))")
        assert signs == ["✓" if right else "✗" for right in classes]
        assert {True, False} == set(classes)
        alts = page.locator("img").evaluate_all("(all) => all.map((each) => each.alt)")
        assert all(alts)


def test_the_reader_chooses_the_colours(chromium_browser, reports):
    with opened(chromium_browser, reports(12)) as page:
        background = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(background)
        page.get_by_label("Colours").select_option("dark")
        dark = page.evaluate(background)
        assert dark != light
        page.reload()
        assert page.evaluate(background) == dark
        page.get_by_label("Colours").select_option("as the system")
        assert page.evaluate(background) == light


def test_without_scripts_there_are_tables_and_still_pictures(chromium_browser, reports):
    with opened(chromium_browser, reports(12), java_script_enabled=False) as page:
        assert page.locator(".sortable tbody tr:visible").count() == 12
        assert page.locator("figure img:visible").count() == 2
        assert not page.locator(".matrix").is_visible()
        assert not page.get_by_label("Colours").is_visible()
        assert page.locator(".pairs li:visible").count() == 12


def test_on_paper_nothing_is_left_that_must_be_clicked(chromium_browser, reports):
    with opened(chromium_browser, reports(12), width=800, scheme="dark") as page:
        page.emulate_media(media="print")
        assert not page.locator(".bar").is_visible()
        assert not page.locator(".controls").first.is_visible()
        assert page.evaluate("getComputedStyle(document.querySelector('td')).color") == "rgb(31, 35, 40)"
        assert overflow(page) <= 0


def test_names_are_never_markup(chromium_browser, reporter_stage, predictions_from):
    names = ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "&lt;b&gt;"]
    reporter_stage.add(report(reporter_stage.context))
    reporter_stage.start(names)
    reporter_stage.epoch(0)
    reporter_stage.send("artkit_predictions", predictions=predictions_from([[2, 2, 0], [1, 6, 0], [0, 0, 2]], names))
    reporter_stage.end()
    with opened(chromium_browser, reporter_stage.folder / "report.html") as page:
        assert sorted(names_shown(page)) == sorted(names)
        page.locator(".pairs button").first.click()
        assert page.get_by_role("dialog").locator("h2").inner_text() == f"{names[0]} taken for {names[1]}"


def test_ten_thousand_images_of_two_hundred_classes_stay_small(reports, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    from made_up_run import replay

    replay(tmp_path, ["report"], num_classes=200, num_images=10_000)
    assert (tmp_path / "report.html").stat().st_size < 15_000_000


def test_the_page_may_show_pictures_beside_it_and_ask_for_nothing_else(chromium_browser, reporter_stage):
    from PIL import Image

    folder = reporter_stage.folder
    Image.effect_noise((1800, 1800), 90).convert("RGB").save(folder / "large.png")
    reporter_stage.add(report(reporter_stage.context))
    reporter_stage.start(["a", "b"])
    reporter_stage.context.publish(folder / "large.png", title="Large", kind="figure")
    reporter_stage.end()
    context = chromium_browser.new_context()
    page = context.new_page()
    page.goto((folder / "report.html").as_uri())
    assert page.locator("figure img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 1800
    asking = "() => fetch('https://example.org/').then(() => 'let through', (error) => error.message)"
    blocked = []
    page.on("console", lambda message: blocked.append(message.text))
    assert page.evaluate(asking) != "let through"
    assert any("Content Security Policy" in text for text in blocked)
    context.close()
