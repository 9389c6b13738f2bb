"""Faithfulness: does what the map claims of the parts of a row predict what hiding them does to the output?"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from xai.base.arguments import draw_count
from xai.base.errors import names_errors
from xai.base.statistics import rank_p_value
from xai.evidence.claims import claim_of
from xai.evidence.effects import Effects, fitted, from_repeats
from xai.evidence.faithfulness_finding import SMALL_CHANGES, finding_of
from xai.evidence.hiding_ways import Way, ways_of_hiding
from xai.evidence.map_scores import explained_layer
from xai.evidence.map_windows import MapWindows, map_windows
from xai.evidence.noise_scale import difference_scale
from xai.evidence.rivals import of_another_class, unit_rivals
from xai.evidence.small_changes import small_change_sizes
from xai.evidence.windows import LEAST_WINDOWS, draw_sets
from xai.inputs.hiding import masked_scores
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["Compared", "faithfulness"]

OTHER_WAYS = 0.4  # of the sets, in ways that the claim is not about
TIED = 0.02  # correlations as near as this count as equal: ties are no defeat


class Compared(NamedTuple):
    """A row's map beside what was measured in one way: correlations of the map, its controls and its rivals.

    Attributes:
        way: the way of hiding, by name.
        replacement: what stood where a part was hidden.
        observed: the correlation of the map's claim with the measured effects.
        interval: of that.
        controls: the same of maps with its values elsewhere, (n,).
        best: the highest that any map with these values could reach.
        rivals: the same of maps that never saw why, by name.
        effects: what was measured.
        claimed: what the map claims of each window, (K,).
    """

    way: str
    replacement: str
    observed: float
    interval: tuple[float, float]
    controls: np.ndarray
    best: float
    rivals: dict[str, float]
    effects: Effects
    claimed: np.ndarray

    @property
    def p_value(self) -> float:
        """Return the share of maps with its values elsewhere, it among them, that do as well."""
        return rank_p_value(self.controls, self.observed, among=False)

    @property
    def least_p_value(self) -> float:
        """Return the p-value of the best map with these values: others that do as well for all one can tell count."""
        return rank_p_value(self.controls, self.best - TIED, among=False)

    @property
    def p_worse(self) -> float:
        """Return the share of maps with its values elsewhere, it among them, that do as badly."""
        return rank_p_value(self.controls, self.observed, among=False, below=True)


@names_errors("faithfulness")
def faithfulness(
    model: Model,
    explanation: Explanation,
    *,
    controls: int = 499,
    fill: object = None,
    seed: int = 0,
    batch_size: int | None = None,
) -> list[Finding]:
    """Return one finding per row: do the map's claims predict what is measured when parts of the row are hidden?

    An image is cut into about 36 squares, or into the map's own segments; other rows into their units (or runs of
    units). Sets of them are hidden in every way of `xai.evidence.hiding_ways`, and least squares says what each takes
    from the score. The number is the correlation of these effects with what the map claims of the same windows, divided
    by what the effects' own error leaves possible. It is put beside those of `controls` maps with its values elsewhere
    (a p-value) and of maps that never saw why: a blob in the center, the image's edges, how far the input is from
    absent, and the same method's map for another class. The claim is tested that the method makes: sums against its own
    baseline (additive), the size of what small changes do (sensitivity), or where what decides lies (region).

    pass: above the limit of `xai.evidence.limits`, p at most 0.05, and above every rival. fail: significantly worse
    than the median control in every way of hiding, and beyond chance or -0.5. untestable: no map with these values
    could reach p = 0.05, or hiding has no steady effect. warn: else, which is "not shown".

    Args:
        model: whose answers are explained.
        explanation: the maps.
        controls: how many maps with its values elsewhere, at least 19; of few units all there are.
        fill: a name, number or tensor as for baselines, the only way of hiding then.
        seed: of sets and controls.
        batch_size: evaluations at once.

    Raises:
        InputError: for fewer than 19 controls, which cannot reach p = 0.05.

    Source: Bhatt, Weller, Moura 2020, arXiv:2005.00631, for the correlation of sums with falls of the output.

    >>> import torch
    >>> from xai.attribution.gradient_methods import integrated_gradients
    >>> network = torch.nn.Linear(6, 2)
    >>> with torch.no_grad():
    ...     _ = network.weight.copy_(torch.arange(12.0).view(2, 6) - 5)
    >>> model = Model(network)
    >>> found = faithfulness(model, integrated_gradients(model, torch.ones(1, 6), 1))
    >>> round(found[0].score, 2)
    1.0
    """
    controls = draw_count("controls", controls, 19)
    target = list(explanation.target)
    of = str(explanation.options.get("of", "output"))
    settings = {"of": of, "seed": seed, "passes": 200, "batch_size": batch_size, "scores_only": True,
                "layer": explained_layer(explanation)}  # fmt: skip
    other = of_another_class(model, explanation) if fill is None else None
    with model.explaining("faithfulness", explanation.inputs, target, **settings) as session:
        windows = [map_windows(session, explanation, row) for row in range(len(session))]
        measured = _measured(session, explanation, windows, fill, seed)
        scale = difference_scale(session, explanation)
        compared = [
            _compared(session, explanation, row, windows[row], scale, controls, other, measured[row])
            for row in range(len(session))
        ]
        return [finding_of(explanation, row, found) for row, found in enumerate(compared)]


class _Measured(NamedTuple):
    """What one way of hiding did to a row: its name, what replaced the parts, what is absent, the windows' effects."""

    way: str
    replacement: str
    absent: Tensor | None
    effects: Effects


def _measured(
    session: Session, explanation: Explanation, windows: list[MapWindows], fill: object, seed: int
) -> list[list[_Measured]]:
    """Return what was measured for each row, in each way."""
    ways = ways_of_hiding(session, explanation, fill, in_turn=True)
    claim = claim_of(explanation)
    found: list[list[_Measured]] = [[] for _ in windows]
    alike: dict[tuple, list[int]] = defaultdict(list)
    for row, part in enumerate(windows):
        alike[tuple(part.labels.shape), part.labels.numpy().tobytes()].append(row)
    one_by_one = not session.inputs.is_floating_point()
    for rows in alike.values():
        for part in [[row] for row in rows] if one_by_one else [rows]:
            labels = windows[part[0]].labels
            # Two values, of two inputs of a network say, are no pattern, however many windows they are painted over.
            if min(windows[part[0]].number, *(explanation.values[row].numel() for row in part)) < LEAST_WINDOWS:
                continue
            if claim == "sensitivity" and fill is None:
                sizes = small_change_sizes(session, explanation, part, labels)
                for row, size in zip(part, sizes if sizes is not None else [], strict=False):
                    absent = ways[0].absent if ways else None
                    found[row].append(_Measured(SMALL_CHANGES, "noise", absent, from_repeats(size, seed)))
            for number, way in enumerate(ways):
                share = 1.0 if number == 0 and not found[part[0]] else OTHER_WAYS
                for row, effects in zip(part, _effects(session, way, part, labels, seed, share), strict=True):
                    found[row].append(_Measured(way.name, way.replacement, way.absent, effects))
    return found


def _effects(session: Session, way: Way, rows: list[int], labels: Tensor, seed: int, share: float) -> list[Effects]:
    flat = labels.flatten()
    sets = draw_sets(int(flat.max()) + 1, seed, share)
    hidden = torch.from_numpy(sets.hidden)[:, flat.clamp_min(0)] & (flat >= 0)
    shown = torch.cat([torch.ones(1, hidden.shape[1], dtype=torch.bool), ~hidden])
    row_numbers = torch.tensor(rows, device=session.inputs.device)
    scores = masked_scores(session, way.hiding, shown, row_numbers).cpu().numpy()
    return fitted(sets, scores[:, :1] - scores[:, 1:], seed)


def _compared(
    session: Session,
    explanation: Explanation,
    row: int,
    windows: MapWindows,
    scale: Tensor | None,
    controls: int,
    other: Explanation | None,
    measured: list[_Measured],
) -> list[Compared]:
    if not measured:
        return []
    observed = windows.claimed(windows.units[None]).numpy()
    others = windows.controls(controls, session.generator(row))[0].numpy()
    rivals = unit_rivals(session, explanation, row, windows.units, measured[0].absent, scale, other)
    of_rivals = {name: windows.claimed(rival[None]).numpy() for name, rival in rivals.items()}
    return [_beside_controls(item, observed, others, of_rivals) for item in measured]


def _beside_controls(
    measured: _Measured, observed: np.ndarray, others: np.ndarray, rivals: dict[str, np.ndarray]
) -> Compared:
    effects = measured.effects
    ordered = np.sort(observed[0])[np.argsort(np.argsort(effects.values))]
    return Compared(
        way=measured.way,
        replacement=measured.replacement,
        observed=float(effects.correlations(observed)[0]),
        interval=effects.interval(observed[0]),
        controls=effects.correlations(others) if len(others) else np.zeros(0),
        best=float(effects.correlations(ordered[None])[0]),
        rivals={name: float(effects.correlations(rival)[0]) for name, rival in rivals.items()},
        effects=effects,
        claimed=observed[0],
    )
