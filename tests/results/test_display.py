"""Results draw and show themselves through tables that plots and reports fill, without knowing of either."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest
import torch
from torch import nn

import xai
from xai.base.errors import InputError
from xai.inputs.table import TabularInput
from xai.results.display import FIGURES, FRAGMENTS, Shown
from xai.results.explanation import Explanation


def explained() -> Explanation:
    model = xai.Model(nn.Linear(3, 2), input=TabularInput(["a", "b", "c"]))
    return xai.saliency(model, torch.rand(2, 3))


def test_a_result_draws_itself_whatever_was_imported() -> None:
    """No import of plots or reports is needed, and none happens before something is drawn."""
    code = (
        "import sys, torch\n"
        "from xai.attribution.gradient_methods import saliency\n"
        "from xai.model.model import Model\n"
        "made = saliency(Model(torch.nn.Linear(3, 2)), torch.rand(1, 3))\n"
        "assert not [name for name in sys.modules if name.startswith(('matplotlib', 'xai.plots', 'xai.reports'))]\n"
        "assert made.plot().axes\n"
        "assert 'saliency' in made._repr_html_()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_type_that_draws_itself_also_shows_itself() -> None:
    explained().plot()
    assert set(FIGURES) <= set(FRAGMENTS)
    assert all(issubclass(kind, Shown) for kind in FIGURES)


def test_a_derived_type_is_drawn_as_what_it_is_derived_from() -> None:
    class Mine(Explanation):
        pass

    made = explained()
    mine = Mine(**{entry.name: getattr(made, entry.name) for entry in fields(made)})
    assert len(mine.plot(1).axes) == len(made.plot(1).axes)
    assert "xai-result" in mine._repr_html_()


def test_a_type_without_a_drawing_is_named() -> None:
    class Unknown(Shown):
        pass

    with pytest.raises(InputError, match="a type with a drawing of its own, got Unknown"):
        Unknown().plot()


def test_a_row_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        explained().plot(2)


def test_a_drawing_goes_where_the_caller_wants_it() -> None:
    from matplotlib.figure import Figure

    made = explained()
    axes = Figure().subplots(1, 2)
    assert made.plot(1, ax=axes[1]) is axes[1]
    assert len(axes[1].patches) == 3
    assert not axes[0].patches
    series = xai.saliency(xai.Model(nn.Sequential(nn.Flatten(), nn.Linear(6, 2))), torch.rand(1, 3, 2))
    with pytest.raises(InputError, match="plot: ax: expected None for a series"):
        series.plot(ax=axes[0])
    picture = xai.visualize(
        xai.Model(nn.Linear(3, 2), input=TabularInput(["a", "b", "c"])), xai.objectives.logit(0), bounds=(0, 1), steps=1
    )
    with pytest.raises(InputError, match="a result that is one drawing"):
        picture.plot(ax=axes[0])


def test_an_audit_shows_itself() -> None:
    from tests.auditing.test_audit import table_data, table_model

    frame = table_data()
    shown = xai.audit(table_model(), xai.AuditData(frame, frame["label"]), ["performance"])._repr_html_()
    assert shown.startswith('<div class="xai-result">')
    assert "<details><summary>Performance</summary>" in shown


class Kernel:
    """What of a notebook's kernel a figure asks for: the events of a cell, and what was displayed."""

    def __init__(self) -> None:
        self.kernel, self.waiting, self.displayed = object(), [], []
        self.events = self
        self.Image = bytes
        self.version_info = (9, 0)  # which matplotlib asks IPython for

    def register(self, event: str, function: object) -> None:
        assert event == "post_execute"
        self.waiting.append(function)

    def unregister(self, event: str, function: object) -> None:
        self.waiting.remove(function)

    def get_ipython(self) -> Kernel:
        return self

    def display(self, item: object) -> None:
        self.displayed.append(item)

    def cell_ends(self, last: object) -> None:
        """End a cell as Jupyter does: show its last value by its own display, then run what waits."""
        if last is not None:
            last._ipython_display_()
        for function in list(self.waiting):
            function()


@pytest.mark.parametrize("semicolon", [True, False])
def test_a_notebook_shows_a_figure_once(monkeypatch: pytest.MonkeyPatch, semicolon: bool) -> None:
    kernel = Kernel()
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", kernel)
    figure = explained().plot()
    kernel.cell_ends(None if semicolon else figure)
    assert len(kernel.displayed) == 1
    assert kernel.displayed[0].startswith(b"\x89PNG")
    kernel.cell_ends(figure)  # a later cell that ends with the figure shows it again
    assert len(kernel.displayed) == 2
    explained()._repr_html_()  # what draws for a page leaves nothing for the cell's end
    assert kernel.waiting == []
