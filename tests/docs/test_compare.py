"""docs/compare.md is true: its table has every limit as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

from xai.auditing.limits import CHANGES

TEXT = (Path(__file__).parents[2] / "docs" / "compare.md").read_text()


def test_the_table_has_every_limit() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| .* \| > ([\d.]+) \| > ([\d.]+) \|", TEXT, re.M)
    assert {name: (float(warn), float(fail)) for name, warn, fail in rows} == {
        name: (limit.warn, limit.fail) for name, limit in CHANGES.items()
    }
