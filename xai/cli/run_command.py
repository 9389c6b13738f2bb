"""`xai run`: explain and verify a data set of any size into a folder that can be resumed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xai.cli.options import load_model, output_key, recipes, seed_option, trust_option
from xai.cli.output import say

if TYPE_CHECKING:
    from xai.runs.progress import Event

WANTED = "METHOD.NAME=VALUE, such as integrated_gradients.steps=20"


@click.command("run")
@click.argument("model")
@click.option(
    "--data",
    required=True,
    help="Images by class; a CSV, Parquet, Arrow, .npy or tar file, or a folder of them; or a recipe.",
)
@click.option("-o", "--output", default="run", show_default=True, help="The folder of the run: made, or gone on with.")
@click.option("-m", "--method", "methods", multiple=True, help="A method of `xai list methods`; repeat for several.")
@click.option(
    "--checks", default=None, help="none, quick, full, or checks by name, with commas.  [default: full, or quick]"
)
@click.option("-t", "--target", default=None, help="A class by name, or another output: pixel:40,60.")
@click.option("--label", default="label", show_default=True, help="The column that holds the right answer.")
@click.option("--id", "id_column", default=None, help="The column that names a row.")
@click.option("--background", default=None, help="What lime_tabular learns the columns from: a CSV or Parquet file.")
@click.option("--option", "options", multiple=True, metavar="METHOD.NAME=VALUE", help="An argument of a method.")
@click.option("--workers", default=None, type=click.IntRange(min=0), help="Processes; 0 for none.  [default: cores]")
@click.option("--scheduler", default=None, help="A Dask scheduler, tcp://HOST:PORT, in place of processes.")
@click.option("--shard-rows", default=None, type=click.IntRange(min=1), help="Rows of a shard.  [default: by cost]")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(("cpu", "cuda")))
@click.option("--no-inputs", is_flag=True, help="Store values alone, not the inputs that they belong to.")
@click.option("--fail-fast", is_flag=True, help="End at the first row that fails.")
@click.option(
    "--audit",
    is_flag=True,
    help="Audit the model on the labelled rows as well, at most 10,000 of them, drawn at random.",
)
@click.option("--log-json", is_flag=True, help="Write every event as a line of JSON on standard error.")
@seed_option
@trust_option
def command(
    model: str,
    data: str,
    output: str,
    methods: tuple[str, ...],
    checks: str | None,
    target: str | None,
    label: str,
    id_column: str | None,
    background: str | None,
    options: tuple[str, ...],
    workers: int | None,
    scheduler: str | None,
    shard_rows: int | None,
    device: str,
    no_inputs: bool,
    fail_fast: bool,
    audit: bool,
    log_json: bool,
    seed: int,
    trust_code: bool,
) -> None:  # fmt: skip
    """Explain every row of DATA by the model folder MODEL, and print the folder of the run.

    What was killed is called again, and does the rest. `xai report FOLDER` tells what all rows say.
    """
    from xai.evidence.levels import LEVELS
    from xai.runs.run import run

    loaded = load_model(model, trust_code)  # says what is wrong with the folder before any data are read
    asked = model if output_key() is None else loaded
    inputs, labels = _data(data)
    chosen = checks if checks is None or checks in LEVELS else [name.strip() for name in checks.split(",")]
    with _executor(scheduler, workers) as (executor, count):
        done = run(
            asked, inputs, methods, chosen, output, options=_options(options, background), target=target, label=label,
            labels=labels, id=id_column, workers=count, executor=executor, shard_rows=shard_rows, seed=seed,
            keep_inputs=not no_inputs, fail_fast=fail_fast, device=device, audit=audit, trust_code=trust_code,
            log=_log(log_json),
        )  # fmt: skip
    found = done.manifest.finished
    rows, failed, shards = (found.rows, found.failed, found.shards) if found else (done.rows, done.failed, 0)
    summary = {"rows": rows, "explanations": rows * len(done.methods), "failed": failed, "shards": shards}
    if audit and (result := done.audit) is not None:
        summary["audit"] = {"passed": result.passed, **result.counts}
    say(output, **summary)
    if failed and failed == rows * len(done.methods):
        raise click.exceptions.Exit(1)


def _data(name: str) -> tuple[object, Any]:
    """Return a path as it is, and the held-out rows of a recipe with their labels."""
    if Path(name).exists() or name not in recipes().RECIPES:
        return name, None
    found = recipes().load_data(name)
    return found.test_inputs, found.test_labels if found.test_labels.ndim == 1 else None


def _options(entries: tuple[str, ...], background: str | None) -> dict[str, dict[str, object]]:
    """Return arguments by method: numbers, true, false and null as JSON has them, else words."""
    import msgspec

    from xai.base.errors import InputError

    found: dict[str, dict[str, object]] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        method, dot, argument = name.partition(".")
        if not (equals and dot and argument):
            raise InputError("--option", expected=WANTED, got=entry)
        try:
            plain = msgspec.json.decode(value.encode())
        except msgspec.DecodeError:
            plain = value
        found.setdefault(method, {})[argument] = plain
    if background is not None:
        found.setdefault("lime_tabular", {})["background"] = background
    return found


def _log(as_lines_of_json: bool) -> Callable[[Event], None]:
    from xai.runs.progress import as_bar, as_json, as_lines

    if as_lines_of_json:
        return as_json(sys.stderr)
    return as_bar(sys.stderr) if sys.stderr.isatty() else as_lines(sys.stderr)


@contextmanager
def _executor(scheduler: str | None, workers: int | None) -> Generator[tuple[Executor | None, int | None]]:
    """Lend the executor of a Dask cluster, with how many tasks it does at once."""
    if scheduler is None:
        yield None, workers
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise click.ClickException("run: --scheduler needs Dask: pip install 'xai-toolkit[dask]'") from error
    try:
        client = Client(scheduler, timeout="30s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"run: --scheduler: no scheduler at {scheduler} ({error})") from error
    with client, client.get_executor() as executor:
        yield executor, workers or max(1, sum(client.nthreads().values()))
