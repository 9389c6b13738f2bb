"""Results of every kind in headless Chromium: nobody is left out, in light and dark, with everything opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.accessibility import violations
from tests.browser.chromium import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with a table's bars, a shaded text and the tables of an alignment."""
    import xai
    from tests.kinds import inputs_for, model_for
    from tests.sequences.test_alignment import Pointer, model_of
    from xai.sequences.alignment import alignment

    made = [alignment(model_of(Pointer()), ["abcdef"], [list("ABCD")])]
    for method, options in (("lime_tabular", {"background": inputs_for("lime_tabular")}), ("lime_text", {})):
        made.append(getattr(xai, method)(model_for(method, "plain"), inputs_for(method, 1), samples=60, **options))
    return xai.Report("Kinds", made).save(tmp_path_factory.mktemp("kinds") / "kinds.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_left_out(browser, page: Path, scheme: str) -> None:
    context = browser.new_context(offline=True, viewport={"width": 380, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    opened.goto(page.as_uri())
    opened.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    opened.wait_for_timeout(100)
    assert opened.evaluate("document.documentElement.scrollWidth") <= 380
    assert violations(opened) == []
    context.close()
