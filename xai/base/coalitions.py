"""Coalitions of the parts of an input, and the Shapley values that follow from what they give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from xai.base.errors import InputError

__all__ = ["Coalitions", "Permutations", "coalitions", "every_coalition", "permutations", "solve"]

MOST_PARTS = 20  # whose coalitions are all evaluated


class Coalitions(NamedTuple):
    """Which parts are shown, (S, M) as booleans, and with what weight (S,); pairs lie side by side."""

    shown: Tensor
    weight: Tensor
    enumerated: bool

    @property
    def groups(self) -> int:
        """Return the number of independent draws."""
        return len(self.shown) // 2

    @property
    def freedom(self) -> int:
        """Return the degrees of freedom of the errors."""
        return max(1, self.groups - self.shown.shape[1] + 1)

    def solve(self, answers: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        """Return the values and their standard errors; see `solve`."""
        return solve(self, answers, total)


def coalitions(parts: int, samples: int, generator: torch.Generator) -> Coalitions:
    """Return all coalitions but the empty and the full one, or pairs of one and its complement drawn by their weight.

    Raises InputError where there are fewer pairs than parts.
    """
    if parts == 1:
        return Coalitions(torch.zeros(0, 1, dtype=torch.bool), torch.zeros(0, dtype=torch.float64), True)
    # The weight of all coalitions of a size together; Shapley's kernel divided among them.
    of_size = torch.tensor([1 / (size * (parts - size)) for size in range(1, parts)], dtype=torch.float64)
    if 2**parts - 2 <= samples:
        numbers = torch.arange(1, 2**parts - 1)
        shown = (numbers[:, None] >> torch.arange(parts)) % 2 == 1
        sizes = shown.sum(1)
        each = torch.tensor([1 / math.comb(parts, size) for size in range(1, parts)], dtype=torch.float64)
        return Coalitions(shown, (of_size * each)[sizes - 1], True)
    if samples < 2 * (parts + 1):
        wanted = f"at least {2 * (parts + 1)} for {parts} parts"
        raise InputError("samples", expected=wanted, got=samples)
    sizes = torch.multinomial(of_size, samples // 2, replacement=True, generator=generator) + 1
    order = torch.rand(len(sizes), parts, generator=generator).argsort(1).argsort(1)
    half = order < sizes[:, None]
    shown = torch.stack([half, ~half], 1).view(-1, parts)
    return Coalitions(shown, torch.ones(len(shown), dtype=torch.float64), False)


def solve(drawn: Coalitions, answers: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values (n, M) that fit the answers (n, S) and add up to the totals (n,), and their standard errors.

    Least squares within the plane on which values add up to the total; the errors are those of pairs as independent
    draws (a sandwich estimate), 0 where all coalitions were evaluated.
    """
    parts = drawn.shown.shape[1]
    even = total[:, None] / parts
    if parts == 1:
        return even, torch.zeros_like(even)
    shown = drawn.shown.double()
    plane = shown - shown.mean(1, keepdim=True)  # what a coalition says about differences between parts
    weighted = plane * drawn.weight[:, None]
    # The direction in which all values rise together is neither identified nor needed. It is filled in, so that the
    # matrix has an inverse, and projected out again.
    rise = torch.full((parts, parts), 1 / parts, dtype=torch.float64)
    matrix = weighted.T @ plane
    inverse = torch.linalg.pinv(matrix + rise * matrix.diagonal().mean(), hermitian=True)
    inverse = inverse - rise @ inverse
    remaining = answers - shown.sum(1) * even
    values = remaining @ weighted @ inverse  # (n, M), sums to 0
    if drawn.enumerated:
        return even + values, torch.zeros_like(values)
    left = (remaining - values @ plane.T)[..., None] * weighted  # (n, S, M)
    left = left.view(len(answers), drawn.groups, 2, parts).sum(2) @ inverse
    return even + values, (left.square().sum(1) * drawn.groups / max(1, drawn.groups - parts + 1)).sqrt()


def every_coalition(parts: int) -> Coalitions:
    """Return all coalitions but the empty and the full one; raises InputError where they are too many."""
    if parts > MOST_PARTS:
        wanted = f"'kernel' or 'permutation' for {parts} parts (all coalitions of up to {MOST_PARTS} are evaluated)"
        raise InputError("algorithm", expected=wanted, got="'exact'")
    return coalitions(parts, 2**parts, torch.Generator())


@dataclass(frozen=True)
class Permutations:
    """Orders in which the parts are shown, (P, M); each lies beside its reverse."""

    orders: Tensor
    enumerated: bool = False

    @property
    def shown(self) -> Tensor:
        """Return what is shown on the way from nothing to everything, without these two, (P (M - 1), M)."""
        positions = self.orders.argsort(1)  # when each part appears
        steps = torch.arange(1, self.orders.shape[1])
        return (positions[:, None] < steps[:, None]).flatten(0, 1)

    @property
    def freedom(self) -> int:
        """Return the degrees of freedom of the errors: pairs are the independent draws."""
        return max(1, len(self.orders) // 2 - 1)

    def solve(self, answers: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean effect of each part (n, M), and its standard error, from answers (n, P (M - 1)).

        total: (n,), what all parts together do.
        """
        count, parts = self.orders.shape
        path = answers.view(len(total), count, parts - 1)
        ends = path.new_zeros(len(total), count, 1), total[:, None, None].expand(-1, count, 1).to(path)
        steps = torch.cat([ends[0], path, ends[1]], 2).diff(dim=2)
        effects = steps.gather(2, self.orders.argsort(1).expand(len(total), -1, -1))
        pairs = effects.view(len(total), count // 2, 2, parts).mean(2)
        error = pairs.std(1) / (count // 2) ** 0.5 if count > 2 else torch.full_like(pairs[:, 0], torch.inf)
        return pairs.mean(1), error


def permutations(parts: int, samples: int, generator: torch.Generator) -> Permutations:
    """Return pairs of an order and its reverse, as many as `samples` evaluations allow, at least two pairs."""
    least = 4 * max(1, parts - 1)
    if samples < least:
        raise InputError("samples", expected=f"at least {least} for permutations of {parts} parts", got=samples)
    pairs = samples // (2 * max(1, parts - 1))
    first = torch.rand(pairs, parts, generator=generator).argsort(1)
    return Permutations(torch.stack([first, first.flip(1)], 1).flatten(0, 1))
