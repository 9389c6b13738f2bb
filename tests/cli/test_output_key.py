"""Which of several outputs is explained, said on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import xai
from xai.cli.main import main

SOURCE = """
import torch
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, rows):
        return {"first": self.first(rows), "second": self.second(rows)}
"""


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> xai.Model:
    monkeypatch.chdir(tmp_path)
    space: dict[str, type] = {}
    exec(SOURCE, space)
    torch.manual_seed(0)
    model = xai.Model(space["Two"](), input=xai.TabularInput(["a", "b", "c"]))
    Path("model").mkdir()
    Path("model/network.py").write_text(SOURCE)
    xai.save_model(model, "model", factory="network.py:Two")
    Path("rows.csv").write_text("a,b,c\n1,2,3\n3,1,2\n")
    return model


def test_the_output_that_is_asked_for_is_explained(two: xai.Model) -> None:
    arguments = [
        "run",
        "model",
        "--data",
        "rows.csv",
        "--trust-code",
        "-m",
        "saliency",
        "--checks",
        "none",
        "--workers",
        "0",
    ]
    done = CliRunner().invoke(main, [*arguments, "-o", "out"])
    assert done.exit_code
    assert "output_key" in xai.open_run("out").to_frame()["error"][0]
    done = CliRunner().invoke(main, [*arguments, "--output-key", "second", "-o", "out"])
    assert done.exit_code, "another output in the folder of a run"
    done = CliRunner().invoke(main, [*arguments, "--output-key", "second", "-o", "other"])
    assert not done.exit_code, done.output
    made = next(xai.open_run("other").explanations())
    weights = two.network.second.weight.detach()
    assert torch.allclose(made.values[0], weights[made.target[0]].abs(), atol=1e-6)
    done = CliRunner().invoke(main, ["check", "model", "--trust-code", "--output-key", "third"])
    assert done.exit_code
    assert "third" in done.output + str(done.exception)
