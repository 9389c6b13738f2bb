"""Infidelity: how far is what a map predicts of small changes from what they do to the output?"""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.arguments import draw_count, real_number
from xai.base.errors import names_errors
from xai.base.statistics import ALPHA
from xai.evidence.against_controls import Comparison, untestable_by_chance
from xai.evidence.claims import claim_of
from xai.evidence.map_scores import explained_layer, unit_scores
from xai.evidence.moved_values import moved_values
from xai.evidence.noise_scale import noise_scale_of
from xai.evidence.untestable import untestable_rows
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["infidelity", "squared_error"]


@names_errors("infidelity")
def infidelity(
    model: Model,
    explanation: Explanation,
    *,
    draws: int = 100,
    noise: float = 0.1,
    normalize: bool = True,
    controls: int = 99,
    seed: int = 0,
    batch_size: int | None = None,
) -> list[Finding]:
    """Return one finding per row: do the values predict what noise does to the output, better than moved ones?

    The number, `details["value"]`, is the mean over `draws` changes I of (sum of I x values - (f(x) - f(x - I)))^2, as
    captum's `infidelity`. The changes are Gaussian, of `noise` times what `stability` measures noise in. The score is a
    p-value: the rank of the number, low first, among those of `controls` copies of the values at other places. Values
    times changes predict well where values are slopes; of parts against a far baseline faithfulness is the better
    question. Untestable for maps that have no value for each number of the input, and for sizes without a sign.
    Source: Yeh et al. 2019, arXiv:1901.09392.

    Args:
        model: whose answer is explained.
        explanation: the maps.
        draws: changes of each row.
        noise: how large.
        normalize: scale the values of each map so that they predict best, since many methods have no scale.
        controls: how many copies, at least 19.
        seed: of changes and copies.
        batch_size: evaluations at once.

    Raises:
        InputError: for fewer than 19 controls, which cannot reach p = 0.05.

    >>> from xai.attribution.gradient_methods import input_x_gradient
    >>> model = Model(torch.nn.Linear(9, 2))
    >>> infidelity(model, input_x_gradient(model, torch.ones(1, 9)))[0].details["value"] < 1e-10
    True
    """
    name = "infidelity"
    draws, controls = draw_count("draws", draws, 2), draw_count("controls", controls, 19)
    noise = real_number("noise", noise, 0.0)
    values = explanation.values
    alike = isinstance(values, Tensor) and values.shape == explanation.inputs.shape
    if not alike or not explanation.inputs.is_floating_point() or explained_layer(explanation) is not None:
        return untestable_rows(name, explanation, ALPHA, "the map has no value for each number of the input.")
    if claim_of(explanation) == "sensitivity" and not bool((values < 0).any()):
        return untestable_rows(name, explanation, ALPHA, "sizes without a sign do not predict a direction.")
    of = str(explanation.options.get("of", "output"))
    settings = {"of": of, "seed": seed, "passes": draws, "batch_size": batch_size, "scores_only": True}
    with model.explaining(name, explanation.inputs, list(explanation.target), **settings) as session:
        scale = noise * noise_scale_of(session, explanation)[0]
        return [_row(session, explanation, row, scale[row], draws, controls, normalize) for row in range(len(session))]


def _row(
    session: Session, explanation: Explanation, row: int, scale: Tensor, draws: int, controls: int, normalize: bool
) -> Finding:
    name, values = "infidelity", explanation.values[row].detach().double().cpu()
    few = untestable_by_chance(name, unit_scores(explanation, row, session.model.input), controls)
    if few is not None:
        return few
    generator = session.generator(row)
    changes = torch.randn(draws, *scale.shape, generator=generator).to(scale) * scale
    whose = session.rows[row : row + 1]
    batch = session.inputs[row] - changes
    after = torch.cat([session.scores(batch[part], whose.expand(len(part))) for part in session.chunks(draws)])
    fall = (session.scores(session.inputs[row : row + 1], whose) - after).cpu()
    if not bool((fall != 0).any()):
        text = "Untestable: none of the changes changes the output."
        return Finding(name, "untestable", None, ALPHA, "none", text)
    sides = len(session.kind.axes(session.inputs))
    every = torch.cat([values.flatten()[None], moved_values(values, sides, controls, generator)])
    errors = squared_error(every @ changes.double().cpu().flatten(1).T, fall, normalize)
    value, size = float(errors[0]), float((fall**2).mean())
    compared = Comparison(-value, -errors[1:], {}, f"{controls} copies of the values at other places")
    doing = f"what it predicts of small changes misses {100 * value / size:.0f} % of what they do (squared), less"
    return compared.finding(name, doing, {"value": value, "share": value / size, "draws": draws})


def squared_error(predicted: Tensor, fall: Tensor, normalize: bool) -> Tensor:
    """Return the mean squared error of what maps predict (n, draws) of falls (draws,), (n,).

    >>> squared_error(torch.tensor([[1.0, 2.0]]), torch.tensor([2.0, 4.0]), True).tolist()
    [0.0]
    """
    if normalize:
        size = (predicted**2).sum(1)
        best = torch.where(size > 0, (predicted * fall).sum(1) / size.clamp_min(1e-300), 1.0)
        predicted = predicted * best[:, None]
    return ((predicted - fall) ** 2).mean(1)
