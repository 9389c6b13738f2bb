"""How many rows a network runs at a time, and whether those rows see each other."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.errors import NetworkError, XaiError, XaiWarning
from xai.network.hooks import is_recording

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["Rows", "learn_rows", "meet", "rows_run"]

Seen = Tensor | list[str]
CLEARLY = 10  # times as much as the network moves by itself
MOST_TRIED, LARGEST_TRIED = 8, 2**24  # sizes, and numbers in a batch: looking for a size is no long work


class Rows:
    """How a network wants its rows: any number, one by one, at least so many, or exactly so many.

    A batch of another size is cut into passes, or padded with copies of its last row that are cut off again.
    """

    def __init__(self) -> None:
        self.alone = False
        self.least = 1
        self.exactly: int | None = None
        self.padding = False

    def run(self, seen: Seen, call: Callable[[Seen], Tensor]) -> Tensor:
        """Return the scores (n, K) of what the network is called with."""
        most = 1 if self.alone else self.exactly
        if (most is None and len(seen) >= self.least) or len(seen) in (0, most):
            return call(seen)
        if is_recording() and not (self.padding and len(seen) < self.fewest):
            got = "one whose rows run one by one" if self.alone else f"one that runs {self.fewest} at a time"
            raise NetworkError("network", expected="one that runs any rows at once, for its layers to be read", got=got)
        step = most or max(len(seen), 1)
        parts = [self._padded(seen[start : start + step], call) for start in range(0, len(seen), step)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    @property
    def fewest(self) -> int:
        """Return how many rows a pass has at least."""
        return max(self.least, self.exactly or 1)

    @contextmanager
    def padded(self, count: int) -> Generator[slice]:
        """Allow padding while layers are recorded; lends which rows of what they put out are those of the batch."""
        self.padding = True
        try:
            yield slice(count if count < self.fewest else None)
        finally:
            self.padding = False

    def _padded(self, part: Seen, call: Callable[[Seen], Tensor]) -> Tensor:
        missing = self.fewest - len(part)
        if missing <= 0:
            return call(part)
        if isinstance(part, list):
            return call(part + part[-1:] * missing)[: len(part)]
        return call(torch.cat([part, *[part[-1:]] * missing]))[: len(part)]


def learn_rows(model: Model, row: Tensor, error: NetworkError) -> None:
    """Find out how many rows a network wants that failed on one (1, ...); raises its error where it wants none.

    A head that squeezes wants two or more; a network that was written or exported for a batch names its size.
    """
    numbers = {int(number) for number in re.findall(r"\d{1,4}", str(error.got))}
    sizes = [2, *sorted(number for number in numbers if number > 2)][:MOST_TRIED]
    rows = model.memory.rows
    for size in sizes:
        if size * row.numel() <= LARGEST_TRIED and rows_run(model, row, size):
            free = size == 2 and rows_run(model, row, 3)
            rows.least, rows.exactly = (2, None) if free else (1, size)
            return
    raise error


def rows_run(model: Model, row: Tensor, size: int) -> bool:
    """Say whether the network runs a row (1, ...) so many times in one batch."""
    try:
        with torch.no_grad():
            model.forward_on(model.network, row.repeat_interleave(size, 0))
    except XaiError:
        return False
    return True


def meet(model: Model, row: Tensor, raw: Tensor) -> bool:
    """Say whether a row (1, ...) gives the same output again, and learn whether it depends on its company.

    raw: its output (1, K) among the rows at hand. It is run beside another row: where that changes the output, and it
    is the same each time it runs alone, rows see each other (an axis taken for the batch, statistics of the batch), and
    are run one by one, as the network answers to each. Raises NetworkError where it cannot be run alone.
    """
    with torch.no_grad():
        beside = _beside(model, row)
        if beside is not None and _same(model, beside, raw):
            return True
        alone = model.forward_on(model.network, row)
        padded = not row.is_floating_point()  # among texts of other lengths
        if beside is None or (padded and _same(model, beside, alone)):
            return _same(model, alone, raw)
        if not _same(model, alone, model.forward_on(model.network, row)):
            return False
        if _same(model, alone, raw) and _same(model, alone, beside):
            return True
        # A network that draws may stay just within what counts as the same alone, and just not beside another row.
        noise = max(float((alone - model.forward_on(model.network, row)).abs().max()) for _ in range(4))
        apart = max(float((alone - other).abs().max()) for other in (raw, beside))
        if apart < CLEARLY * noise:
            return False
    rows = model.memory.rows
    if rows.fewest > 1:
        got = f"one whose rows change each other's outputs and that runs {rows.fewest} at a time"
        raise NetworkError("network", expected="a network that answers to each row by itself", got=got)
    rows.alone = True
    said = "network: the rows of a batch change each other's outputs (an axis taken for the batch, or statistics of it)"
    warnings.warn(f"Model: {said}; they are run one by one, which takes longer", XaiWarning, stacklevel=6)
    return True


def _beside(model: Model, row: Tensor) -> Tensor | None:
    """Return what a row (1, ...) gives beside another that the network should know, (1, K); None where there is none.

    The other is half of it, which keeps codes codes, or one of its words throughout. Strings are never made up.
    """
    seen = model.input.feed(row)
    if isinstance(seen, list):
        return None
    if row.is_floating_point():
        other = row / 2 if bool(row.any()) else torch.ones_like(row)
    else:
        row, other = seen, seen[..., :1].expand_as(seen)
    try:
        return model.forward_on(model.network, torch.cat([row, other]))[:1]
    except XaiError:
        return None


def _same(model: Model, one: Tensor, other: Tensor) -> bool:
    coarse = 8 * torch.finfo(model.dtype).eps
    scale = float(other.abs().max())
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=max(1e-4, coarse * scale))
