"""Sparseness: is a map concentrated on few parts? What a reader can take in, and nothing about being right."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.arguments import draw_count
from xai.base.errors import names_errors
from xai.base.statistics import ALPHA
from xai.evidence.against_controls import Comparison
from xai.evidence.map_scores import rivals_of, unit_scores
from xai.evidence.untestable import too_few_values
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["gini", "sparseness"]


@names_errors("sparseness")
def sparseness(model: Model, explanation: Explanation, *, controls: int = 99, seed: int = 0) -> list[Finding]:
    """Return one finding per row: is the map more concentrated than noise, and than edges and a blob?

    The number, `details["value"]`, is the Gini index of the sizes of the values: 0 where all units have the same, near
    1 where one has all. The score is a p-value among `controls` maps of Gaussian noise of as many units. A sparse map
    is easy to read; a wrong one may be as sparse. Source: Chalasani et al. 2020, arXiv:1810.06583.

    Args:
        model: whose answer is explained.
        explanation: the maps.
        controls: how many maps of noise, at least 19.
        seed: of the noise.

    Raises:
        InputError: for fewer than 19 controls, which cannot reach p = 0.05.

    >>> from xai.attribution.gradient_methods import saliency
    >>> model = Model(torch.nn.Linear(9, 2))
    >>> with torch.no_grad():
    ...     _ = model.network.weight.zero_()[:, 4].fill_(1.0)
    >>> found = sparseness(model, saliency(model, torch.ones(1, 9), 1))
    >>> found[0].status, round(found[0].details["value"], 3)
    ('pass', 0.889)
    """
    name = "sparseness"
    controls = draw_count("controls", controls, 19)
    with model.explaining(name, explanation.inputs, list(explanation.target), seed=seed) as session:
        found = []
        for row in range(len(session)):
            units = unit_scores(explanation, row, model.input).cpu()
            few = too_few_values(name, units, ALPHA, "none")
            if few is None and not bool(units.any()):
                few = Finding(name, "warn", 1.0, ALPHA, "none", "Not shown: the map is 0 everywhere.")
            if few is not None:
                found.append(few)
                continue
            rivals = {key: float(gini(rival.flatten()[None])) for key, rival in rivals_of(session, row, units).items()}
            noise = torch.randn(controls, units.numel(), generator=session.generator(row))
            value = float(gini(units.flatten()[None]))
            compared = Comparison(value, gini(noise), rivals, f"{controls} maps of Gaussian noise")
            doing = f"it is concentrated (Gini index {value:.2f})"
            found.append(compared.finding(name, doing, {"value": value}))
    return found


def gini(maps: Tensor) -> Tensor:
    """Return the Gini index of the sizes of each of (n, units) maps, (n,) in float64.

    >>> gini(torch.tensor([[1.0, -1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 5.0]])).tolist()
    [0.0, 0.75]
    """
    sizes = maps.double().abs().sort(1).values
    count = sizes.shape[1]
    position = 2 * torch.arange(1, count + 1, dtype=torch.float64) - count - 1
    return (sizes * position).sum(1) / (count * sizes.sum(1)).clamp_min(1e-300)
