"""The entry point: loads a command when it is called, and turns every expected error into one line and exit code 2."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

import xai
from xai.cli.output import AS_JSON, tell
from xai.cli.settings_file import read_settings

__all__ = ["main", "run"]

COMMANDS = {
    "init": "Write a commented model folder for a network of your own.",
    "check": "Try a model folder: does it run, and what can every method do with it?",
    "train": "Train a reference network.",
    "explain": "Explain what a model says about images, texts or series.",
    "rank": "Say which method to trust on a model, and which not.",
    "visualize": "Make images that excite a model's units.",
    "run": "Explain a data set of any size, on many workers, resumable.",
    "audit": "Audit a trained model on labelled data.",
    "compare": "Tell what moved between two versions of a model.",
    "report": "Write the full report on a model.",
    "recheck": "Hold a report against the model and the data.",
    "lecture": "Reproduce the lecture's claims.",
    "completion": "Print what a shell needs to complete commands.",
    "list": "List methods, checks, recipes, or a model's layers.",
}


class _Lazy(click.Group):
    """Finds commands by name without importing them: `xai --help` must not wait for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"xai.cli.{cmd_name}_command").command

    def invoke(self, ctx: click.Context) -> object:
        from xai.base.errors import XaiError

        try:
            return super().invoke(ctx)
        except XaiError as error:
            error.operation = error.operation or ctx.invoked_subcommand
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(xai.__version__, prog_name="xai")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON in place of a path or a table.")
@click.pass_context
def main(ctx: click.Context, as_json: bool) -> None:
    """Explain trained networks, with evidence for every explanation.

    Options that are always the same can stand in xai.toml of the current folder, a table per command.
    """
    ctx.meta[AS_JSON] = as_json
    ctx.default_map = read_settings(COMMANDS)


def run() -> NoReturn:
    """Run the command line and exit: 0 done, 1 a gate failed, 2 bad input, 130 interrupted."""
    from xai.base.errors import XaiError

    try:
        code = main(standalone_mode=False)  # click hands back the code of an Exit
    except click.exceptions.NoArgsIsHelpError as error:
        tell(error.format_message(), err=True)
        sys.exit(2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message())
    except XaiError as error:
        _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        tell("xai: interrupted", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> NoReturn:
    # Names come from outside: no control characters reach the terminal, and one error is one line.
    line = " ".join("".join(character if character.isprintable() else " " for character in message).split())
    tell(f"xai: {line}", err=True)
    sys.exit(2)
