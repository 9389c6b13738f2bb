"""The table of methods, with a picture of each that makes maps: the same digit through all of them."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt

__all__ = ["write"]

HEAD = """# Table of methods

Each map explains why the same network calls the same digit as it does. Orange counts for, blue against; magenta has no
sign. Which of them survives its checks on your network, `xai.verify` says: no map is right because it looks right.

```{list-table}
:header-rows: 1
:widths: 18 22 40 20

* - Picture
  - Method
  - What it says
  - Labels
"""


def write(here: Path) -> None:
    """Write methods.md and its pictures, unless they are newer than the code of the methods."""
    from xai.methods import METHODS, MODEL_METHODS

    page, pictures = here / "methods.md", here / "auto_methods"
    pictures.mkdir(exist_ok=True)
    drawn = _pictures(here, pictures, METHODS)
    rows = []
    for name, spec in (METHODS | MODEL_METHODS).items():
        picture = f"![{name} of a digit](auto_methods/{name}.png)" if name in drawn else "–"
        labels = ", ".join([spec.scope, spec.access, spec.stage])
        rows.append(f"* - {picture}\n  - {{py:obj}}`xai.{name}`\n  - {spec.summary}\n  - {labels}\n")
    text = HEAD + "".join(rows) + "```\n"
    if not page.exists() or page.read_text() != text:
        page.write_text(text)


def _pictures(here: Path, pictures: Path, methods: dict) -> set[str]:
    import xai
    from models.recipes import load_data, train_recipe
    from xai import plots

    wanted = [
        name for name, spec in methods.items() if spec.kind in ("attribution", "surrogate") and spec.takes("image")
    ]
    wanted.remove("lime_segments")  # of any kind of input: for images it is what lime_image does
    wanted = [name for name in wanted if not name.startswith("attention_")]  # the pictures' network has no attention
    if all((pictures / f"{name}.png").exists() for name in wanted):
        return set(wanted)
    folder = here / "tutorials" / "runs" / "mnist-cnn"  # trained by the first tutorial
    if not folder.exists():
        train_recipe("mnist-cnn", folder, epochs=4)
    model, image = xai.load(folder), load_data("mnist-cnn").test_inputs[300:301]
    for name in wanted:
        axes = plots.overlay(getattr(xai, name)(model, image))
        axes.set_title("")
        axes.figure.set_size_inches(1.3, 1.3)
        axes.figure.savefig(pictures / f"{name}.png", dpi=100)
        plt.close("all")
    return set(wanted)
