"""Torch's stack of function modes, left as it was: an interrupt inside torch's own code can lose one, or leave one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, _pop_mode, _push_mode

__all__ = ["OwnMode", "same_modes"]


class OwnMode(TorchFunctionMode):
    """A mode that takes only itself off the stack: where torch lost it, an interrupt stays an interrupt."""

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        modes = _get_current_function_mode_stack()
        if modes and modes[-1] is self:
            _pop_mode()


@contextmanager
def same_modes() -> Generator[None]:
    """Run a body after which the stack is what it was before, whatever ended the body."""
    before = _get_current_function_mode_stack()
    try:
        yield
    finally:
        now = _get_current_function_mode_stack()
        same = 0
        while same < min(len(before), len(now)) and before[same] is now[same]:
            same += 1
        for _ in now[same:]:
            _pop_mode()
        for mode in before[same:]:
            _push_mode(mode)
