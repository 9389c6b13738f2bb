"""Gradients averaged over random points, with the standard error of the draws: strata, means and their errors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xai.attribution.gradient_methods import note_completeness
from xai.base.arguments import whole_number
from xai.base.errors import names_errors
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["gradient_shap", "mean_of_samples", "over_of_means", "per_item"]


@names_errors("gradient_shap")
def gradient_shap(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    background: object = "zero",
    samples: int = 64,
    layer: str | None = None,
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return expected gradients: the gradient at random points between the input and rows of a background.

    The values of a row add up, but for what chance misses, to the output at the input minus its mean over the
    background; `completeness_error` says how far off they are.

    Each row of the background counts equally, so that chance is in the points only; of a background larger than
    `samples`, a part is drawn. The error bars are unbiased from two samples per row of the background on; with fewer
    they are too wide, since rows and points cannot be told apart.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        background: A baseline ("zero", "mean", "noise", "blur", a number), several of them, or rows of data (B, ...).
        samples: Points for each input, at least 2.
        layer: Whose output to explain in place of the inputs.
        seed: Of the points; the same gives the same numbers.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units; `standard_error` alike, from the draws.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Erion et al. 2021, arXiv:1906.10670.

    >>> model = Model(torch.nn.Linear(2, 1, bias=False), task="regression")
    >>> with torch.no_grad():
    ...     _ = model.network.weight.copy_(torch.tensor([[2.0, -3.0]]))
    >>> gradient_shap(model, [[1.0, 1.0]], samples=4).values
    tensor([[ 2., -3.]])
    """
    samples = whole_number("samples", samples, 2)
    run = {"passes": samples, "exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("gradient_shap", inputs, target, seed=seed, **run) as session:
        references, name = session.background(background)
        chosen, share = (
            torch.empty(len(session), samples, dtype=dtype) for dtype in (torch.long, session.inputs.dtype)
        )
        for row in session.rows.tolist():
            generator = session.generator(row)
            chosen[row] = _dealt(len(references), samples, generator)
            share[row] = torch.rand(samples, generator=generator, dtype=share.dtype)
        chosen, share = chosen.to(session.inputs.device), share.to(session.inputs.device)

        def values(rows: Tensor, number: Tensor) -> Tensor:
            start = references[chosen[rows, number], rows]
            path = session.inputs[rows] - start
            return session.gradient(start + per_item(share[rows, number], path) * path, rows)[1] * path

        mean, error = mean_of_samples(session, chosen, values)
        empty = torch.zeros(len(session), dtype=torch.float64, device=session.inputs.device)
        for indices in session.chunks(len(session) * len(references)):
            rows, number = indices // len(references), indices % len(references)
            empty.index_add_(0, rows, session.scores(references[number, rows], rows) / len(references))
        note_completeness(session, mean, session.scores(session.inputs, session.rows) - empty)
        options = {"background": "given" if name == "data" else background, "samples": samples}
        extra = {"standard_error": error, "baseline": name, "options": options}
        return session.explanation("gradient_shap", mean, over_of_means(session), **extra)


def over_of_means(session: Session) -> str:
    """Return what means of samples are of: of texts they are taken of words, each summed over its vectors."""
    return "input" if session.words is None else "tokens"


def _dealt(count: int, samples: int, generator: torch.Generator) -> Tensor:
    """Return which of `count` rows each sample takes, in order: dealt out in shuffled rounds, so equally many to each.

    >>> _dealt(3, 6, torch.Generator()).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    rounds = [torch.randperm(count, generator=generator) for _ in range(-(-samples // count))]
    return torch.cat(rounds)[:samples].sort().values


def mean_of_samples(
    session: Session, strata: Tensor, values: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Return the mean over strata of the mean over samples of values(rows, number of the sample), and its errors.

    strata: (N, samples), the stratum of each sample, in order, equally many to every row. Where each has two samples,
    the variance is that within strata: the sum of theirs over their sizes, over the square of how many there are, with
    Satterthwaite's degrees of freedom. Else it is that of the strata's means as if drawn with replacement, which holds
    that within and more. Of words, means and errors are of the sum over a word's vectors.
    """
    samples = strata.shape[1]
    groups = _Groups(session, strata)
    for indices in session.chunks(strata.numel()):
        rows = indices // samples
        part = values(rows, indices % samples).double()
        groups.add(indices, part if session.words is None else session.words.of_words(part, rows))
    count = len(groups.sizes) // len(session)
    within = bool((groups.sizes > 1).all())
    freedom = groups.freedom(samples - count) if within else [count - 1] * len(session)
    session.note("degrees_of_freedom", freedom)
    mean = groups.means / count
    between = (groups.squares / count - mean.square()).clamp_min_(0) / (count - 1) if count > 1 else mean
    variance = groups.within / count**2 if within else between
    mean, error = mean.to(session.inputs.dtype), variance.sqrt().to(session.inputs.dtype)
    if session.words is None:
        return mean, list(error)
    return mean, [row[: len(names)] for row, names in zip(error, session.words.names(), strict=True)]


class _Groups:
    """Sums over the strata of each row, of samples that come in order; memory for what one batch spans."""

    def __init__(self, session: Session, strata: Tensor) -> None:
        keys = (strata + torch.arange(len(strata), device=strata.device)[:, None] * (strata.max() + 1)).flatten()
        _, self.group, self.sizes = keys.unique_consecutive(return_inverse=True, return_counts=True)
        self.row = torch.zeros_like(self.sizes)
        self.row[self.group] = torch.arange(len(keys), device=keys.device) // strata.shape[1]
        words = session.words
        shape = session.inputs.shape if words is None else (len(session), max(map(len, words.names())))
        self.means = torch.zeros(shape, dtype=torch.float64, device=session.inputs.device)
        self.squares, self.within, self.fourth = (torch.zeros_like(self.means) for _ in range(3))
        self.open: tuple[Tensor, Tensor] | None = None

    def add(self, indices: Tensor, part: Tensor) -> None:
        """Count the samples at these positions of all (N x samples) in turn."""
        first, last = int(self.group[indices[0]]), int(self.group[indices[-1]])
        sums = part.new_zeros(last - first + 1, *part.shape[1:])
        squares = torch.zeros_like(sums)
        sums.index_add_(0, self.group[indices] - first, part)
        squares.index_add_(0, self.group[indices] - first, part.square_())
        if self.open is not None:
            sums[0] += self.open[0]
            squares[0] += self.open[1]
        after = int(indices[-1]) + 1
        more = after < len(self.group) and int(self.group[after]) == last
        self.open = (sums[-1].clone(), squares[-1].clone()) if more else None
        done = slice(first, last if more else last + 1)
        size = self.sizes[done].double().view(-1, *(1,) * (part.ndim - 1))
        mean, rows = sums[: len(size)] / size, self.row[done]
        of_means = (squares[: len(size)] / size - mean.square()).clamp_min_(0) / (size - 1).clamp_min_(1)
        self.means.index_add_(0, rows, mean)
        self.squares.index_add_(0, rows, mean.square())
        self.within.index_add_(0, rows, of_means)
        self.fourth.index_add_(0, rows, of_means.square_().div_(size + 1))

    def freedom(self, most: int) -> list[float]:
        """Return the degrees of freedom of each row's variance within strata, by Satterthwaite over all its values.

        Of normal samples, the fourth power of a deviation is estimated by s^4 (n - 1) / (n + 1), and the square of the
        sum is too large by twice that over n - 1: of one stratum this is n - 1.
        """
        above, below = self.within.square().flatten(1).sum(1), self.fourth.flatten(1).sum(1)
        return torch.where(below > 0, above / below - 2, most).clamp(1, most).mul(1e6).round().div(1e6).tolist()


def per_item(numbers: Tensor, batch: Tensor) -> Tensor:
    """Return one number per item (n,) in a shape that multiplies a batch (n, ...)."""
    return numbers.view(-1, *(1,) * (batch.ndim - 1))
