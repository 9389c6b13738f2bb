"""Claim 17: layers are increasingly informative about the result: a linear probe reads each of them."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.lecture.common import convolutions, fit, handwritten, percent, right
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment", "probe"]


def probe(inputs: Tensor, labels: Tensor, test_inputs: Tensor, test_labels: Tensor, strength: float = 0.1) -> float:
    """Return the test accuracy of the best linear map (ridge) from features (N, F) to classes.

    strength: of the ridge, as a share of the mean squared feature; the same for every layer. Solved in whichever of
    the two forms is smaller.
    """
    mean, std = inputs.mean(0), inputs.std(0).clamp(min=1e-6)
    rows, test_rows = ((part - mean).div(std).clamp(-10, 10).double() for part in (inputs, test_inputs))
    sides = functional.one_hot(labels, 10).double()
    sides = sides - sides.mean(0)
    ridge = strength * len(rows)
    if rows.shape[1] <= len(rows):
        square = rows.T @ rows + ridge * torch.eye(rows.shape[1], dtype=torch.float64)
        scores = test_rows @ torch.linalg.solve(square, rows.T @ sides)
    else:
        square = rows @ rows.T + ridge * torch.eye(len(rows), dtype=torch.float64)
        scores = test_rows @ (rows.T @ torch.linalg.solve(square, sides))
    share = torch.bincount(labels, minlength=10).double() / len(labels)
    return float(((scores + share).argmax(1) == test_labels).double().mean())


def experiment(train: int = 1500, epochs: int = 5, test: int = 1000) -> Outcome:
    """Probe each layer of a trained convolutional network, and of the same one before training."""
    data = handwritten(train, test)
    layers = {"pixels": 0, "conv 1": 3, "conv 2": 6, "hidden": 9, "logits": 10}
    network = convolutions(8, 16, 64)
    found = {"untrained": _probe_all(network, data, layers)}
    fit(network, data.inputs, data.labels, epochs=epochs, rate=3e-3)
    found["trained"] = _probe_all(network, data, layers)
    trained = found["trained"]
    smallest = min(after - before for before, after in itertools.pairwise(trained))
    names = list(layers)
    return Outcome(
        name="layer_probes",
        sentence="The layers of a network are increasingly informative about the result.",
        done=f"Convolutional network on {train:,} MNIST digits, {epochs} epochs; a linear probe (ridge) on each "
        "layer's "
        f"output, fitted on the same digits; the untrained network as a control; {test:,} test digits.",
        criterion="From each layer to the next the probe loses at most half a point, and it gains at least two points "
        "from "
        "pixels to logits.",
        measured=f"probe {percent(trained[0], 1)} on pixels, "
        + ", ".join(f"{percent(v, 1)} {n}" for n, v in zip(names[1:], trained[1:], strict=True))
        + f"; untrained logits {percent(found['untrained'][-1], 1)}",
        held=smallest >= -0.005 and trained[-1] >= trained[0] + 0.02,
        numbers={
            **{f"{name}, {state}": v for state, values in found.items() for name, v in zip(names, values, strict=True)},
            "the network itself": right(network, data.test_inputs, data.test_labels),
        },
        panels=[
            Panel(
                "Accuracy of a linear probe by layer",
                "layer",
                "share of test digits right",
                [
                    Series("trained", [float(i) for i in range(len(names))], trained),
                    Series("untrained", [float(i) for i in range(len(names))], found["untrained"], style="dashed"),
                ],
                categories=names,
            ),
        ],
        remark="Informative to a linear reader: the pixels hold everything that any layer does. The wide "
        "convolutional layers "
        "give the probe more to read than the 64 hidden units that follow.",
    )


def _probe_all(network: nn.Sequential, data, layers: dict[str, int]) -> list[float]:
    network.eval()
    with torch.no_grad():
        parts = [
            (network[:end](data.inputs).flatten(1), network[:end](data.test_inputs).flatten(1))
            for end in layers.values()
        ]
    return [probe(inputs, data.labels, test_inputs, data.test_labels) for inputs, test_inputs in parts]
