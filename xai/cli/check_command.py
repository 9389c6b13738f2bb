"""`xai check`: does a model folder load and run, and what can every method do with it?"""

from __future__ import annotations

from dataclasses import asdict

import click

from xai.cli.options import load_model, trust_option
from xai.cli.output import say_json, say_table, tell, wants_json


@click.command("check")
@click.argument("folder")
@trust_option
def command(folder: str, trust_code: bool) -> int:
    """Load the model folder FOLDER, run it, and try every method on it; ends with 1 where it does not run.

    Inputs are drawn at random: this says that a method works, not that its explanations are right.
    """
    report_on(folder, trust_code)
    return 0


def report_on(folder: str, trust_code: bool) -> None:
    """Print what a folder holds, and what each method says to it."""
    from xai.auditing.trial import try_methods, try_network
    from xai.reports.unit_choice import blank_inputs

    model = load_model(folder, trust_code)
    blank = blank_inputs(model, 2)
    facts = try_network(model, blank)
    trials = try_methods(model, blank)
    if wants_json():
        say_json({"facts": facts, "methods": [asdict(trial) for trial in trials]})
        return
    for name, value in facts.items():
        tell(f"{name}: {value}")
    tell()
    say_table(("method", "works", "says"), [(item.method, "yes" if item.works else "no", item.says) for item in trials])
    tell(f"\nNext: xai explain {folder} INPUT, or xai report {folder} --data LABELLED_INPUTS", err=True)
