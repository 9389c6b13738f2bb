"""How a newcomer begins: a starter folder that works, what methods say to it, JSON, settings, completion."""

from __future__ import annotations

import json
import os
import re
import runpy
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from torch import nn

import xai
from xai.auditing.trial import try_methods, try_network
from xai.base.errors import NetworkError
from xai.cli.init_command import KINDS
from xai.cli.main import COMMANDS, main


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, fails: bool = False) -> Result:
        done = CliRunner().invoke(main, arguments)
        assert bool(done.exit_code) == fails, done.output + str(done.exception)
        return done

    return call


@pytest.mark.parametrize("kind", KINDS)
def test_a_starter_folder_works_as_it_is(run, kind: str) -> None:
    done = run("init", "mine", "--kind", kind)
    said = done.stdout.splitlines()
    assert said[0] == "mine"
    works = (
        "lime_tabular" if kind == "table" else "integrated_gradients"
    )  # a category that is looked up has no gradient
    assert re.search(rf"^{works} +yes ", done.stdout, re.M)
    model = xai.load("mine", trust_code=True)
    assert model.classes
    source = Path("mine", "network.py").read_text()
    assert source.count("REPLACE") >= 5
    Path("mine", "network.py").write_text(source.replace('"data": ""', '"data": "Of a test."'))
    runpy.run_path("mine/network.py", run_name="__main__")
    assert xai.load("mine", trust_code=True).card.data == "Of a test."
    assert "refused" not in done.stderr
    again = run("init", "mine", fails=True)
    assert "without a network.py" in str(again.exception)


def test_what_a_method_cannot_do_is_said_with_the_reason(run) -> None:
    run("init", "mine", "--kind", "series")
    network = Path("mine/network.py")
    network.write_text(
        network.read_text().replace("self.layer(steps)", "self.layer(torch.fft.fft(steps, dim=1).abs())")
    )
    checked = json.loads(run("--json", "check", "mine", "--trust-code").stdout)
    assert checked["facts"]["takes"] == "sequence, 24 x 2"
    said = {row["method"]: row for row in checked["methods"]}
    assert said["saliency"]["works"] is True
    assert said["lrp"]["works"] is False
    assert "no rule (FftR2C)" in said["lrp"]["says"]
    assert "gradcam" not in said  # no method of series


def test_a_folder_that_is_not_trusted_is_refused(run) -> None:
    run("init", "mine")
    assert "trust" in str(run("check", "mine", fails=True).exception)


class Moody(nn.Module):
    def __init__(self, answer: float) -> None:
        super().__init__()
        self.linear, self.answer, self.calls = nn.Linear(2, 2), answer, 0

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.linear(rows) + self.answer * self.calls * torch.arange(2.0)


def test_a_network_that_does_not_answer_the_same_twice_does_not_pass() -> None:
    rows = torch.rand(2, 2)
    with pytest.raises(NetworkError, match="the same answer twice"):
        try_network(xai.Model(Moody(1.0)), rows)
    with pytest.raises(NetworkError, match="finite"):
        try_network(xai.Model(Moody(float("nan"))), rows)
    steady = xai.Model(nn.Linear(2, 2), name="steady")
    assert try_network(steady, rows)["parameters"] == "6"
    assert all(trial.works for trial in try_methods(steady, rows) if trial.method == "saliency")


def test_json_has_the_table_or_the_path(run) -> None:
    rows = json.loads(run("--json", "list", "recipes").stdout)
    assert {"recipe", "what it is"} == set(rows[0])
    made = json.loads(run("--json", "train", "digits-cnn", "--rows", "40", "--epochs", "1").stdout)
    assert Path(made["path"], "model.toml").is_file()


def test_options_that_are_always_the_same_stand_in_a_file(run) -> None:
    Path("xai.toml").write_text('[train]\nrows = 40\nepochs = 1\noutput = "here"\n')
    assert run("train", "digits-cnn").stdout.strip() == "here"
    assert run("train", "digits-cnn", "-o", "there").stdout.strip() == "there"
    Path("xai.toml").write_text("[report]\ntrust-code = true\n")
    assert "on the command line only" in run("list", "recipes", fails=True).output
    Path("xai.toml").write_text("[reprot]\nunits = 3\n")
    assert "got 'reprot'" in run("list", "recipes", fails=True).output
    Path("xai.toml").write_text("[report\n")
    assert "expected readable TOML" in run("list", "recipes", fails=True).output


HOSTILE_SETTINGS = {
    "trust in a group": ("[list.layers]\ntrust_code = true\n", "on the command line only"),
    "trust below that": ("[list]\nlayers = {a = {b = {trust-code = true}}}\n", "on the command line only"),
    "a machine that sends code": ('[run]\nscheduler = "tcp://127.0.0.1:9"\n', "on the command line only"),
    "a path above": ('[report]\noutput = "../precious"\n', "inside this folder"),
    "an absolute path": ('[audit]\njson-path = "/precious"\n', "inside this folder"),
    "through a link": ('[report]\noutput = "away/precious"\n', "inside this folder"),
    "no path": ('[report]\noutput = "a\\u0000b"\n', "inside this folder"),
    "depth": ("a = " + "[" * 5000, "at most 64 levels"),
    "size": ("#" * 2**20, "at most 1 MiB"),
}


@pytest.mark.parametrize("kind", HOSTILE_SETTINGS)
def test_a_file_of_options_that_came_with_a_folder_runs_and_reaches_nothing(run, kind: str) -> None:
    text, said = HOSTILE_SETTINGS[kind]
    Path("away").symlink_to("..")
    Path("model").mkdir()
    Path("model/model.toml").write_text('factory = "net.py:build"\ntask = "regression"\noutput = "logits"\n')
    Path("model/net.py").write_text("open('ran', 'w')")
    Path("xai.toml").write_text(text + "\n")
    assert said in run("list", "layers", "model", fails=True).output
    assert not Path("ran").exists()


def test_a_file_of_options_that_is_no_file_is_named(run) -> None:
    os.mkfifo("xai.toml")
    assert "a pipe" in run("list", "recipes", fails=True).output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(run, shell: str) -> None:
    assert "_XAI_COMPLETE" in run("completion", shell).stdout


def test_completion_offers_the_commands() -> None:
    from click.shell_completion import ShellComplete

    offered = ShellComplete(main, {}, "xai", "_XAI_COMPLETE").get_completions([], "")
    assert {item.value for item in offered} >= set(COMMANDS)
