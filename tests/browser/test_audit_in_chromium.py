"""The audit's report in headless Chromium: its policy refuses nothing, nothing overflows, and links lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.accessibility import violations
from tests.browser.chromium import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report on an audit of bars with a mark in the corner."""
    import xai
    from tests.auditing.planted import bars
    from tests.auditing.test_shortcuts_robustness import marked

    model, data = bars(corner=4.0), marked(1.0)
    result = xai.audit(model, data, ["performance", "calibration", "shortcuts", "inside"])
    return xai.audit_report(result, model, data).save(tmp_path_factory.mktemp("audit") / "audit.html")


@pytest.mark.parametrize("width", [1280, 380])
def test_it_opens_without_a_complaint(browser, audited: Path, width: int) -> None:
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(audited.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    missing = "[...document.querySelectorAll('main a[href^=\"#\"]')].filter(a => !document.querySelector(a.hash))"
    assert page.evaluate(f"{missing}.length") == 0
    assert page.locator("a.chip.fail").count() >= 3
    assert complaints == []
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.wait_for_timeout(100)
    assert violations(page) == []
    context.close()
