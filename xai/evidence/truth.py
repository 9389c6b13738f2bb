"""Where the truth is known: how much of a map lies within it, beside maps that must lose.

Each number is of maps (n, units) and a mask (units,) and has one value per map. Ties count by what is expected of a
random order, so that no number depends on where equal values stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import replace

import torch
from scipy.stats import rankdata
from torch import Tensor

from xai.base.arrays import as_tensor
from xai.base.errors import InputError, describe
from xai.base.statistics import ALPHA, rank_p_value
from xai.evidence.against_controls import Comparison, untestable_by_chance
from xai.evidence.claims import claim_of
from xai.evidence.controls import control_maps
from xai.evidence.map_scores import rivals_of, unit_scores
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["pointing_game", "relevance_mass", "relevance_rank", "truth_auc", "truth_findings"]

CONTROLS = 99
SAYS = {
    "pointing_game": "of its highest value {share:.0f} % lies within the truth,",
    "relevance_mass": "of its positive values {share:.0f} % lie within the truth,",
    "relevance_rank": "of its highest values, as many as the truth has units, {share:.0f} % lie within it,",
    "truth_auc": "a unit of the truth ranks above one outside {share:.0f} % of the time,",
}


def truth_findings(model: Model, explanation: Explanation, truth: object, *, seed: int = 0) -> list[list[Finding]]:
    """Return four columns of findings, one per row: how much of what the map marks lies within the truth?

    The numbers are `pointing_game`, `relevance_mass`, `relevance_rank` and `truth_auc`, in `details["value"]`; of a map
    that claims sensitivity those of its sizes. The score is a p-value: the rank of the map's number among those of 99
    maps with its values elsewhere. An image's edges and a blob in the center are put beside it. Untestable where even a
    map within the truth alone could not reach p = 0.05, as where the truth is most of the row.

    Args:
        model: whose answer is explained.
        explanation: the maps.
        truth: one mask for all rows, one per row (N, ...), or a list of them; of 0 and 1 (or bool), 1 for what decides.
            Of an image (H, W), or of the inputs' shape: a pixel counts where one of its channels does.
        seed: of the controls.

    Raises:
        InputError: for masks of another shape, with other values, or that hold nothing or everything.
    """
    with model.explaining("truth", explanation.inputs, list(explanation.target), seed=seed) as session:
        maps = [unit_scores(explanation, row, model.input).double().cpu() for row in range(len(session))]
        masks = _masks(truth, maps)
        if claim_of(explanation) == "sensitivity":
            maps = [units.abs() for units in maps]
        columns: list[list[Finding]] = [[] for _ in NUMBERS]
        for row, (units, mask) in enumerate(zip(maps, masks, strict=True)):
            rivals = {name: rival.double().cpu() for name, rival in rivals_of(session, row, units.float()).items()}
            controls, control = control_maps(units, CONTROLS, session.generator(row))
            every = torch.stack([units, *rivals.values(), *controls]).flatten(1)
            for column, (name, number) in zip(columns, NUMBERS.items(), strict=True):
                observed, theirs, others = number(every, mask.flatten()).split([1, len(rivals), len(controls)])
                compared = Comparison(float(observed), others, dict(zip(rivals, theirs.tolist(), strict=True)), control)
                few = untestable_by_chance(name, units, CONTROLS)
                valued = few and replace(few, details={**few.details, "value": compared.observed})
                column.append(valued or _finding(name, compared))
    return columns


def _finding(name: str, compared: Comparison) -> Finding:
    least = rank_p_value(compared.controls.double().numpy(), 1.0, among=False)
    reached = round(least * (1 + len(compared.controls))) - 1
    details = {"value": compared.observed, "least_p_value": least}
    if least > ALPHA:
        text = f"Untestable: {reached} of {len(compared.controls)} control maps lie within so large a truth as well."
        return Finding(name, "untestable", None, ALPHA, compared.control, text, details)
    return compared.finding(name, SAYS[name].format(share=100 * compared.observed), details)


def pointing_game(maps: Tensor, inside: Tensor) -> Tensor:
    """Return whether the highest value stands within the truth, 1 or 0 (Zhang et al. 2018, arXiv:1608.00507).

    >>> pointing_game(torch.tensor([[0.1, 0.9], [0.5, 0.5]]), torch.tensor([False, True])).tolist()
    [1.0, 0.5]
    """
    highest = maps == maps.amax(1, keepdim=True)
    return (highest & inside).sum(1).double() / highest.sum(1)


def relevance_mass(maps: Tensor, inside: Tensor) -> Tensor:
    """Return the share of the positive values that lies within the truth (Arras et al. 2022, arXiv:2003.07258).

    >>> relevance_mass(torch.tensor([[1.0, 3.0, -5.0]]), torch.tensor([False, True, False])).tolist()
    [0.75]
    """
    positive = maps.double().clamp_min(0)
    total = positive.sum(1)
    return torch.where(total > 0, positive[:, inside].sum(1) / total.clamp_min(1e-300), 0.0)


def relevance_rank(maps: Tensor, inside: Tensor) -> Tensor:
    """Return which share of the k highest values lies within the truth of k units (Arras et al. 2022).

    >>> relevance_rank(torch.tensor([[4.0, 3.0, 2.0, 1.0]]), torch.tensor([True, False, True, False])).tolist()
    [0.5]
    """
    count = int(inside.sum())
    least = maps.topk(count, 1).values[:, -1:]
    above, tied = maps > least, maps == least
    share = (tied & inside).sum(1) / tied.sum(1)
    return ((above & inside).sum(1) + share.double() * (count - above.sum(1))) / count


def truth_auc(maps: Tensor, inside: Tensor) -> Tensor:
    """Return how often a unit of the truth has a higher value than one outside, as scikit-learn's `roc_auc_score`.

    >>> truth_auc(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([True, True, False])).tolist()
    [0.5]
    """
    ranks = torch.from_numpy(rankdata(maps.numpy(), axis=1))
    count = int(inside.sum())
    return (ranks[:, inside].sum(1) - count * (count + 1) / 2) / (count * (len(inside) - count))


NUMBERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pointing_game": pointing_game,
    "relevance_mass": relevance_mass,
    "relevance_rank": relevance_rank,
    "truth_auc": truth_auc,
}


def _masks(truth: object, maps: list[Tensor]) -> list[Tensor]:
    """Return a mask of the shape of each row's units, of bool."""
    ragged = isinstance(truth, list | tuple) and len({_length(item) for item in truth}) > 1
    several = isinstance(truth, list | tuple) and all(isinstance(item, Tensor) for item in truth)
    if (ragged or several) and len(truth) != len(maps):
        raise InputError("truth", expected=f"a mask for each of {len(maps)} rows", got=f"{len(truth)}")
    if ragged or several:
        return [
            _mask(as_tensor(item, "truth"), units, row)
            for row, (item, units) in enumerate(zip(truth, maps, strict=True))
        ]
    whole = as_tensor(truth, "truth")
    if whole.ndim == maps[0].ndim:
        return [_mask(whole, units, row) for row, units in enumerate(maps)]
    if not whole.ndim or len(whole) != len(maps):
        raise InputError("truth", expected=f"one mask, or one for each of {len(maps)} rows", got=describe(whole))
    return [_mask(part, units, row) for row, (part, units) in enumerate(zip(whole, maps, strict=True))]


def _length(item: object) -> int:
    return len(item) if isinstance(item, Sized) else -1


def _mask(mask: Tensor, units: Tensor, row: int) -> Tensor:
    if mask.ndim == units.ndim + 1:  # channels of an image come first, those of a series last
        mask = (mask != 0).any(0 if units.ndim > 1 else -1) if _zeros_and_ones(mask) else mask
    if mask.shape != units.shape:
        raise InputError("truth", expected=f"a mask {tuple(units.shape)} for row {row}", got=describe(mask))
    if not _zeros_and_ones(mask):
        raise InputError("truth", expected="a mask of 0 and 1", got=f"other values in row {row}")
    inside = (mask != 0).cpu()
    if bool(inside.all()) or not bool(inside.any()):
        got = f"{'all' if bool(inside.all()) else 'none'} within it in row {row}"
        raise InputError("truth", expected="a mask with some units within it and some outside", got=got)
    return inside


def _zeros_and_ones(mask: Tensor) -> bool:
    return bool(((mask == 0) | (mask == 1)).all())
