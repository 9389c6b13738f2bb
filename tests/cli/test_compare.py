"""`xai compare` as a user meets it: two folders, replicas given or trained, a gate, a report that can be rechecked."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
import torch

from tests.auditing.test_audit import table_data, table_model
from tests.cli.test_audit import TABLE
from tests.cli.test_cli import here as xai
from tests.cli.test_cli import refused
from xai.base.errors import XaiError
from xai.cli.gate import check_targets
from xai.cli.main import main
from xai.cli.options import recipes, say_checks_cost
from xai.cli.replicas import train_replicas
from xai.methods import COMPARISONS, MODEL_CHECKS
from xai.model.folder import load, save_model

WEIGHTS = {"a": (4.0, 0.0), "b": (-0.6, 0.0), "one": (4.0, 0.3), "two": (4.0, -0.3), "three": (3.5, 0.1)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two versions and three replicas of a table's model, and its data beside them."""
    place = tmp_path_factory.mktemp("compare")
    for name, weights in WEIGHTS.items():
        save_model(table_model(weights), place / name, factory="table.py:build")
        (place / name / "table.py").write_text(TABLE)
    frame = table_data()
    frame.assign(sex=["f", "m"] * 100).to_csv(place / "test.csv", index=False)
    return place


COMPARED = ["compare", "a", "b", "--trust-code", "--data", "test.csv", "-c", "predictions", "-c", "errors"]
REPLICAS = ["--replica", "one", "--replica", "two", "--replica", "three"]


# The first logit of this network is always 0, so that a few sure rows look like log-probabilities.
@pytest.mark.filterwarnings("ignore::xai.base.errors.XaiWarning")
def test_a_gate_a_report_and_its_recheck(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = ["-o", "page.html", "--json", "page.json", "--protected", "sex", "--fail-on", "errors=fail"]
    done = xai(*COMPARED, *REPLICAS, *outputs, cwd=folder)
    assert done.returncode == 1, done.stderr
    assert done.stdout == "page.html\n"
    assert "xai: errors.score: fail: The accuracy is 1.000 of A and 0.000 of B" in done.stderr
    assert re.match(r"about [\d,]+ passes, \d+ s of them, \d+ MiB of activations at a time\n", done.stderr)
    found = json.loads((folder / "page.json").read_text())
    assert [item["name"] for item in (found["model"]["A"], found["model"]["B"])] == ["a", "b"]
    assert len(found["model"]["replicas"]) == 3
    assert "unlike A" in (folder / "page.html").read_text()

    again = ["recheck", "page.html", "a", "--other", "b", *REPLICAS, "--trust-code", "--data", "test.csv"]
    held = xai(*again, cwd=folder)
    assert held.returncode == 0, held.stdout + held.stderr
    assert "is 100 %" in held.stdout
    forged = (folder / "page.html").read_text().replace("of A and 0.000 of B", "of A and 0.999 of B")
    (folder / "forged.html").write_text(forged)
    monkeypatch.chdir(folder)
    assert main(["recheck", "forged.html", *again[2:]], standalone_mode=False) == 1
    with pytest.raises(XaiError, match="3 replicas of A"):
        main(["recheck", "page.html", "a", "--trust-code", "--data", "test.csv"], standalone_mode=False)


def test_what_cannot_be_compared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for arguments, says in (
        (["--fail-on", "performance=fail"], "performance=fail"),
        (["-c", "luck"], "luck"),
        (["--retrain", "2"], "--retrain"),
        (["--replica", "a"], "the weights of a"),
    ):
        with pytest.raises((click.ClickException, XaiError), match=says):
            main([*COMPARED, *arguments, "-o", "none.html"], standalone_mode=False)
        assert not (folder / "none.html").exists()
    refused(xai(*COMPARED, "--label", "luck", cwd=folder), "luck")


def test_replicas_are_trained_once_with_seeds_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    recipe, few = "breast-cancer-dense", {"epochs": 1, "rows": 60}
    a, b = (recipes().train_recipe(recipe, tmp_path / name, seed=seed, **few) for name, seed in (("a", 0), ("b", 1)))
    made = train_replicas(str(a), str(b), 2)
    assert made == [str(tmp_path / "a-seed-2"), str(tmp_path / "a-seed-3")]
    capsys.readouterr()
    assert train_replicas(str(a), str(b), 2) == made
    assert capsys.readouterr().err == ""  # nothing was trained again
    digests = {load(place).digest() for place in (a, b, *made)}
    assert len(digests) == 4
    again = recipes().train_recipe(recipe, tmp_path / "again", seed=2, **few)
    assert load(again).digest() == load(made[0]).digest()
    save_model(load(b), tmp_path / "a-seed-4", factory="models.networks.feedforward:feedforward")
    with pytest.raises(click.ClickException, match="a replica or nothing"):
        train_replicas(str(a), str(b), 3)
    assert train_replicas(str(a), str(b), 0) == []


def test_the_cost_that_is_said_is_about_the_cost(capsys: pytest.CaptureFixture) -> None:
    """Each row that goes through the network is counted, in an audit and in a comparison."""
    from tests.auditing.planted import bars, stripes
    from xai.auditing.audit_data import AuditData
    from xai.auditing.audit_run import audit
    from xai.auditing.compare.comparison_run import compare

    counted = [0]

    class Counted(torch.nn.Module):
        def __init__(self, network: torch.nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            counted[0] += len(batch)
            return self.network(batch)

    images, labels = stripes(200)
    data = AuditData(images, labels)
    checks = ["shortcuts", "robustness", "explanations", "inside"]
    models = [bars().with_network(Counted(bars().network)) for _ in range(2)]
    for table, chosen, run in (
        (MODEL_CHECKS, checks, lambda: audit(models[0], data, checks)),
        (COMPARISONS, list(COMPARISONS), lambda: compare(models[0], models[1], data)),
    ):
        say_checks_cost(models[:1] if table is MODEL_CHECKS else models, data, chosen, table, 10_000)
        said = int(re.search(r"about ([\d,]+) passes", capsys.readouterr().err)[1].replace(",", ""))
        counted[0] = 0
        run()
        assert 0.5 < said / counted[0] < 2, (said, counted)


def test_one_file_for_report_and_json_is_refused_before_any_work(tmp_path: Path) -> None:
    page = str(tmp_path / "page.html")
    with pytest.raises(click.UsageError, match="would overwrite the first"):
        check_targets(page, page)
    check_targets(page, None)
