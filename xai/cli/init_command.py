"""`xai init`: a commented model folder for a network of one's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from xai.cli.output import tell, wants_json

KINDS = ("image", "table", "text", "series")


@click.command("init")
@click.argument("folder")
@click.option("--kind", default="image", show_default=True, type=click.Choice(KINDS), help="What the network takes.")
def command(folder: str, kind: str) -> None:
    """Write FOLDER with a small network of its own to replace by yours, and check it.

    network.py is yours to edit; running it (`python FOLDER/network.py`) writes model.toml and the weights again.
    """
    from xai.base.errors import OutputError
    from xai.base.files import check_writable, write_atomically
    from xai.cli.check_command import report_on

    path = Path(folder, "network.py")
    if path.exists():
        raise OutputError("folder", expected="one without a network.py", got=str(path), operation="init")
    check_writable(path)
    write_atomically(path, (files("xai.cli") / "starters" / f"{kind}.py.txt").read_text("utf-8"))
    _run(path)
    tell(f"{path}: replace the network, the classes and the weights, then run it again", err=True)
    if not wants_json():
        tell(folder)
    report_on(folder, trust_code=True)  # written a moment ago, by this library


def _run(path: Path) -> None:
    """Run the file that was just written, as `python network.py` would, and take what it says for granted."""
    import runpy

    runpy.run_path(str(path), run_name="__main__")
