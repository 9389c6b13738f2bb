"""The report in headless Chromium: nothing is refused by its own policy, nothing overflows, everything can be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.accessibility import violations
from tests.browser.chromium import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.reports.test_report import hostile_report

    return hostile_report()[0].save(tmp_path_factory.mktemp("browser") / "report.html")


@pytest.fixture
def open_page(browser, report: Path) -> Iterator:
    """Return a function that opens the report and collects what the console complains of."""
    contexts = []

    def opened(width: int = 1280, **settings: object):
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 900}, accept_downloads=True, **settings
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: page.complaints.append("a dialog opened"))
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_timeout(200)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 360])
def test_it_opens_without_complaint_and_without_overflow(open_page, width: int, scheme: str) -> None:
    page = open_page(width, color_scheme=scheme)
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    broken = "[...document.images].filter(image => !image.complete || image.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    luminance = """(selector, property) => {
        const parts = getComputedStyle(document.querySelector(selector))[property].match(/[\\d.]+/g).slice(0, 3);
        const linear = parts.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    }"""
    ground = page.evaluate(f"({luminance})('body', 'backgroundColor')")
    for selector in ("body", "figcaption", "a", ".legend"):
        ink = page.evaluate(f"({luminance})('{selector}', 'color')")
        contrast = (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05)
        assert contrast >= 4.5, f"{selector}: {contrast:.2f}"


def test_the_slider_fades_the_maps_of_its_card(open_page) -> None:
    page = open_page()
    slider = page.locator("#example-1 input[data-heat]")
    heat = page.locator("#example-1 .overlay .heat").first
    before = float(heat.evaluate("element => getComputedStyle(element).opacity"))
    slider.focus()
    slider.press("Home")
    assert float(heat.evaluate("element => getComputedStyle(element).opacity")) == 0 < before
    other = page.locator("#example-2 .overlay .heat").first
    assert float(other.evaluate("element => getComputedStyle(element).opacity")) == before


def test_tables_pictures_and_numbers_can_be_saved(open_page) -> None:
    page = open_page()
    with page.expect_download() as caught:
        page.locator("#download-data").click()
    assert '"sections"' in Path(caught.value.path()).read_text()
    with page.expect_download() as caught:
        page.locator("#performance .save").first.click()
    table = Path(caught.value.path()).read_text()
    assert caught.value.suggested_filename == "confusion-matrix.csv"
    assert len(table.splitlines()) == 3
    with page.expect_download() as caught:
        page.locator("#example-1 .maps figure").first.hover()
        page.locator("#example-1 .maps figure .save").first.click()
    assert Path(caught.value.path()).read_bytes().startswith(b"\x89PNG")
    assert page.complaints == []


def test_it_can_be_used_by_keyboard_and_without_script(open_page) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash").startswith("#")
    plain = open_page(java_script_enabled=False)
    assert plain.locator("main").inner_text()
    assert plain.locator(".slider").first.is_hidden()


def test_it_prints_without_its_controls(open_page) -> None:
    page = open_page()
    page.emulate_media(media="print")
    for selector in ("nav", "#download-data", ".save", ".slider"):
        assert page.locator(selector).first.is_hidden()
    # The words of a table, not controls beside it.
    for selector in ("#provenance th button.sort", "#performance td[data-cell] button"):
        assert page.locator(selector).first.is_visible()
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize(("body", "page"), [("", "#fff"), ('data-jp-theme-light="false"', "#15171b")])
def test_a_fragment_in_a_notebook_has_its_own_style_and_no_other(browser, tmp_path: Path, body: str, page: str) -> None:
    """Two results in one document: colors follow the notebook's theme, and what lies around them stays as it is."""
    from tests.reports.test_report import hostile_report

    shown = hostile_report()[0]._repr_html_()
    (tmp_path / "cells.html").write_text(f"<!doctype html><body {body}><h4>cell</h4>{shown}{shown}")
    context = browser.new_context(offline=True, viewport={"width": 380, "height": 900}, color_scheme="light")
    opened = context.new_page()
    opened.goto((tmp_path / "cells.html").as_uri())
    style = "getComputedStyle(document.querySelector('{}')).{}"
    ground = opened.evaluate(style.format(".xai-result", "backgroundColor"))
    assert ground == {"#fff": "rgb(255, 255, 255)", "#15171b": "rgb(21, 23, 27)"}[page]
    for_class = opened.evaluate(style.format(".xai-result", "getPropertyValue('--for')"))
    assert for_class == "#e8590c"
    assert opened.evaluate(style.format("body > h4", "marginTop")) != opened.evaluate(
        style.format(".xai-result h4", "marginTop")
    )
    opened.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 380
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_left_out(open_page, scheme: str) -> None:
    """No violation of axe-core's rules (names, contrast, order, keyboard), with everything opened."""
    page = open_page(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.wait_for_timeout(100)
    assert violations(page) == []


def test_axe_finds_what_is_wrong(browser) -> None:
    page = browser.new_page()
    page.set_content("<html><body><img src='x.png'><p style='color:#ccc;background:#fff'>pale</p></body></html>")
    assert {line.partition(":")[0] for line in violations(page)} >= {"image-alt", "color-contrast", "html-has-lang"}
    page.close()


def test_tables_sort_by_a_click_and_say_so(open_page) -> None:
    page = open_page()
    table = page.locator("table[data-name='layers']")
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    column = "table => [...table.tBodies[0].rows].map(row => row.cells[0].textContent)"
    before = table.evaluate(column)
    header = table.locator("thead th").first
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert table.evaluate(column) == sorted(before)
    header.locator("button").press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert table.evaluate(column) == sorted(before, reverse=True)


def test_a_count_of_the_confusion_matrix_opens_its_errors(open_page) -> None:
    page = open_page()
    cell = page.locator("table[data-errors] td[data-cell] button").first
    chosen = cell.evaluate("button => button.parentElement.dataset.cell")
    cell.click()
    assert page.locator("#errors").get_attribute("open") is not None
    marked = page.locator("#errors figure.chosen")
    assert marked.count() == int(cell.inner_text())
    assert {marked.nth(place).get_attribute("data-cell") for place in range(marked.count())} == {chosen}


def test_two_maps_are_compared_with_a_slider(open_page) -> None:
    page = open_page()
    fold = page.locator("#example-1 [data-compare] details")
    fold.locator("summary").click()
    top = fold.locator(".stage .overlay").nth(1)
    clip = "element => getComputedStyle(element).clipPath"
    assert top.evaluate(clip) == "inset(0px 0px 0px 50%)"
    fold.locator("input[type=range]").press("Home")
    assert top.evaluate(clip) in ("inset(0px)", "inset(0px 0px 0px 0%)")
    names = [fold.locator("select").nth(place).evaluate("s => s.selectedOptions[0].text") for place in (0, 1)]
    assert names[0] != names[1]


@pytest.mark.parametrize(("width", "columns"), [(1280, 4), (360, 2)])
def test_no_map_stands_alone(open_page, width: int, columns: int) -> None:
    """The photograph and its maps share rows that are equally long, or nearly so."""
    page = open_page(width)
    figures = page.locator("#example-1 .maps > figure")
    tops = [figures.nth(place).bounding_box()["y"] for place in range(figures.count())]
    rows = [tops.count(top) for top in sorted(set(tops))]
    assert rows[0] <= columns
    assert max(rows) - min(rows) <= 1 or len(rows) == 1


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "\"'=1+1\""), ("@SUM(A1)", "\"'@SUM(A1)\""), ("-cmd|' /C calc'!A0", "\"'-cmd|' /C calc'!A0\""),
        ("+x", "\"'+x\""), (" \t=1+1", "\"'=1+1\""), ("-1.5", '"-1.5"'), ("+2,000 %", '"+2,000 %"'),
        ('say "no"', '"say ""no"""'),
    ],
)  # fmt: skip
def test_a_cell_of_a_table_is_no_formula(open_page, text: str, cell: str) -> None:
    """A spreadsheet that opens a saved table runs nothing: numbers stay, all else that looks like a formula is text."""
    assert open_page().evaluate("csvCell", text) == cell
