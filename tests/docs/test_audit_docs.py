"""docs/audit.md is true: its table has every limit as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

from xai.auditing.limits import LIMITS

TEXT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()


def test_the_table_has_every_limit() -> None:
    rows = re.findall(r"^\| (`.*?`) \| .* \| ([<>]) ([\d.-]+) \| [<>] ([\d.-]+) \|", TEXT, re.M)
    stated = {  # findings of the same limits share a row
        name: (float(warn), float(fail), sign == "<")
        for names, sign, warn, fail in rows
        for name in names.strip("`").split("`, `")
    }
    assert stated == {name: tuple(limit) for name, limit in LIMITS.items()}
