"""A page whose drawings stand more than once: every id is there once, and each drawing refers to its own."""

from __future__ import annotations

import re
from collections import Counter

from matplotlib.figure import Figure

from xai.reports.svg import inline_svg, with_unique_ids


def drawing() -> str:
    """Return a drawing with ids of its own: markers are defined once and used for each point."""
    figure = Figure()
    figure.subplots().plot([1, 2, 3], [2, 1, 3], "o")
    return str(inline_svg(figure, "three points"))


def test_a_drawing_that_stands_three_times_has_ids_of_its_own_each_time() -> None:
    one = drawing()
    page = with_unique_ids(f"<p>{one}</p><p>{one}</p>{one}")
    ids = Counter(re.findall(r' id="([^"]+)"', page))
    assert len(ids) == 3 * len(re.findall(r' id="', one)) > 0
    assert set(ids.values()) == {1}
    for part in re.findall(r"<svg\b.*?</svg>", page, re.DOTALL):
        own = set(re.findall(r' id="([^"]+)"', part))
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', part)) <= {
            pair for name in own for pair in ((name, ""), ("", name))
        }
    assert with_unique_ids(one) == one
