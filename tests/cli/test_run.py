"""`xai run`: what it prints, where it goes on, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import xai
from xai.base.errors import InputError
from xai.cli.main import main


def call(*arguments: object):
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


@pytest.fixture
def rows(tmp_path: Path, digit_images) -> Path:
    pixels = digit_images[0][:20].numpy()
    np.save(tmp_path / "digits.npy", pixels)
    return tmp_path / "digits.npy"


def test_a_run_is_made_and_gone_on_with(tmp_path: Path, digits_folder: Path, rows: Path) -> None:
    out = tmp_path / "run"
    given = (digits_folder, "--data", rows, "-o", out, "-m", "saliency", "--checks", "completeness", "--workers", 0)
    first = call(*given, "--shard-rows", 8)
    assert first.exit_code == 0, first.output
    assert first.stdout == f"{out}\n"
    assert first.stderr.splitlines()[0].startswith("about 1 passes and ")
    assert first.stderr.splitlines()[-1] == "20 rows, 0 of 20 explanations failed"
    again = call(*given, "--shard-rows", 8, "--log-json")
    events = [json.loads(line) for line in again.stderr.splitlines()]
    assert [event["event"] for event in events] == ["started", "finished"]
    assert events[0]["shards"] == 3
    assert xai.open_run(out).rows == 20


def test_options_are_numbers_or_words(tmp_path: Path, digits_folder: Path, rows: Path) -> None:
    given = (digits_folder, "--data", rows, "-o", tmp_path / "run", "--checks", "none", "--workers", 0)
    steps = ("--option", "integrated_gradients.steps=4", "--option", "integrated_gradients.baseline=mean")
    assert call(*given, *steps).exit_code == 0
    settings = xai.open_run(tmp_path / "run").manifest.settings
    assert settings.options == {"integrated_gradients": {"steps": 4, "baseline": "mean"}}
    refused = call(*given, "--option", "integrated_gradients=4")
    assert isinstance(refused.exception, InputError)
    assert "METHOD.NAME=VALUE" in str(refused.exception)


def test_all_rows_failing_is_no_success(tmp_path: Path, digits_folder: Path) -> None:
    np.save(tmp_path / "bad.npy", np.full((3, 1, 28, 28), np.nan, dtype=np.float32))
    found = call(
        digits_folder, "--data", tmp_path / "bad.npy", "-o", tmp_path / "run", "-m", "saliency", "--workers", 0
    )
    assert found.exit_code == 1
    assert "the first row that failed: 0: " in found.stderr


def test_a_scheduler_that_is_not_there_is_named(tmp_path: Path, digits_folder: Path, rows: Path) -> None:
    pytest.importorskip("distributed")
    given = (digits_folder, "--data", rows, "-o", tmp_path / "run", "--scheduler", "nowhere")
    found = call(*given)
    assert found.exit_code != 0
    assert not (tmp_path / "run" / "rows").exists()


def test_the_command_audits_and_says_all_in_one_line_of_json(
    tmp_path: Path, digits_folder: Path, digit_images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xai.runs.run.audit_checks", lambda audit, keep: ["performance"] if audit else None)
    pixels, labels = digit_images
    for number in range(24):
        folder = tmp_path / "data" / str(int(labels[number]))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels[number, 0] * 255).to(torch.uint8).numpy()).save(folder / f"{number}.png")
    out = tmp_path / "run"
    given = ["--json", "run", digits_folder, "--data", tmp_path / "data", "-o", out, "-m", "saliency", "--workers", 0]
    found = CliRunner().invoke(main, [*map(str, given), "--checks", "none", "--audit"])
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert (said["path"], said["rows"], said["explanations"], said["failed"]) == (str(out), 24, 24, 0)
    assert said["audit"]["passed"] is xai.open_run(out).audit.passed
    assert found.stderr.splitlines()[-1].startswith("audit: ")
    page = xai.run_report(xai.open_run(out)).html()
    assert "The audit of the model on these rows" in page
    assert 'id="performance"' in page
