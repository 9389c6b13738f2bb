"""Torch's stacks of modes, left as they were: an interrupt inside torch's own code can lose one, or leave one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, _pop_mode, _push_mode
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack
from torch.utils._python_dispatch import _pop_mode as _pop_dispatch_mode
from torch.utils._python_dispatch import _push_mode as _push_dispatch_mode

__all__ = ["OwnMode", "modes_put_back", "same_modes"]


class OwnMode(TorchFunctionMode):
    """A mode that takes only itself off the stack: where torch lost it, an interrupt stays an interrupt."""

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        modes = _get_current_function_mode_stack()
        if modes and modes[-1] is self:
            _pop_mode()


def modes_put_back() -> Callable[[], None]:
    """Return what brings both stacks of modes back to what they are now; called again, it goes on where it was."""
    stacks = (
        (_get_current_function_mode_stack, _push_mode, _pop_mode),
        (_get_current_dispatch_mode_stack, _push_dispatch_mode, _pop_dispatch_mode),
    )
    found = [(stack(), stack, push, pop) for stack, push, pop in stacks]

    def put_back() -> None:
        for before, stack, push, pop in found:
            now, same = stack(), 0
            while same < min(len(before), len(now)) and before[same] is now[same]:
                same += 1
            for _ in now[same:]:
                pop()
            for mode in before[same:]:
                push(mode)

    return put_back


@contextmanager
def same_modes() -> Generator[None]:
    """Run a body after which the stacks are what they were before, whatever ended the body."""
    put_back = modes_put_back()
    try:
        yield
    finally:
        put_back()
