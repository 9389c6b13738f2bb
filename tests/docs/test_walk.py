"""The walk: the lines that need a download run with a function in its place, and are no more than ten."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from tests.house import ROOT

WALK = (ROOT / "docs" / "walk.md").read_text()
BLOCKS = re.findall(r"^```(?:python|\{code-block\} python)\n(.*?)^```", WALK, re.S | re.M)


def test_every_walk_has_at_most_ten_lines() -> None:
    assert len(BLOCKS) == 3
    for block in BLOCKS:
        assert len([line for line in block.splitlines() if line.strip()]) <= 10


def test_the_walk_with_hugging_face_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def pipeline(task: str, name: str, top_k: int | None) -> object:
        """Answer in the form of Hugging Face's pipeline: the labels in any order."""

        def answer(text: str) -> list[dict]:
            share = 0.5 + 0.3 * ("wonderful" in text) - 0.2 * ("dull" in text)
            return [{"label": "POSITIVE", "score": share}, {"label": "NEGATIVE", "score": 1 - share}]

        return lambda texts: [answer(text) for text in texts]

    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(pipeline=pipeline))
    block = next(block for block in BLOCKS if "transformers" in block)
    with pd.option_context("display.width", 200, "display.max_columns", 20):
        exec(compile(block, "walk.md", "exec", dont_inherit=True), {"__name__": "example"})
    said = capsys.readouterr().out
    weight = float(re.search(r"wonderful +([-+.\de]+)", said).group(1))
    assert weight == pytest.approx(0.3, abs=0.01)
