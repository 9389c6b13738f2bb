"""What functions hand on to `visualize` is what it takes."""

from __future__ import annotations

import inspect
from typing import get_type_hints

from xai.visualization.ascent import visualize
from xai.visualization.settings import VisualizeSettings


def test_settings_are_those_of_visualize() -> None:
    keywords = [
        name for name, item in inspect.signature(visualize).parameters.items() if item.kind is item.KEYWORD_ONLY
    ]
    assert list(VisualizeSettings.__annotations__) == keywords
    hints = get_type_hints(inspect.unwrap(visualize))
    assert get_type_hints(VisualizeSettings) == {name: hints[name] for name in keywords}
