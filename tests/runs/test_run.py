"""One call over a data set: same bytes whatever the workers, failures recorded, other runs refused."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import xai
from tests.model.segments import Segments
from tests.runs.folders import CHECKS, METHODS, OPTIONS, contents, image_model, images, table_model
from xai.base.errors import FolderError, InputError, OutputError
from xai.evidence.levels import cost_per_row
from xai.runs.manifest import sole_writer
from xai.runs.settings import resolve

SETTINGS = {"methods": METHODS, "checks": CHECKS, "options": OPTIONS, "shard_rows": 6}


def test_the_result_is_the_same_bytes_whatever_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do files that lie in the current folder run, whatever they are called."""
    (tmp_path / "here").mkdir()
    for name in ("multiprocessing", "pickle", "socket", "tempfile", "torch", "xai"):
        (tmp_path / f"here/{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path / "here")
    model, data = image_model(), images()
    xai.run(model, data, out=tmp_path / "one", workers=0, **SETTINGS)
    xai.run(model, data, out=tmp_path / "two", workers=2, **SETTINGS)
    with ThreadPoolExecutor(3) as executor:
        xai.run(model, data, out=tmp_path / "threads", executor=executor, **SETTINGS)
    one = contents(tmp_path / "one")
    assert len(one) == 1 + 2 * 4
    assert contents(tmp_path / "two") == one
    assert not (tmp_path / "ran").exists()
    assert "PYTHONSAFEPATH" not in os.environ
    assert contents(tmp_path / "threads") == one


class Elsewhere(Executor):
    """As MPI's and others have it: whatever goes there and comes back is pickled, and nobody says how many they are."""

    def submit(self, function: Callable, /, *arguments: object) -> Future:
        future: Future = Future()
        function, arguments = pickle.loads(pickle.dumps((function, arguments)))
        future.set_result(pickle.loads(pickle.dumps(function(*arguments))))
        return future


def test_any_executor_does(tmp_path: Path) -> None:
    model, data = image_model(), images(12)
    xai.run(model, data, out=tmp_path / "here", workers=0, **SETTINGS)
    xai.run(model, data, out=tmp_path / "there", executor=Elsewhere(), **SETTINGS)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_values_are_those_of_the_methods_alone(tmp_path: Path) -> None:
    model, data = image_model(), images(7)
    found = xai.run(model, data, out=tmp_path / "run", workers=0, **{**SETTINGS, "shard_rows": 7})
    alone = xai.verify(model, xai.integrated_gradients(model, data, steps=8), CHECKS)
    (stored,) = found.explanations(method="integrated_gradients")
    assert torch.equal(stored.values, alone.values)
    assert torch.equal(stored.inputs, alone.inputs)
    assert stored.evidence == alone.evidence
    assert stored.model_digest == model.digest()


def test_lines_say_what_the_model_predicts_and_what_was_found(tmp_path: Path) -> None:
    model, data = image_model(), images(9)
    labels = [0, 1, 2] * 3
    frame = xai.run(model, data, ["saliency"], CHECKS, tmp_path / "run", labels=labels, workers=0).to_frame()
    prediction = model.predict(data)
    names = [model.classes[number] for number in prediction.argmax(1).tolist()]
    assert frame["predicted"].tolist() == names
    assert frame["label"].tolist() == [model.classes[number] for number in labels]
    assert frame["correct"].tolist() == [a == model.classes[b] for a, b in zip(names, labels, strict=True)]
    assert np.allclose(frame["probability"], prediction.max(1).values)
    assert set(frame["verdict"]) <= {"supported", "not shown", "contradicted", "untestable"}
    heat = xai.saliency(model, data).heatmap()
    for row, top in enumerate(frame["top"]):
        place = int(heat[row].abs().argmax())
        assert top[0]["name"] == f"y {place // 8}, x {place % 8}"
        assert top[0]["value"] == pytest.approx(float(heat[row].flatten()[place]))


def test_a_row_that_fails_is_recorded_and_the_others_are_as_without_it(tmp_path: Path) -> None:
    model, data = image_model(), images(12)
    data[4, 0, 3, 3] = float("nan")
    found = xai.run(model, data, out=tmp_path / "run", workers=0, **SETTINGS)
    frame = found.to_frame()
    assert found.failed == len(METHODS) == (frame["row"][frame["error"].notna()] == 4).sum()
    assert "finite numbers" in frame["error"].dropna().iloc[0]
    assert found.manifest.finished.failed == len(METHODS)
    others = [row for row in range(6) if row != 4]
    stored = next(found.explanations(method="saliency"))
    assert torch.equal(stored.values, xai.saliency(model, data[others]).values)


def test_a_row_at_which_the_network_fails_is_found(tmp_path: Path) -> None:
    class Picky(nn.Linear):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            if bool((batch > 100).any()):
                raise RuntimeError("too large")
            return super().forward(batch)

    data = torch.rand(10, 3)
    data[3, 1] = 1000
    frame = xai.run(xai.Model(Picky(3, 2)), data, ["saliency"], "none", tmp_path / "run", workers=0).to_frame()
    assert frame["row"][frame["error"].notna()].tolist() == [3]
    assert "too large" in frame["error"][3]


def test_fail_fast_ends_at_the_row_and_keeps_what_is_done(tmp_path: Path) -> None:
    data = images(20)
    data[9] = float("nan")
    with pytest.raises(InputError, match=r"fail_fast.*9: inputs"):
        xai.run(image_model(), data, out=tmp_path / "run", workers=0, fail_fast=True, **SETTINGS)
    assert [path.stem for path in (tmp_path / "run" / "rows").iterdir()] == ["00000000"]


def test_memory_that_runs_out_is_no_fault_of_a_row(tmp_path: Path) -> None:
    class Hungry(nn.Linear):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            raise MemoryError

    with pytest.raises(Exception, match="MemoryError"):
        xai.run(xai.Model(Hungry(3, 2)), torch.rand(4, 3), ["saliency"], "none", tmp_path / "run", workers=0)
    assert not list((tmp_path / "run" / "rows").iterdir())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": images(20, seed=1)}, "data"),
        ({"data": images(21)}, "data"),
        ({"model": image_model(seed=1)}, "model"),
        ({"labels": [0] * 20}, "data"),
        ({"seed": 1}, "settings: seed"),
        ({"methods": ["integrated_gradients"]}, "settings: methods"),
        ({"checks": "none"}, "settings: checks"),
        ({"shard_rows": 7}, "settings: shard_rows"),
        ({"target": "class 1"}, "settings: target"),
        ({"options": {"integrated_gradients": {"steps": 9}}}, "settings: options"),
    ],
)
def test_another_run_in_the_folder_is_refused_by_name(tmp_path: Path, change: dict, named: str) -> None:
    given = {"model": image_model(), "data": images(20), "out": tmp_path / "run", "workers": 0, **SETTINGS}
    xai.run(**given)
    before = contents(tmp_path / "run")
    with pytest.raises(InputError, match=f"^run: {named}: expected .* as the run in .* got"):
        xai.run(**{**given, **change})
    assert contents(tmp_path / "run") == before


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"an empty folder, got .*notes.txt"):
        xai.run(image_model(), images(2), ["saliency"], "none", tmp_path)


def test_two_runs_do_not_write_one_folder(tmp_path: Path) -> None:
    with sole_writer(tmp_path / "run"), pytest.raises(OutputError, match="no other run"):
        xai.run(image_model(), images(2), ["saliency"], "none", tmp_path / "run")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"methods": ["magic"]}, "methods"),
        ({"methods": ["lime_text"]}, "methods"),
        ({"checks": "thorough"}, "checks"),
        ({"checks": ["magic"]}, "checks"),
        ({"options": {"saliency": {"steps": 3}}}, "options: saliency"),
        ({"options": {"lrp": {}}}, "options"),
        ({"check_options": {"completeness": {}}}, "check_options"),
        ({"target": "nobody"}, "target"),
        ({"device": "abacus"}, "device"),
        ({"workers": -1}, "workers"),
        ({"labels": [1, 2]}, "labels"),
        ({"data": 7}, "data"),
        ({"model": nn.Linear(2, 2)}, "model"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(tmp_path: Path, wrong: dict, named: str) -> None:
    given = {"model": image_model(), "data": images(3), "methods": ["saliency"], "checks": "none", **wrong}
    with pytest.raises(InputError, match=f"^run: {named}: expected"):
        xai.run(**given, out=tmp_path / "run")
    assert not (tmp_path / "run" / "rows").exists()


def test_a_model_that_cannot_be_sent_says_so(tmp_path: Path) -> None:
    model = xai.Model.from_callable(lambda batch: np.full((len(batch), 2), 0.5))
    given = {"methods": ["occlusion"], "checks": "none", "shard_rows": 2}
    with pytest.raises(InputError, match="workers=0 works"):
        xai.run(model, torch.rand(4, 3), out=tmp_path / "run", workers=2, **given)
    assert xai.run(model, torch.rand(4, 3), out=tmp_path / "other", workers=0, **given).rows == 4


def test_full_checks_are_the_default_until_they_take_a_minute_a_row() -> None:
    given = {"methods": ["saliency"], "checks": None, "target": None, "options": {}, "check_options": {}, "seed": 0}
    given |= {"shard_rows": None, "keep_inputs": True, "device": "cpu"}
    assert len(resolve(image_model(), **given).checks) == 8
    large = xai.Model(nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Flatten()), input=xai.ImageInput((3, 500, 500)))
    quick = resolve(large, **given)
    assert 0 < len(quick.checks) < 7
    assert quick.checks[0] == "faithfulness"  # which decides the verdict
    assert cost_per_row(["saliency"], quick.checks) <= 240 + 64
    assert quick.shard_rows < resolve(image_model(), **given).shard_rows
    assert resolve(large, **given, total=1_000_000).shard_rows > quick.shard_rows
    assert [resolve(image_model(), **given, total=total).shard_rows for total in (10, 6400)] == [16, 100]


def test_lime_summarizes_its_background_once(tmp_path: Path) -> None:
    model, rows = table_model(), np.random.default_rng(0).normal(size=(40, 4))
    frame = pd.DataFrame(rows, columns=model.input.names)
    options = {"lime_tabular": {"background": frame, "shared": True, "samples": 200}}
    found = xai.run(model, frame[:10], ["lime_tabular"], "none", tmp_path / "run", options=options, workers=0)
    (stored,) = found.explanations()
    alone = xai.lime_tabular(model, frame[:10], **options["lime_tabular"])
    assert all(torch.equal(a, b) for a, b in zip(stored.values, alone.values, strict=True))
    assert all(torch.allclose(a, b) for a, b in zip(stored.standard_error, alone.standard_error, strict=True))
    names = {item["name"] for top in found.to_frame()["top"] for item in top}
    assert names == set(model.input.names)


def test_inputs_may_stay_out(tmp_path: Path) -> None:
    kept = xai.run(image_model(), images(6), ["saliency"], "none", tmp_path / "kept", workers=0)
    bare = xai.run(image_model(), images(6), ["saliency"], "none", tmp_path / "bare", workers=0, keep_inputs=False)
    sizes = [sum(path.stat().st_size for path in (found.folder / "values").iterdir()) for found in (kept, bare)]
    assert sizes[0] - sizes[1] >= 6 * 64 * 4 - 100
    assert torch.equal(next(kept.explanations()).values, next(bare.explanations()).values)


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"open_run: run: expected a folder with manifest.msgpack"):
        xai.open_run(tmp_path)
    (tmp_path / "manifest.msgpack").write_bytes(b"\x81\xa1a\x01")
    with pytest.raises(FolderError, match="the manifest of a run"):
        xai.open_run(tmp_path)


def test_a_target_that_is_no_class_is_written_into_the_run(tmp_path: Path) -> None:
    """A segmentation network, whose scores are maps."""
    torch.manual_seed(0)
    model = xai.Model(Segments(), input=xai.ImageInput((2, 4, 4)))
    data = torch.rand(3, 2, 4, 4)
    found = xai.run(model, data, ["saliency"], "none", tmp_path / "run", target="pixel:1,2,2", workers=0)
    assert set(found.to_frame()["target"]) == {"class 2 at pixel (1, 2)"}
    values = xai.saliency(model, data, xai.targets.pixel(1, 2, 2)).values
    made = next(iter(found.explanations()))
    assert torch.allclose(made.values, values, atol=1e-6)
    with pytest.raises(xai.XaiError, match="target: expected"):
        xai.run(model, data, ["saliency"], "none", tmp_path / "other", target="pixel:a", workers=0)
