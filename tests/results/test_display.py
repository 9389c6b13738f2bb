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
from xai.inputs.kinds import TabularInput
from xai.results.display import FIGURES, PAGES, Shown
from xai.results.explanation import Explanation


def explained() -> Explanation:
    model = xai.Model(nn.Linear(3, 2), input=TabularInput(["a", "b", "c"]))
    return xai.saliency(model, torch.rand(2, 3))


def test_a_result_draws_itself_whatever_was_imported() -> None:
    """No import of plots or reports is needed, and none happens before something is drawn."""
    code = (
        "import sys, torch\n"
        "from xai.attribution.gradients import saliency\n"
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
    assert set(FIGURES) <= set(PAGES)
    assert all(issubclass(kind, Shown) for kind in FIGURES)


def test_a_derived_type_is_drawn_as_what_it_is_derived_from() -> None:
    class Mine(Explanation):
        pass

    made = explained()
    mine = Mine(**{entry.name: getattr(made, entry.name) for entry in fields(made)})
    assert len(mine.plot(1).axes) == len(made.plot(1).axes)
    assert "iframe" in mine._repr_html_() or "xai-result" in mine._repr_html_()


def test_a_type_without_a_drawing_is_named() -> None:
    class Unknown(Shown):
        pass

    with pytest.raises(InputError, match="a type with a drawing of its own, got Unknown"):
        Unknown().plot()


def test_a_row_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        explained().plot(2)
