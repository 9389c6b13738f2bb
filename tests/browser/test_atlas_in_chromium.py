"""The atlas, the grid and made rows in headless Chromium: searching, sorting, keys, and nothing that overflows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM

ITEMS = "[data-atlas] ul.units > li"


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """Return a page with an atlas of four channels, a grid and rows, and what the channels reach."""
    from tests.visualization.test_rows_and_texts import linear
    from tests.visualization.test_views import atlas as made_atlas
    from tests.zoo import ZOO, images
    from xai.reports.page import Report
    from xai.reports.sections.atlas import atlas_section
    from xai.reports.sections.grid import grid_section
    from xai.reports.views import plan_views
    from xai.visualization.activation_grid import activation_grid

    model, real = ZOO["plain"](), images(24)
    made = made_atlas(model, reference=real)
    grid = activation_grid(model, real[:1], "conv2", cells=3, steps=2)
    rows = plan_views(linear(), "", ["units"], bounds=(0.0, 1.0), steps=2)[0].section()
    sections = [
        atlas_section(model, "conv2", "conv2", made, real, "images"),
        grid_section(model, real[:1], "picture", "conv2", "conv2", *grid),
        rows,
    ]
    path = Report("views", sections).save(tmp_path_factory.mktemp("atlas") / "views.html")
    return path, made.reached.tolist()


@pytest.fixture
def page(browser, atlas: tuple[Path, list[float]]) -> Iterator:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.complaints = []
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.goto(atlas[0].as_uri())
    yield opened
    assert opened.complaints == []
    context.close()


def shown(page) -> list[str]:
    """Return the numbers of the channels that can be seen, in their order."""
    return [item.locator("figcaption b").first.inner_text() for item in page.locator(ITEMS).all() if item.is_visible()]


def test_searching_leaves_what_fits(page) -> None:
    assert shown(page) == ["0", "1", "2", "3"]
    search = page.locator("[data-atlas] input[type=search]")
    search.fill("2")
    assert shown(page) == ["2"]
    assert page.locator("[data-atlas] output").inner_text() == "1 of 4"
    search.fill("channel 3")
    assert shown(page) == ["3"]
    search.fill("nothing like it")
    assert shown(page) == []
    search.fill("")
    assert shown(page) == ["0", "1", "2", "3"]


def test_sorting_changes_the_order(page, atlas: tuple[Path, list[float]]) -> None:
    by_activation = sorted(range(4), key=lambda number: -atlas[1][number])
    assert by_activation != [0, 1, 2, 3]  # or the test would tell nothing
    sort = page.locator("[data-atlas] select")
    sort.select_option("reached")
    assert shown(page) == [str(number) for number in by_activation]
    page.locator("[data-atlas] input[type=search]").fill("conv2")
    assert shown(page) == [str(number) for number in by_activation]
    sort.select_option("number")
    assert shown(page) == ["0", "1", "2", "3"]


def test_keys_move_and_open_one_channel(page) -> None:
    page.locator(ITEMS).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    dialog = page.locator("[data-atlas] dialog")
    assert dialog.is_visible()
    assert dialog.locator("figcaption b").first.inner_text() == "1"
    assert "Reaches" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_overflows_and_every_picture_is_there(browser, atlas, width: int, scheme: str) -> None:
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    opened.goto(atlas[0].as_uri())
    opened.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.locator("#grid svg image").count() == 9
    box = opened.locator("#grid svg image").first.bounding_box()
    assert box["width"] > 10
    context.close()
