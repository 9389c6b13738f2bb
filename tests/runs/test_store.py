"""A run is read lazily: lines, explanations by what their lines say, and slices."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.dataset as dataset
import pytest
import torch

import xai
from tests.runs.folders import METHODS, image_model, images
from xai.base.errors import FolderError, InputError
from xai.runs.store import Run

LABELS = [number % 3 for number in range(14)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = images(14)
    data[3] = float("nan")
    out = tmp_path_factory.mktemp("store") / "run"
    return xai.run(image_model(), data, METHODS, "none", out, labels=LABELS, shard_rows=5, workers=0)


def test_lines_come_in_the_order_of_rows(made: Run) -> None:
    found = xai.open_run(made.folder)
    assert found.finished
    assert (found.rows, len(found), found.failed) == (14, 14, 2)
    frame = found.to_frame()
    assert frame["row"].tolist() == [row for row in range(14) for _ in METHODS]
    assert frame["method"].tolist() == METHODS * 14
    plain = pd.read_parquet(found.folder / "rows")
    assert sorted(plain.columns) == sorted(frame.columns)
    assert len(plain) == len(frame)
    assert found.to_frame(columns=["id", "label"]).columns.tolist() == ["id", "label"]


def test_explanations_by_what_their_lines_say(made: Run) -> None:
    frame = made.to_frame({"method": "saliency"})
    for where in ({"correct": False}, dataset.field("probability") < 0.4, {"label": ["class 0", "class 2"]}):
        rows = made.to_frame(where)
        rows = rows[(rows["method"] == "saliency") & rows["error"].isna()]["row"].tolist()
        assert 0 < len(rows) < len(frame)
        found = [
            (row, part) for numbers, e in made.parts(where, "saliency") for row, part in zip(numbers, e, strict=True)
        ]
        assert [row for row, _ in found] == rows
        alone = xai.saliency(image_model(), images(14)[rows])
        assert all(torch.allclose(part.values[0], alone.values[place]) for place, (_, part) in enumerate(found))


def test_damaged_rows_are_named(made: Run, tmp_path: Path) -> None:
    folder = shutil.copytree(made.folder, tmp_path / "run")
    next((folder / "rows").glob("*.parquet")).write_bytes(b"PAR1" + bytes(50) + b"PAR1")
    for read in (Run.to_frame, lambda run: run.rows, lambda run: run.failed, lambda run: list(run.batches())):
        with pytest.raises(FolderError, match="the rows of a run"):
            read(xai.open_run(folder))


def test_slices(made: Run) -> None:
    part = made[4:11]
    assert part.rows == 7
    assert part.to_frame()["row"].unique().tolist() == list(range(4, 11))
    assert part[2:4].to_frame()["row"].unique().tolist() == [6, 7]
    assert part[-1].to_frame()["row"].unique().tolist() == [10]
    assert sum(len(e) for e in part.explanations(method="saliency")) == 7
    assert sum(len(e) for e in made[3].explanations()) == 0
    with pytest.raises(IndexError, match="expected some of 14 rows"):
        made[20:30]
    with pytest.raises(IndexError, match="without a step"):
        made[::2]


def test_what_is_not_there_is_named(made: Run) -> None:
    with pytest.raises(InputError, match=r"^to_frame: columns: expected among .*, got 'age'"):
        made.to_frame(columns=["age"])
    with pytest.raises(InputError, match=r"^to_frame: where: expected columns among .*, got 'age'"):
        made.to_frame({"age": 3})
    with pytest.raises(InputError, match=r"^explanations: method: expected among saliency"):
        made.explanations(method="magic")
