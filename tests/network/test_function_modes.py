"""An interrupt inside torch that loses a function mode, or leaves one, is an interrupt and leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack
from torch.utils._python_dispatch import _pop_mode as _pop_dispatch_mode
from torch.utils._python_dispatch import _push_mode as _push_dispatch_mode

from xai.attribution.backward_rules import rules
from xai.base.errors import names_errors
from xai.network.function_modes import OwnMode, same_modes
from xai.network.guard import untouched


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


class Through(TorchDispatchMode):
    """A mode that changes nothing."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def cut_in_the_guard(what: str) -> None:
    """Leave both stacks as torch's own code does that is cut between the two ends of a mode."""
    with untouched(torch.nn.Linear(2, 2)):
        if what == "lost":
            _pop_mode()
            _pop_dispatch_mode()
        else:
            _push_mode(OwnMode())
            _push_dispatch_mode(Through())
        raise KeyboardInterrupt


@pytest.mark.parametrize("what", ["lost", "left"])
def test_the_guard_puts_both_stacks_back(what: str) -> None:
    with torch.device("cpu"), Through():
        before = _get_current_function_mode_stack(), _get_current_dispatch_mode_stack()
        with pytest.raises(KeyboardInterrupt):
            cut_in_the_guard(what)
        assert (_get_current_function_mode_stack(), _get_current_dispatch_mode_stack()) == before


def test_how_numpy_takes_errors_is_as_before_an_interrupt() -> None:
    @names_errors("cut")
    def cut() -> None:
        np.seterr(divide="ignore")  # as a block of some library that is cut between its ends
        raise KeyboardInterrupt

    before = np.geterr()
    with pytest.raises(KeyboardInterrupt):
        cut()
    assert np.geterr() == before
