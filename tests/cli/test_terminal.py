"""One door to the terminal: nothing from outside is obeyed by it."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from torch import nn

import xai
from tests.house import ROOT
from xai.cli.main import main
from xai.cli.output import AS_JSON, say, say_table, tell

NASTY = "\x1b[31mred\x1b]0;title\x07 [bold]b[/bold] \u202eback\x9b2J \r gone"


def test_only_one_function_prints() -> None:
    """The source of a completion script is the shell's to read, as it is."""
    found = []
    for path in sorted((ROOT / "xai").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("click.echo", "click.secho", "print"):
                found.append(path.name)
    assert sorted(set(found)) == ["completion_command.py", "output.py"]


@pytest.mark.parametrize("print_it", [tell, say, lambda text: say_table(["name"], [[text]])])
def test_what_is_printed_obeys_nothing(print_it, capsys: pytest.CaptureFixture) -> None:
    print_it(NASTY)
    printed = capsys.readouterr().out
    assert all(letter.isprintable() or letter == "\n" for letter in printed)
    assert "[bold]b[/bold]" in printed  # text, no markup


def test_json_keeps_what_it_says() -> None:
    import click

    @click.command()
    @click.pass_context
    def command(context: click.Context) -> None:
        context.meta[AS_JSON] = True
        say_table(["name"], [[NASTY + "好"]])

    printed = CliRunner().invoke(command).output
    assert json.loads(printed) == [{"name": NASTY + "好"}]
    assert "好" in printed
    assert all(letter.isprintable() or letter == "\n" for letter in printed)


def test_layer_names_of_a_folder_are_shown_not_obeyed(tmp_path: Path) -> None:
    arguments = {"in_features": 2, "out_features": 2}
    model = xai.Model(nn.Linear(2, 2), name=NASTY, classes=["a\x1b[2J", "b"], input=xai.TabularInput(["x\x1b[1m", "y"]))
    folder = xai.save_model(model, tmp_path / "m", factory="torch.nn:Linear", arguments=arguments)
    for command in (["list", "layers", str(folder)], ["check", str(folder)], ["explain", str(folder), "\x1b[31mnone"]):
        done = CliRunner().invoke(main, command)
        assert "\x1b" not in done.output
        assert "\x9b" not in done.output
