"""Texts of several lengths: whether a network reads the padding behind shorter ones, and how much it needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.errors import NetworkError, XaiError
from xai.inputs.text import TextInput
from xai.model.batch_rows import CLEARLY, same_scores
from xai.network.hooks import is_recording

if TYPE_CHECKING:
    from xai.model.model import Model

__all__ = ["learn_padding", "learn_width", "run_rows"]

WIDEST_TRIED = 32  # positions: convolutions over words see fewer
ENOUGH = 2**31  # words: a network was asked, and no longer text need ask again


def run_rows(model: Model, seen: Tensor | list[str], call: Callable[[Tensor | list[str]], Tensor]) -> Tensor:
    """Return the scores (n, K) of what the network is called with; texts that are too short for it are padded.

    Args:
        model: Whose network it is.
        seen: What is run, (n, ...).
        call: Runs it in one pass.
    """
    try:
        return model.memory.rows.run(seen, call)
    except NetworkError:
        if not learn_width(model, seen):
            raise
        return model.memory.rows.run(seen, call)


def learn_width(model: Model, batch: Tensor | list[str]) -> bool:
    """Find how many positions a network wants that failed on short texts; shorter ones are padded from now on.

    A convolution that sees three words at once cannot be run on two. Returns whether more padding helped.

    Args:
        model: With a TextInput; any other learns nothing.
        batch: What it failed on: code points, strings or numbers of words, (n, L).
    """
    rows = model.memory.rows
    if not model.input.embedded or is_recording() or not len(batch):
        return False
    kind = TextInput.of(model.input)
    numbers = kind.as_numbers(batch[:1])
    given = numbers.shape[1]
    for width in range(given + 1, WIDEST_TRIED + 1):
        if _runs(model, kind.padded(numbers, width - given)):
            rows.narrowest, rows.pad = width, kind.padded
            return True
    return False


def learn_padding(model: Model, version: tuple, batch: Tensor) -> bool:
    """Find out whether the network reads the padding behind a shorter text; if so, leave it away from now on.

    The first half of the words of the longest text of a batch, or where the network wants more, all but the last, are
    run alone, and padded to the length that the text has: no network meets more positions than it is given anyway.
    Where texts were too short for that, longer ones ask again.

    Args:
        model: With a TextInput.
        version: Of its weights.
        batch: Code points or numbers of words, (N, L).
    """
    rows = model.memory.rows
    if rows.present is not None or rows.padding_asked == (version, ENOUGH):
        return False
    kind = TextInput.of(model.input)
    numbers = kind.as_numbers(batch)
    row = kind.present(numbers).sum(1).argmax()
    positions = kind.present(numbers)[row].nonzero()[:, 0]
    own = numbers[row : row + 1, positions] if len(positions) else numbers[row : row + 1, :1]
    asked, words = rows.padding_asked
    if asked == version and words >= own.shape[1]:
        return False
    rows.padding_asked = version, own.shape[1]
    width = next((size for size in (own.shape[1] // 2, own.shape[1] - 1, 1) if size and _runs(model, own[:, :size])), 0)
    if not width:
        return False
    shorter = own[:, :width]
    longer = kind.padded(shorter, max(1, own.shape[1] - width))
    if not _runs(model, longer):
        return False
    with torch.no_grad():
        alone, beside = (model.forward_on(model.network, part) for part in (shorter, longer))
        rows.padding_asked = version, ENOUGH if width > 1 else own.shape[1]
        if same_scores(model, beside, alone):
            return False
        noise = max(float((alone - model.forward_on(model.network, shorter)).abs().max()) for _ in range(2))
    if float((alone - beside).abs().max()) <= CLEARLY * noise:
        return False
    found = next(size for size in range(1, width + 1) if size == width or _runs(model, own[:, :size]))
    rows.narrowest, rows.pad = max(rows.narrowest, found), kind.padded
    rows.present = kind.present
    return True


def _runs(model: Model, numbers: Tensor) -> bool:
    """Say whether the network runs numbers of words (1, L) just as they are."""
    with suppress(XaiError), torch.no_grad():
        model.answer(model.network, numbers.repeat_interleave(model.memory.rows.fewest, 0))
        return True
    return False
