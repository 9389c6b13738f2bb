"""What a run tells: the cost from its first shard, lines no more often than every ten seconds, JSON for machines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch

import xai
from tests.runs.folders import image_model, images
from xai.base.errors import XaiWarning
from xai.runs.progress import as_bar, as_json, as_lines
from xai.runs.run_events import Telling
from xai.runs.settings import Settings
from xai.runs.worker import Done

SETTINGS = Settings(
    methods=["saliency"], checks=[], target=None, options={}, check_options={}, seed=0, shard_rows=10, keep_inputs=True,
    device="cpu",
)  # fmt: skip


class Left:
    """Pieces of which so many rows are to do."""

    def __init__(self, rows: int | None) -> None:
        self.rows_to_do = rows


@pytest.mark.parametrize(("workers", "rows", "seconds"), [(1, 100, 20.0), (4, 100, 5.0), (4, 20, 2.0)])
def test_the_cost_is_that_of_the_first_shard_for_every_row(workers: int, rows: int, seconds: float) -> None:
    told = []
    telling = Telling(SETTINGS, rows, Left(rows), 0, workers, told.append)
    telling.shard(Done(0, 10, 10, 0, 2.0, 5000, None, ()))
    cost = told[1]
    assert (cost["event"], cost["seconds_per_row"], cost["bytes_per_row"]) == ("cost", 0.2, 500)
    assert cost["seconds"] == pytest.approx(seconds, abs=0.5)
    assert told[-1]["rows"] == 10
    assert told[-1]["failed"] == 0


def test_a_first_failure_and_a_warning_are_told_once() -> None:
    told = []
    telling = Telling(SETTINGS, None, Left(None), 0, 1, told.append)
    with pytest.warns(XaiWarning, match="odd outputs"):
        telling.shard(Done(0, 10, 10, 2, 1.0, 1, "row 3: bad", ("odd outputs",)))
    telling.shard(Done(1, 10, 10, 1, 1.0, 1, "row 11: bad", ("odd outputs",)))
    texts = [event["text"] for event in told if event["event"] == "warning"]
    assert texts == ["odd outputs", "the first row that failed: row 3: bad"]
    assert told[-1]["failed"] == 3


def test_lines_come_every_ten_seconds() -> None:
    clock = iter([0.0, 1.0, 1.0, 5.0, 11.5, 11.5, 12.0])
    stream = io.StringIO()
    log = as_lines(stream, lambda: next(clock))
    shard = {"event": "shard", "rows": 1500, "total_rows": 3000, "rate": 12.5, "seconds_left": 120.0}
    shard |= {"failed": 2, "shards": 4}
    log({"event": "warning", "text": "first"})
    for _ in range(3):
        log(shard)
    assert stream.getvalue().splitlines() == [
        "warning: first",
        "1,500 of 3,000 rows, 12.5 rows/s, 2 min left, 2 failed, 4 shards",
    ]


def test_a_whole_run_as_json_and_as_a_bar(tmp_path: Path) -> None:
    stream, screen = io.StringIO(), io.StringIO()
    logs = [as_json(stream), as_bar(screen)]
    given = {"methods": ["saliency"], "checks": "none", "shard_rows": 5, "workers": 0}
    xai.run(image_model(), images(12), out=tmp_path / "run", log=lambda event: [log(event) for log in logs], **given)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["started", "cost", "shard", "shard", "shard", "finished"]
    assert [event["rows"] for event in events if event["event"] == "shard"] == [5, 10, 12]
    assert events[-1]["explanations"] == 12
    assert "about 1 passes" in screen.getvalue()
    assert "12 rows, 0 of 12 explanations failed" in screen.getvalue()


def test_a_network_that_contradicts_what_is_declared_warns_from_its_worker(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Softmax(1))
    with pytest.warns(XaiWarning, match="was said to put out"):
        xai.run(xai.Model(network), torch.rand(64, 3), ["saliency"], "none", tmp_path / "run", workers=0)
