"""The report on a run in headless Chromium: its rows are searched and chosen, and nothing overflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    """Return the report on a run of forty pictures, and its lines."""
    import xai
    from tests.runs.folders import image_model, images

    folder, labels = tmp_path_factory.mktemp("run"), [number % 3 for number in range(40)]
    run = xai.run(image_model(), images(40), ["saliency"], ["completeness"], folder / "run", labels=labels, workers=0)
    return xai.run_report(run).save(folder / "run.html"), run.to_frame()


@pytest.mark.parametrize("width", [1280, 380])
def test_rows_are_searched_and_chosen(browser, reported: tuple[Path, object], width: int) -> None:
    path, lines = reported
    context, complaints = browser.new_context(offline=True, viewport={"width": width, "height": 900}), []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    box = page.locator("[data-search]")
    wrong = lines[lines["correct"] == False]  # noqa: E712 - a column of objects
    named = wrong["predicted"].iloc[0]
    box.locator("label", has_text="right").locator("select").select_option("no")
    assert box.locator("tbody tr:visible").count() == len(wrong) > 0
    box.locator("label", has_text="predicted").locator("select").select_option(named)
    left = int((wrong["predicted"] == named).sum())
    assert box.locator("output").inner_text() == f"{left} of 40"
    box.locator("input").fill("no such row")
    assert box.locator("tbody tr:visible").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
    context.close()
