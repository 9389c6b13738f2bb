"""Non-sensitivity: are the parts that a map gives nothing those that do nothing?"""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.arguments import draw_count, real_number
from xai.base.errors import names_errors
from xai.base.statistics import ALPHA
from xai.evidence.against_controls import Comparison
from xai.evidence.hiding_ways import Way, ways_of_hiding
from xai.evidence.map_scores import explained_layer
from xai.evidence.map_windows import map_windows
from xai.evidence.untestable import untestable_rows
from xai.inputs.hiding import masked_scores
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["non_sensitivity"]


@names_errors("non_sensitivity")
def non_sensitivity(
    model: Model,
    explanation: Explanation,
    *,
    fill: object = None,
    tolerance: float = 1e-5,
    controls: int = 99,
    seed: int = 0,
    batch_size: int | None = None,
) -> list[Finding]:
    """Return one finding per row: does the map give nothing to the parts that do nothing, and to them alone?

    Parts are the windows of `faithfulness`: about 36 squares of an image, single units of a list. Each is hidden alone
    by what the map's claim is about. The number, `details["value"]`, is the share of parts that are in one of two sets
    only: those to which the map gives nothing, and those whose hiding changes nothing; `details["count"]` is how many.
    The score is a p-value: the rank of the number, low first, among those of `controls` maps with its values elsewhere.
    Untestable where no such map has another number, as where every part does something and is given something.
    Source: Nguyen, Martinez 2020, arXiv:2007.07584.

    Args:
        model: whose answer is explained.
        explanation: the maps.
        fill: a name, number or tensor as for baselines, in place of what the claim is about.
        tolerance: up to which share of the largest a value counts as nothing.
        controls: how many maps with its values elsewhere, at least 19; of few units all there are.
        seed: of the controls.
        batch_size: evaluations at once.

    Raises:
        InputError: for fewer than 19 controls, which cannot reach p = 0.05.

    >>> from xai.attribution.gradient_methods import input_x_gradient
    >>> model = Model(torch.nn.Linear(6, 2))
    >>> with torch.no_grad():
    ...     _ = model.network.weight[:, 3:].zero_()
    >>> non_sensitivity(model, input_x_gradient(model, torch.ones(1, 6)))[0].details["count"]
    0
    """
    name = "non_sensitivity"
    controls, tolerance = draw_count("controls", controls, 19), real_number("tolerance", tolerance, 0.0)
    of = str(explanation.options.get("of", "output"))
    settings = {"of": of, "seed": seed, "passes": 40, "batch_size": batch_size, "scores_only": True,
                "layer": explained_layer(explanation)}  # fmt: skip
    with model.explaining(name, explanation.inputs, list(explanation.target), **settings) as session:
        ways = ways_of_hiding(session, explanation, fill)
        if not ways:
            reason = "it is not known how to hide a part of such an input."
            return untestable_rows(name, explanation, ALPHA, reason)
        return [_row(session, explanation, row, ways[0], controls, tolerance) for row in range(len(session))]


def _row(session: Session, explanation: Explanation, row: int, way: Way, controls: int, tolerance: float) -> Finding:
    name = "non_sensitivity"
    windows = map_windows(session, explanation, row)
    labels, count = windows.labels, windows.number
    alone = torch.arange(count)[:, None] == labels.flatten()
    shown = torch.cat([torch.ones(1, labels.numel(), dtype=torch.bool), ~alone])
    scores = masked_scores(session, way.hiding, shown, session.rows[row : row + 1])[0].cpu()
    idle = _nothing((scores[0] - scores[1:])[None], tolerance)
    copies, control = windows.controls(controls, session.generator(row))
    every = torch.cat([windows.claimed(windows.units[None]), copies])
    differ = _nothing(every, tolerance) != idle
    numbers = differ.double().mean(1)
    value, others = float(numbers[0]), numbers[1:]
    if not len(others) or bool((others == others[0]).all() & (others[0] == value)):
        text = "Untestable: the map's values at other places have the same number."
        return Finding(name, "untestable", None, ALPHA, control, text, {"value": value, "count": int(differ[0].sum())})
    compared = Comparison(-value, -others, {}, control)
    doing = f"what it gives nothing and what does nothing differ in {int(differ[0].sum())} of {count} parts, less"
    details = {"value": value, "count": int(differ[0].sum()), "parts": count, "fill": way.replacement}
    return compared.finding(name, doing, details)


def _nothing(values: Tensor, tolerance: float) -> Tensor:
    """Say which values of each row (n, parts) are nothing beside the largest one."""
    sizes = values.abs()
    return sizes <= tolerance * sizes.amax(1, keepdim=True)
