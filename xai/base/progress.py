"""A progress bar on a terminal, nothing where the output is piped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["track"]

Item = TypeVar("Item")
_shown: list[object] = []  # the bar on the screen: work inside tracked work shows none of its own


def track(items: Iterable[Item], description: str | Callable[[Item], str], total: int | None = None) -> Iterator[Item]:
    """Yield the items; where standard error is a terminal, show how far along they are.

    description: a text, or a function from the item at hand to one.
    """
    if not sys.stderr.isatty() or _shown:
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        say = (lambda _: description) if isinstance(description, str) else description
        task = progress.add_task("" if callable(description) else description, total=total)
        _shown.append(progress)
        try:
            for item in items:
                progress.update(task, description=say(item))
                yield item
                progress.advance(task)
        finally:
            _shown.remove(progress)
