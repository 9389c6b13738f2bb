"""An encoder-decoder told what it wrote so far: the one thing that it must offer to be explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from xai.base.errors import InputError, NetworkError, TargetError, XaiError, describe
from xai.inputs.text import FIRST_WORD, PADDING
from xai.model.model import Model
from xai.model.word_vectors import Words
from xai.network.gradients import differentiable_pass, failed_pass
from xai.network.guard import untouched
from xai.network.hooks import StopForward

__all__ = ["Follow", "Follower", "symbol_numbers", "used", "writes_sequences"]

Follow = Callable[[nn.Module, Tensor, Tensor], object]


@dataclass(frozen=True)
class Follower:
    """A model and how to run it along a target: follow(network, source (n, S), target (n, T)) -> scores (n, T, K).

    Scores at a step are of the symbol there, given those before it in the target (teacher forcing).
    """

    model: Model
    follow: Follow
    operation: str

    def scores(self, source: Tensor, target: Tensor) -> Tensor:
        """Return log-probabilities (n, T, K), at least float32; raises NetworkError where the network fails."""
        try:
            with differentiable_pass(self.model.network):
                raw = self.follow(self.model.network, source, target)
        except (XaiError, StopForward):
            raise
        except Exception as error:
            wanted = f"a forward pass on a source {tuple(source.shape)} and a target {tuple(target.shape)}"
            raise failed_pass(wanted, error) from error
        if not isinstance(raw, Tensor) or raw.ndim != 3 or raw.shape[:2] != target.shape or not raw.is_floating_point():
            wanted = f"scores of shape ({target.shape[0]}, {target.shape[1]}, K), one step per symbol of the target"
            raise NetworkError("network", expected=wanted, got=describe(raw))
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        if not bool(torch.isfinite(raw).all()):
            raise NetworkError("network", expected="finite outputs", got="NaN or infinity")
        return self.model.log_probabilities(raw.flatten(0, 1)).unflatten(0, tuple(target.shape))

    def embedded(self, words: Words, vectors: Tensor, rows: Tensor, target: Tensor) -> Tensor:
        """Return log-probabilities (n, T, K) with vectors (n, S, D) in place of what the source's embedding says."""
        run: Callable[[Tensor], Tensor] = lambda source: self.scores(source, target)  # noqa: E731
        return words.run(self.model.network, vectors, rows, run)

    def write(self, source: Tensor, stop: int, longest: int) -> Tensor:
        """Return what the network writes greedily, (N, T), padded behind `stop`."""
        with torch.no_grad():
            target = torch.zeros(len(source), 0, dtype=torch.int64, device=source.device)
            done = torch.zeros(len(source), dtype=torch.bool, device=source.device)
            while target.shape[1] < longest and not bool(done.all()):
                decoder_input = torch.cat([target, torch.full_like(source[:, :1], PADDING)], 1)
                next_scores = self.scores(source, decoder_input)[:, -1]
                next_scores[:, PADDING] = -torch.inf  # padding is no symbol
                symbol = next_scores.argmax(1).masked_fill(done, PADDING)
                target, done = torch.cat([target, symbol[:, None]], 1), done | (symbol == stop)
        return target


def symbol_numbers(target: object, classes: Sequence[str] | None, rows: int) -> Tensor:
    """Return targets as numbers (N, T), padded with 0: from numbers or class names, a list for each row."""
    if isinstance(target, Tensor):
        target = target.tolist()
    if isinstance(target, list | tuple) and len(target) and not isinstance(target[0], list | tuple):
        target = [target]
    if not isinstance(target, list | tuple) or len(target) != rows or any(len(row) == 0 for row in target):
        raise TargetError("target", expected=f"{rows} lists of symbols, none empty", got=describe(target))
    known = {name: number for number, name in enumerate(classes or ())}
    parts = [[_number(symbol, known) for symbol in row] for row in target]
    return pad_sequence([torch.tensor(row) for row in parts], batch_first=True, padding_value=PADDING)


def _number(symbol: object, known: dict[str, int]) -> int:
    if isinstance(symbol, str) and symbol in known:
        return known[symbol]
    most = len(known) - 1 if known else 2**31
    if isinstance(symbol, bool) or not isinstance(symbol, int) or not 0 <= symbol <= most:
        wanted = f"a class name or a number from 0 to {most}" if known else "a number from 0"
        raise TargetError("target", expected=wanted, got=repr(symbol))
    return symbol


def used(numbers: Tensor) -> list[int]:
    """Return how many symbols each row (N, T) has, up to the last that is no padding; raises InputError for none."""
    positions = torch.arange(1, numbers.shape[1] + 1, device=numbers.device)
    counts = ((numbers != PADDING) * positions).amax(1).tolist()
    if 0 in counts:
        raise InputError("target", expected="at least one symbol in every row", got=f"row {counts.index(0)}")
    return counts


def writes_sequences(model: Model) -> bool:
    """Say whether a model is an encoder-decoder: its network takes a source and a target and answers by step."""
    if not model.input.embedded:
        return False
    source = torch.full((1, 1), FIRST_WORD, device=model.device)
    with untouched(model.network), torch.no_grad():
        try:
            Follower(model, lambda network, first, second: network(first, second), "alignment").scores(source, source)
        except XaiError:
            return False
    return True
