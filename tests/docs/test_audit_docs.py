"""docs/audit.md is true: its example runs, its table has every limit as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xai.auditing.limits import LIMITS

TEXT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    exec(compile(example, "docs/audit.md", "exec"), {"__name__": "example"})
    assert "performance.skill" in capsys.readouterr().out
    assert (tmp_path / "audit.html").is_file()


def test_the_table_has_every_limit() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| .* \| ([<>]) ([\d.-]+) \| [<>] ([\d.-]+) \|", TEXT, re.M)
    stated = {name: (float(warn), float(fail), sign == "<") for name, sign, warn, fail in rows}
    assert stated == {name: tuple(limit) for name, limit in LIMITS.items()}
