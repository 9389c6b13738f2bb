"""An interrupt inside torch that loses a function mode, or leaves one, is an interrupt and leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode

from xai.attribution.backward_rules import rules
from xai.base.errors import names_errors
from xai.network.function_modes import OwnMode, same_modes


def interrupted(what: str, around: int) -> None:
    """Leave the stack as torch's own code does that is interrupted in its middle."""
    with rules({}):
        assert len(_get_current_function_mode_stack()) == around + 1
        if what == "lost":
            _pop_mode()
        else:
            _push_mode(OwnMode())
        raise KeyboardInterrupt


@pytest.mark.parametrize("around", [0, 1])
@pytest.mark.parametrize("what", ["lost", "left"])
def test_an_interrupt_stays_one(around: int, what: str) -> None:
    with torch.device("cpu") if around else same_modes():
        before = _get_current_function_mode_stack()
        assert len(before) == around
        with pytest.raises(KeyboardInterrupt):
            interrupted(what, around)
        assert _get_current_function_mode_stack() == before
    assert _get_current_function_mode_stack() == []


def test_all_that_was_lost_comes_back() -> None:
    with torch.device("cpu"):
        before = _get_current_function_mode_stack()
        with same_modes():
            _pop_mode()
        assert _get_current_function_mode_stack() == before


def test_how_numpy_takes_errors_is_as_before_an_interrupt() -> None:
    @names_errors("cut")
    def cut() -> None:
        np.seterr(divide="ignore")  # as a block of some library that is cut between its ends
        raise KeyboardInterrupt

    before = np.geterr()
    with pytest.raises(KeyboardInterrupt):
        cut()
    assert np.geterr() == before
