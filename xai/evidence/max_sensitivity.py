"""Max-sensitivity: how much can a map change at most when the input hardly does?"""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.arguments import draw_count, real_number
from xai.base.errors import XaiError, names_errors
from xai.base.statistics import ALPHA
from xai.evidence.against_controls import Comparison, untestable_by_chance
from xai.evidence.map_scores import unit_scores
from xai.evidence.moved_values import moved_values
from xai.evidence.noise_scale import noise_scale_of
from xai.evidence.recompute import recompute
from xai.evidence.stability import repeated
from xai.evidence.untestable import untestable_rows
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["largest_change", "max_sensitivity"]


@names_errors("max_sensitivity")
def max_sensitivity(
    model: Model,
    explanation: Explanation,
    *,
    draws: int = 10,
    radius: float = 0.02,
    controls: int = 99,
    seed: int = 0,
) -> list[Finding]:
    """Return one finding per row: is the map under small changes nearer to itself than moved copies of it are?

    The number, `details["value"]`, is the largest distance of the maps of `draws` changed inputs from the map, as a
    share of its norm, as captum's `sensitivity_max`. The changes are uniform within `radius` times what `stability`
    measures noise in, and leave no range that the inputs have. The score is a p-value: the rank of the number, low
    first, among the distances of `controls` copies of the map that are moved. Changes that change the prediction count
    too, which `stability` leaves out.
    Untestable for texts, and where the map cannot be made again. Source: Yeh et al. 2019, arXiv:1901.09392.

    Args:
        model: whose answer is explained.
        explanation: the maps.
        draws: changes of each row.
        radius: how large.
        controls: how many copies, at least 19.
        seed: of changes and copies.

    Raises:
        InputError: for fewer than 19 controls, which cannot reach p = 0.05.

    >>> from xai.attribution.gradient_methods import saliency
    >>> model = Model(torch.nn.Linear(9, 2))
    >>> max_sensitivity(model, saliency(model, torch.ones(1, 9)))[0].details["value"]  # a plane is steep alike
    0.0
    """
    name = "max_sensitivity"
    draws, controls = draw_count("draws", draws, 1), draw_count("controls", controls, 19)
    radius = real_number("radius", radius, 0.0)
    if not explanation.inputs.is_floating_point():
        return untestable_rows(name, explanation, ALPHA, "small changes are of numbers, and this is a text.")
    with model.explaining(name, explanation.inputs, list(explanation.target), seed=seed) as session:
        scale = radius * noise_scale_of(session, explanation)[0]
        changes = torch.stack([_uniform(session, row, draws) for row in range(len(session))]).to(scale)
        changed = (session.inputs[:, None] + changes * scale[:, None]).flatten(0, 1)
        changed = changed if session.kind.limits is None else changed.clamp(*session.kind.limits)
        try:
            again = recompute(model, repeated(explanation, changed, draws))
        except XaiError as error:
            return untestable_rows(name, explanation, ALPHA, error)
        return [
            _finding(session, explanation, row, again.values[row * draws : (row + 1) * draws], controls)
            for row in range(len(session))
        ]


def _uniform(session: Session, row: int, draws: int) -> Tensor:
    return 2 * torch.rand(draws, *session.inputs.shape[1:], generator=session.generator(row)) - 1


def _finding(
    session: Session, explanation: Explanation, row: int, again: Tensor | list[Tensor], controls: int
) -> Finding:
    name, values = "max_sensitivity", explanation.values[row].detach().double().cpu()
    if not bool(values.any()):
        text = "Untestable: the map is 0 everywhere, and no change is a share of it."
        return Finding(name, "untestable", None, ALPHA, "none", text)
    few = untestable_by_chance(name, unit_scores(explanation, row, session.model.input), controls)
    if few is not None:
        return few
    after = torch.stack([other.detach().double().cpu().flatten() for other in again])
    value = float(largest_change(values.flatten(), after))
    sides = min(values.ndim, len(session.kind.axes(session.inputs)))
    copies = moved_values(values, sides, controls, session.generator(row, stream=1))
    distances = (copies - values.flatten()).norm(dim=1) / values.norm()
    compared = Comparison(-value, -distances, {}, f"{controls} moved copies of the map")
    doing = f"small changes of the input change it by at most {100 * value:.0f} % of its norm, less"
    return compared.finding(name, doing, {"value": value, "draws": len(after)})


def largest_change(before: Tensor, after: Tensor) -> Tensor:
    """Return the largest distance of maps (n, values) from a map (values,), as a share of its norm.

    >>> largest_change(torch.tensor([3.0, 4.0]), torch.tensor([[3.0, 4.0], [3.0, 5.0]]))
    tensor(0.2000)
    """
    return (after - before).norm(dim=1).max() / before.norm()
