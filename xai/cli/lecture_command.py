"""`xai lecture`: run the lecture's claims and write what came out."""

from __future__ import annotations

import click

from xai.cli.options import lecture, output_option, worked_examples
from xai.cli.output import say, tell


@click.command("lecture")
@click.argument("claims", nargs=-1)
@output_option("reports/lecture.html")
@click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(min=1), help="Processes, one thread in each."
)
def command(claims: tuple[str, ...], output: str, workers: int) -> None:
    """Run CLAIMS, by name or number, and print the path of the report; where none is given, all 18.

    All of them come with the worked examples: the lecture's rows with numbers by hand, beside the code's.
    """
    from xai.base.files import check_writable
    from xai.base.progress import track
    from xai.reports.presets.lecture import lecture_report

    table = lecture()
    chosen = table.choose(claims)
    check_writable(output)
    tell(f"about {sum(table.SECONDS.get(name, 5) for name in chosen) / workers:,.0f} s", err=True)
    outcomes = list(track(table.run_all(chosen, workers), "claims", len(chosen)))
    worked = [] if claims else worked_examples().work_all()
    say(lecture_report(outcomes, table.ERRATA, len(table.EXPERIMENTS), worked).save(output))
