"""Does an image tell which real images excite the unit? Similarity in another network's features, by ranks.

Source: Borowski et al. 2021, arXiv:2010.12606; Zimmermann et al. 2021, arXiv:2106.12447, who asked people.
"""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from xai.base.errors import InputError, describe
from xai.model.model import Model
from xai.model.tracing import numbers_on
from xai.network.guard import untouched
from xai.network.hooks import recording, run_recorded
from xai.results.finding import Finding

__all__ = ["LEAST_CONTROLS", "Features", "partial_correlations", "predictive", "similarities"]

ALPHA = 0.025  # the share of units with shuffled weights that may reach the threshold
LEAST_CONTROLS = 40  # units with shuffled weights: a share of 2.5 % is seen in no fewer
MOST_ALIKE = 0.9  # the share of images of other units that must predict the unit worse
LEAST_OTHERS = 10  # images of other units that this is asked of
NORMAL_95 = 1.64  # of a normal distribution, 5 % lie above
GRID = 3  # positions a side of the last layer


class Features:
    """What another network sees in images: its last two layers with maps.

    The last one is read at 3 x 3 positions (what is where), the one before as means over all positions (what is there).
    """

    def __init__(self, model: Model, shape: tuple[int, ...]) -> None:
        if not isinstance(model, Model) or model.input.drawing != "map":
            raise InputError("features", expected="an xai.Model of images, another one than this", got=describe(model))
        sized = msgspec.structs.replace(model.input, shape=shape)
        self.model = Model(
            model.network,
            task=model.task,
            output=model.output,
            input=sized,
            forward=model.forward,
            output_key=model.output_key,
        )
        with untouched(model.network):
            found = self.model.trace_of(torch.zeros(1, *shape, device=model.device))
        self.layers = [layer.name for layer in found.units() if len(layer.shape) == 3][-2:]
        self.stop = all(layer.calls == 1 for layer in found.layers if layer.name in self.layers)
        if not self.layers:
            raise InputError("features", expected="a network that has layers with maps", got="one without")

    def of(self, images: Tensor, batch: int) -> list[Tensor]:
        """Return the features of images (n, C, H, W), one matrix (n, features) per layer."""
        parts = []
        network = self.model.network
        with untouched(network), torch.no_grad():
            for part in images.split(batch):
                with recording(network, self.layers, before=True, stop=self.stop) as recorded:
                    run_recorded(lambda: numbers_on(self.model, network, part), recorded, self.layers)  # noqa: B023
                grids = [1] * (len(self.layers) - 1) + [GRID]
                parts.append(
                    [
                        adaptive_avg_pool2d(torch.relu(recorded[name].float()), grid).flatten(1)
                        for name, grid in zip(self.layers, grids, strict=True)
                    ]
                )
        return [torch.cat(columns) for columns in zip(*parts, strict=True)]


def similarities(images: list[Tensor], real: list[Tensor]) -> Tensor:
    """Return how similar images are to real ones, (m, n): cosines around the real mean, summed over layers."""
    total = torch.zeros(())
    for one, other in zip(images, real, strict=True):
        mean = other.mean(0)
        first, second = (torch.nn.functional.normalize(item - mean, dim=1) for item in (one, other))
        total = total + first @ second.T
    return total


def partial_correlations(first: Tensor, second: Tensor, images: Tensor) -> Tensor:
    """Return rank correlations (m, k) of rows (m, n) and (k, n) over images, their brightness and contrast taken out.

    Brightness and contrast are the mean and the standard deviation of an image's numbers; both by ranks.
    """
    flat = images.flatten(1).double().cpu()
    known = torch.cat([torch.ones(1, len(flat)).double(), _ranks(torch.stack([flat.mean(1), flat.std(1)]))]).T
    left, right = (_residual(_ranks(item.cpu()), known) for item in (first, second))
    return left @ right.T


def predictive(
    name: str, correlation: float, others: Tensor, controls: Tensor, answers: Tensor, reason: str | None = None
) -> Finding:
    """Return a finding on how well an image, and one that was minimized, predict a unit's answers to real images.

    Args:
        name: of the unit.
        correlation: the rank correlation of the unit's answers with the similarity of real images to its maximized
            minus its minimized image.
        others: the same of images of other units, (k,).
        controls: the same of units with shuffled weights and the images made for them, (c,).
        answers: of the unit to the real images, (n,).
        reason: why this cannot be tested, where it cannot.
    """
    detectable = NORMAL_95 / max(1, len(answers) - 3) ** 0.5
    least = f"With {len(answers)} real images a correlation above {detectable:.2f} is significant"
    if reason is None and float(answers.max() - answers.min()) <= 1e-9 * max(float(answers.abs().max()), 1e-9):
        reason = f"{name} is the same on all {len(answers)} real images, as a dead unit is"
    if reason is not None:
        return Finding("predictive", "untestable", None, None, "none was made", f"Untestable: {reason}.")
    threshold = float(torch.quantile(controls.double(), 1 - ALPHA))
    beaten = float((others < correlation).double().mean()) if len(others) >= LEAST_OTHERS else None
    rounded = [round(item, 4) for item in controls.tolist()]
    details = {
        "correlation": correlation, "controls": rounded, "others": len(others), "better_than_others": beaten,
        "real_count": len(answers), "could_be_seen": least,
    }  # fmt: skip
    control = (
        f"{len(controls)} units with shuffled weights and images made for them: median "
        f"{float(controls.median()):.2f}, {1 - ALPHA:.1%} below {threshold:.2f}"
    )
    better = correlation > threshold
    text = (
        f"Similarity to it orders real images as {name} does with a rank correlation of {correlation:.2f}, "
        f"{'above' if better else 'not above'} what units with shuffled weights reach ({threshold:.2f})"
    )
    if beaten is not None:
        text += f"; {beaten:.0%} of the images of {len(others)} other units do worse"
    status = "pass" if better and (beaten is None or beaten >= MOST_ALIKE) else "fail"
    return Finding("predictive", status, correlation, threshold, control, f"{text}. {least}.", details)


def _ranks(values: Tensor) -> Tensor:
    """Return the ranks of each row (m, n), equal values sharing their mean rank."""
    rows = []
    for row in values.double():
        _, index, counts = torch.unique(row, return_inverse=True, return_counts=True)
        ends = counts.cumsum(0).double()
        rows.append((ends - (counts.double() - 1) / 2)[index])
    return torch.stack(rows)


def _residual(ranks: Tensor, known: Tensor) -> Tensor:
    residual = ranks - (known @ torch.linalg.lstsq(known, ranks.T).solution).T
    return torch.nn.functional.normalize(residual, dim=1)
