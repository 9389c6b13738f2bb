"""Fit a surrogate around one input whose parts can be switched off, by masks that say which are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xai.lime.mask_sampling import MaskDistribution, default_width, draw_masks, group_count, mask_distribution
from xai.lime.rounds import Fitted, fit_rows
from xai.lime.settings import Settings
from xai.lime.solver import Moments
from xai.lime.tree import fit_tree
from xai.model.session import Session

__all__ = ["SLAB", "fit_masks", "fit_stored", "note_fits"]

SLAB = 8192  # samples that are held at a time: memory does not grow with their number


def fit_masks(
    size: int, neighborhood: str, answer: Callable[[Tensor], Tensor], settings: Settings, generator: torch.Generator
) -> Fitted:
    """Fit the surrogate of one input with `size` features.

    answer: masks (n, size) of bool to the network's answers (n,) in float64. neighborhood: see `mask_distribution`.
    """
    width = settings.kernel_width or default_width(size, neighborhood)
    distribution = mask_distribution(size, neighborhood, width)
    if settings.surrogate == "tree":
        groups = group_count(settings.passes, size)
        masks = draw_masks(distribution, groups, -(-settings.passes // (2 * groups)), generator).flatten(0, 1)
        return fit_stored(masks, torch.cat([answer(part).cpu() for part in masks.split(SLAB)]), settings, width)

    def sample(active: list[int], moments: Moments, target_count: int) -> None:
        _sample(distribution, moments, target_count, answer, generator)

    return fit_rows(1, size, width, sample, settings)[0]


def fit_stored(features: Tensor, answers: Tensor, settings: Settings, width: float) -> Fitted:
    """Fit a tree, which has no sums to stream: features (n, d) and answers (n,) are all kept until it is grown."""
    tree = fit_tree(features, answers, settings.features)
    stopped = "fixed" if settings.samples else "cap"
    return Fitted(tree.weights, None, tree.intercept, tree.r2, tree.fidelity, len(features), stopped, None, 0, width)


def note_fits(
    session: Session, fits: Sequence[Fitted], network: Sequence[float], surrogate: Sequence[float], names: Sequence
) -> None:
    """Write what the fits came to into the diagnostics.

    network, surrogate: what each answers to the untouched input. names: those of each row's features.
    """
    session.note("r2", [fit.r2 for fit in fits])
    session.note("fidelity", [fit.fidelity for fit in fits])
    session.note("intercept", [fit.intercept for fit in fits])
    session.note("surrogate_prediction", list(surrogate))
    session.note("network_prediction", list(network))
    session.note("samples", [fit.samples for fit in fits])
    session.note("stopped", [fit.stopped for fit in fits])
    pairs = [
        fit.undecided and [str(row[number]) for number in fit.undecided] for fit, row in zip(fits, names, strict=True)
    ]
    session.note("undecided", pairs)
    session.note(
        "untestable", [[str(row[number]) for number in fit.untestable] for fit, row in zip(fits, names, strict=True)]
    )
    session.note("kernel_width", [fit.kernel_width for fit in fits])
    if fits[0].standard_error is not None:
        session.note("degrees_of_freedom", [fit.degrees_of_freedom for fit in fits])


def _sample(
    distribution: MaskDistribution,
    moments: Moments,
    target_count: int,
    answer: Callable[[Tensor], Tensor],
    generator: torch.Generator,
) -> None:
    groups = moments.sums.shape[1]
    most = max(1, min(SLAB, 2**22 // (distribution.size + 2)) // (2 * groups))
    while moments.count < target_count:
        pairs = min(most, -(-(target_count - moments.count) // (2 * groups)))
        masks = draw_masks(distribution, groups, pairs, generator)
        answers = answer(masks.flatten(0, 1)).double().cpu()
        moments.add(masks.transpose(1, 2)[None], answers.view(1, groups, 2 * pairs), distribution.weight)
        moments.count += len(answers)
