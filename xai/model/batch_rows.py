"""How many rows a network runs at a time, whether those rows see each other, and how texts of several lengths run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.errors import NetworkError, XaiError, XaiWarning
from xai.network.hooks import is_recording

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["CLEARLY", "Rows", "check_one_length", "learn_rows", "meet", "rows_run", "same_scores"]

Seen = Tensor | list[str]
CLEARLY = 10  # times as much as the network moves by itself
MOST_TRIED, LARGEST_TRIED = 8, 2**24  # sizes, and numbers in a batch: looking for a size is no long work


class Rows:
    """How a network wants its rows: any number, one by one, at least so many, or exactly so many.

    A batch of another size is cut into passes, or padded with copies of its last row that are cut off again.
    present: of a network that reads the padding behind shorter texts, says which places (n, L) of numbers hold any:
    texts of one length are run together, without padding but for that up to the `narrowest` that the network runs.
    pad: puts so much padding more to numbers (n, L).
    """

    def __init__(self) -> None:
        self.alone = False
        self.least = 1
        self.exactly: int | None = None
        self.padding = False
        self.present: Callable[[Tensor], Tensor] | None = None
        self.narrowest = 1
        self.pad: Callable[[Tensor, int], Tensor] | None = None
        self.padding_asked: tuple[tuple, int] = (
            (),
            0,
        )  # of which weights, and with how many words (see `learn_padding`)

    def run(self, seen: Seen, call: Callable[[Seen], Tensor]) -> Tensor:
        """Return the scores (n, K) of what the network is called with."""
        seen = self.wide_enough(seen) if isinstance(seen, Tensor) else seen
        alike = self.alike(seen) if isinstance(seen, Tensor) and not seen.is_floating_point() else []
        check_one_length(alike)
        if isinstance(seen, Tensor) and alike:
            parts = torch.cat([self._run(seen[rows, positions], call) for rows, positions in alike])
            return parts[torch.cat([rows for rows, _ in alike]).argsort()]
        return self._run(seen, call)

    def wide_enough(self, numbers: Tensor) -> Tensor:
        """Return numbers of words (n, L) with the padding that the narrowest texts need; anything else as it is."""
        are_words = numbers.dtype == torch.int64 and numbers.ndim == 2
        if self.pad is None or not are_words or numbers.shape[1] >= self.narrowest:
            return numbers
        return self.pad(numbers, self.narrowest - numbers.shape[1])

    def alike(self, numbers: Tensor) -> list[tuple[Tensor, slice]]:
        """Return rows of numbers (n, L) with data at the same positions, and these; none where padding is not read.

        >>> rows = Rows()
        >>> rows.present = lambda numbers: numbers != 0
        >>> [(found.tolist(), places) for found, places in rows.alike(torch.tensor([[4, 5, 0], [6, 0, 0], [7, 8, 0]]))]
        [([1], slice(0, 1, None)), ([0, 2], slice(0, 2, None))]
        """
        if self.present is None:
            return []
        here = self.present(numbers)
        first, last = here.int().argmax(1), here.shape[1] - here.flip(1).int().argmax(1)
        last = torch.where(here.any(1), last, 1)  # a text without a word keeps one position
        last = torch.maximum(last, first + self.narrowest).clamp_max(here.shape[1])
        first = torch.minimum(first, last - self.narrowest).clamp_min(0)
        ends = torch.stack([first, last], 1)
        found, groups = torch.unique(ends, dim=0, return_inverse=True)
        return [((groups == number).nonzero()[:, 0], slice(*pair)) for number, pair in enumerate(found.tolist())]

    @contextmanager
    def with_padding(self) -> Generator[None]:
        """Run texts with their padding, whether the network reads it or not."""
        present, self.present = self.present, None
        try:
            yield
        finally:
            self.present = present

    def _run(self, seen: Seen, call: Callable[[Seen], Tensor]) -> Tensor:
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


def check_one_length(alike: Sequence[tuple[Tensor, slice]]) -> None:
    """Raise NetworkError where a layer is to be read of texts that a network runs in several lengths."""
    if len(alike) > 1 and is_recording():
        got = "texts of several lengths, and a network that reads the padding behind shorter ones"
        raise NetworkError("network", expected="texts of one length, for its layers to be read", got=got)


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
    """Say whether a row (1, ...) gives the same output again, and learn whether that depends on its batch.

    raw: its output (1, K) among the rows at hand. It is run beside another row: where that changes the output, and it
    is the same each time it runs alone, rows see each other (an axis taken for the batch, statistics of the batch), and
    are run one by one, as the network answers to each. Raises NetworkError where it cannot be run alone.
    """
    with torch.no_grad():
        beside = _beside(model, row)
        if beside is not None and same_scores(model, beside, raw):
            return True
        alone = model.forward_on(model.network, row)
        padded = not row.is_floating_point()  # among texts of other lengths
        if beside is None or (padded and same_scores(model, beside, alone)):
            return same_scores(model, alone, raw)
        if not same_scores(model, alone, model.forward_on(model.network, row)):
            return False
        if same_scores(model, alone, raw) and same_scores(model, alone, beside):
            return True
        # A random network may differ by just less than the tolerance alone, and by just more beside another row.
        noise = max(float((alone - model.forward_on(model.network, row)).abs().max()) for _ in range(4))
        difference = max(float((alone - other).abs().max()) for other in (raw, beside))
        if difference < CLEARLY * noise:
            return False
    rows = model.memory.rows
    if rows.fewest > 1:
        got = f"one whose rows change each other's outputs and that runs {rows.fewest} at a time"
        raise NetworkError("network", expected="a network that answers to each row by itself", got=got)
    rows.alone = True
    text = "network: the rows of a batch change each other's outputs (an axis taken for the batch, or statistics of it)"
    warnings.warn(f"Model: {text}; they are run one by one, which takes longer", XaiWarning, stacklevel=6)
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


def same_scores(model: Model, one: Tensor, other: Tensor) -> bool:
    """Say whether two outputs (n, K) of a network are the same, but for what its precision rounds away."""
    coarse = 8 * torch.finfo(model.dtype).eps
    scale = float(other.abs().max())
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=max(1e-4, coarse * scale))
