"""What `xai audit` and `xai compare` share: options on rows, and findings that become files and an exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xai.base.errors import InputError
from xai.cli.output import say, tell

if TYPE_CHECKING:
    from xai.reports.page import Report
    from xai.results.audit_result import AuditResult

__all__ = ["check_targets", "finish", "gate_options", "label_options", "metadata_options", "read_levels"]


def label_options(command: Callable) -> Callable:
    """Add the options that say which columns of the data are no inputs."""
    return _with_options(
        command,
        click.option("--label", default="label", show_default=True, help="The column that holds the right answer."),
        click.option(
            "--protected", multiple=True, help="A column that says who a row is (sex, age, ...); repeat for several."
        ),
    )


def metadata_options(command: Callable) -> Callable:
    """Add the options that say whose rows they are, when they were, and how many each stands for."""
    return _with_options(
        command,
        click.option("--entity", default=None, help="The column that says whose a row is: a patient, a machine."),
        click.option("--time", default=None, help="The column that says when a row was: numbers or dates."),
        click.option("--weights", default=None, help="The column that says how many rows each one stands for."),
    )


def gate_options(command: Callable) -> Callable:
    """Add the options that say what becomes of the findings."""
    return _with_options(
        command,
        click.option("--json", "json_path", default=None, help="Where to write the findings as JSON."),
        click.option(
            "--fail-on",
            multiple=True,
            metavar="CHECK=LEVEL",
            help="Exit with 1 where a check (or all) reaches warn, fail or untestable.",
        ),
        click.option(
            "--no-raw-data", is_flag=True, help="Keep inputs, and protected columns by row, out of the report."
        ),
    )


def _with_options(command: Callable, *options: Callable) -> Callable:
    return reduce(lambda made, option: option(made), reversed(options), command)


def check_targets(target: str, json_path: str | None) -> None:
    """Raise before any work where the report and its JSON cannot be written, or would be one file."""
    from xai.base.files import check_writable

    for path in (target, json_path):
        if path is not None:
            check_writable(path)
    if json_path is not None and Path(json_path).resolve() == Path(target).resolve():
        raise click.UsageError(f"-o and --json name one file, {json_path}: the second would overwrite the first")


def read_levels(entries: tuple[str, ...], known: set[str], chosen: Sequence[str]) -> dict[str, str]:
    """Return the levels by check or finding; raises a usage error for what cannot be one, before any of the work.

    known: all names of checks and findings; chosen: the checks that will be made.
    """
    from xai.results.audit_result import LEVELS, RENAMED

    levels = {}
    for entry in entries:
        name, _, level = entry.partition("=")
        if name in RENAMED:
            tell(f"xai: {name} is now {RENAMED[name]}; the old name goes with the next version", err=True)
            name = RENAMED[name]
        if name not in {"all", *known} or level not in LEVELS:
            wanted = f"CHECK=LEVEL with a check (or all) and a level of {', '.join(LEVELS)}"
            raise InputError("--fail-on", expected=wanted, got=entry)
        if name != "all" and name.partition(".")[0] not in chosen:
            wanted = f"one of the checks that are made ({', '.join(chosen)})"
            raise InputError("--fail-on", expected=wanted, got=name)
        levels[name] = level
    return levels


def finish(
    result: AuditResult,
    report: Report,
    target: str,
    json_path: str | None,
    levels: Mapping[str, str],
    *,
    no_raw_data: bool,
) -> None:
    """Write the files, print the report's path, and exit with 1 where findings break the gate, a line for each."""
    if json_path is not None:
        (result.without_raw_data() if no_raw_data else result).save(json_path)
    say(report.save(target), passed=result.passed, counts=dict(result.counts))
    broken = result.gate(levels)  # last: a finding that such data do not have is no reason to lose the others
    for finding in broken:
        tell(f"xai: {finding.check}: {finding.status}: {finding.text}", err=True)
    if broken:
        raise click.exceptions.Exit(1)
