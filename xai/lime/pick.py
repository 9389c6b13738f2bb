"""SP-LIME: the few explanations that together show what matters to the model across all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.results.explanation import Explanation

__all__ = ["Pick", "submodular_pick"]

VISUAL_WORDS = 20
ROUNDING = 1e-6  # weights below this share of the largest are rounding


@dataclass(frozen=True)
class Pick:
    """Which rows were picked, in order, and how much of the features' importance they cover.

    rows: numbers of the picked rows. coverage: the share covered after each pick. importance: of each feature, by
    name, square root of its summed magnitude. explanations: those rows, one batch of one each.
    """

    rows: tuple[int, ...]
    coverage: tuple[float, ...]
    importance: dict[str, float]
    explanations: tuple[Explanation, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def to_frame(self):
        """Return a table: pick, row, target, and the coverage reached with it."""
        import pandas as pd

        return pd.DataFrame(
            {
                "pick": range(1, len(self) + 1),
                "row": self.rows,
                "target": [explanation.target_name() for explanation in self.explanations],
                "coverage": self.coverage,
            }
        )


@names_errors("submodular_pick")
def submodular_pick(
    explanations: Explanation | Sequence[Explanation], budget: int = 5, *, features: int = 10, sure: bool = True
) -> Pick:
    """Return at most `budget` rows whose features cover most of the importance over all rows, greedily.

    explanations: LIME explanations of tables, texts, images or series (one batch or several of one kind). features: the
    largest weights of each row that count. sure: of these only the ones whose 95 % interval leaves out 0. Columns
    are features by name, words by spelling, steps by place; segments of images by what they look like (their mean
    color and contrast, sorted into 20 kinds by k-means). Greedy picking reaches at least 63 % of the best coverage.
    Raises InputError for a budget below 1 or explanations that are no surrogates. Source: Ribeiro, Singh, Guestrin
    2016, arXiv:1602.04938, section 4.

    >>> from xai.model.model import Model
    >>> from xai.lime.series import lime_series
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    >>> e = lime_series(Model(network), torch.rand(6, 4), samples=200)
    >>> picked = submodular_pick(e, budget=2)
    >>> len(picked) <= 2, picked.coverage[-1] <= 1
    (True, True)
    """
    rows = _rows(explanations)
    for name, value in (("budget", budget), ("features", features)):
        whole_number(name, value, 1)
    names = _feature_names(rows)
    known = {name: number for number, name in enumerate(dict.fromkeys(name for row in names for name in row))}
    table = torch.zeros(len(rows), len(known), dtype=torch.float64)
    for position, (row, row_names) in enumerate(zip(rows, names, strict=True)):
        weights = _kept(row, features, sure)
        table[position].index_add_(0, torch.tensor([known[name] for name in row_names]), weights.abs())
    importance = table.sum(0).sqrt()
    chosen, coverage = _greedy(table > 0, importance, int(budget))
    return Pick(
        tuple(chosen),
        tuple(coverage),
        dict(zip(known, importance.tolist(), strict=True)),
        tuple(rows[number] for number in chosen),
    )


def _greedy(covers: Tensor, importance: Tensor, budget: int) -> tuple[list[int], list[float]]:
    """Pick rows of covers (n, features); stops where nothing is gained. Ties go to the first row."""
    total = float(importance.sum())
    covered = torch.zeros_like(importance, dtype=torch.bool)
    chosen: list[int] = []
    coverage: list[float] = []
    while len(chosen) < min(budget, len(covers)):
        gain = ((covers & ~covered).double() @ importance).round(decimals=12)
        best = int(gain.argmax())
        if float(gain[best]) <= 0:
            break
        chosen.append(best)
        covered |= covers[best]
        coverage.append(float(importance[covered].sum()) / total)
    return chosen, coverage


def _rows(explanations: object) -> list[Explanation]:
    whole = [explanations] if isinstance(explanations, Explanation) else explanations
    if not isinstance(whole, list | tuple) or not whole or not all(isinstance(item, Explanation) for item in whole):
        wanted = "an Explanation or a list of them"
        raise InputError("explanations", expected=wanted, got=describe(explanations), operation="submodular_pick")
    kinds = {item.over for item in whole}
    if len(kinds) != 1 or not kinds <= {"features", "tokens", "segments", "steps"}:
        raise InputError(
            "explanations",
            expected="explanations by parts (of LIME, say), all of one kind of input",
            got=", ".join(sorted({f"{item.method} over {item.over}" for item in whole})),
            operation="submodular_pick",
        )
    return [row for item in whole for row in item]


def _kept(row: Explanation, features: int, sure: bool) -> Tensor:
    """Return the weights (d,) of one row that count, the others as 0."""
    weights = row.values[0].double().cpu()
    kept = torch.zeros_like(weights, dtype=torch.bool)
    kept[weights.abs().topk(min(features, len(weights))).indices] = True
    if sure and row.standard_error is not None:
        low, high = row.interval()[0].cpu()
        kept &= (low > 0) | (high < 0)
    kept &= weights.abs() > ROUNDING * weights.abs().max()
    return torch.where(kept, weights, 0)


def _feature_names(rows: list[Explanation]) -> list[list[str]]:
    over = rows[0].over
    if over == "features":
        return [list(row.names) or row.value_names() for row in rows]
    if over != "segments":
        return [row.value_names() for row in rows]
    appearances = [_appearances(row) for row in rows]
    return _visual_words(appearances)


def _appearances(row: Explanation) -> Tensor:
    """Return mean and spread of each channel in each segment of one image, (segments, 2 * channels)."""
    if row.segments is None:
        raise InputError("explanations", expected="ones with their segments", got="values over segments alone")
    image, labels = row.inputs[0].double().cpu().flatten(1), row.segments[0].cpu().flatten().long()
    size = len(row.values[0])
    counts = torch.bincount(labels, minlength=size).clamp_min(1)

    def mean(values: Tensor) -> Tensor:
        return torch.zeros(len(values), size, dtype=torch.float64).index_add_(1, labels, values) / counts

    first = mean(image)
    std = (mean(image.square()) - first.square()).clamp_min(0).sqrt()
    return torch.cat([first, std]).T


def _visual_words(appearances: list[Tensor]) -> list[list[str]]:
    from sklearn.cluster import KMeans

    every = torch.cat(appearances)
    scaled = (every - every.mean(0)) / every.std(0).clamp_min(1e-12)
    distinct = len(torch.unique(scaled, dim=0))
    kinds = KMeans(n_clusters=min(VISUAL_WORDS, distinct), random_state=0, n_init=3).fit_predict(scaled.numpy())
    parts = torch.from_numpy(kinds).split([len(part) for part in appearances])
    return [[f"kind {number}" for number in part.tolist()] for part in parts]
