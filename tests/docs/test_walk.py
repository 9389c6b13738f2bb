"""The walk: the lines that need a download run with a small network in its place, and are no more than ten."""

from __future__ import annotations

import importlib
import re
import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from tests import optional
from tests.house import ROOT

WALK = (ROOT / "docs" / "walk.md").read_text()
BLOCKS = re.findall(r"^```(?:python|\{code-block\} python)\n(.*?)^```", WALK, re.S | re.M)


def test_every_walk_has_at_most_ten_lines() -> None:
    assert len(BLOCKS) == 3
    for block in BLOCKS:
        assert len([line for line in block.splitlines() if line.strip()]) <= 10


class Words(nn.Module):
    """Adds up what each word says, in place of a download."""

    SAYS: ClassVar = {"wonderful": 2.0, "dull": -0.5}

    def __init__(self, tokenizer: Any) -> None:
        super().__init__()
        names = {0: "NEGATIVE", 1: "POSITIVE"}
        self.config = SimpleNamespace(id2label=names, problem_type=None, name_or_path="a/sentiment")
        self.table = nn.Embedding(len(tokenizer), 2)
        with torch.no_grad():
            self.table.weight.zero_()
            for word, value in self.SAYS.items():
                self.table.weight[tokenizer.convert_tokens_to_ids(word)] = torch.tensor([0.0, value])

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        return SimpleNamespace(logits=(self.table(input_ids) * attention_mask[:, :, None]).sum(1))


def test_the_walk_with_hugging_face_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    transformers: Any = optional.transformers()
    small = importlib.import_module("tests.texts.small")
    tokenizer = small.bert_tokenizer()
    ask = object.__new__(transformers.TextClassificationPipeline)
    vars(ask).update(tokenizer=tokenizer, model=Words(tokenizer))
    named = SimpleNamespace(Pipeline=transformers.Pipeline, pipeline=lambda task, name: ask)
    monkeypatch.setitem(sys.modules, "transformers", named)
    block = next(block for block in BLOCKS if "transformers" in block)
    with pd.option_context("display.width", 200, "display.max_columns", 20):
        exec(compile(block, "walk.md", "exec", dont_inherit=True), {"__name__": "example"})
    paths, surrogate = capsys.readouterr().out.split("row")[1:]
    assert float(re.search(r"wonderful +([-+.\de]+)", paths).group(1)) == pytest.approx(2.0)
    assert float(re.search(r"dull +([-+.\de]+)", paths).group(1)) == pytest.approx(-0.5)
    assert float(re.search(r"wonderful +([-+.\de]+)", surrogate).group(1)) > 0.2
