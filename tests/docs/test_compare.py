"""docs/compare.md is true: its example runs, its table has every limit as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xai.auditing.limits import CHANGES

TEXT = (Path(__file__).parents[2] / "docs" / "compare.md").read_text()


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    exec(compile(example, "docs/compare.md", "exec"), {"__name__": "example"})
    assert "errors.by_group" in capsys.readouterr().out
    assert "region = north" in (tmp_path / "compare.html").read_text()


def test_the_table_has_every_limit() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| .* \| > ([\d.]+) \| > ([\d.]+) \|", TEXT, re.M)
    assert {name: (float(warn), float(fail)) for name, warn, fail in rows} == {
        name: (limit.warn, limit.fail) for name, limit in CHANGES.items()
    }
