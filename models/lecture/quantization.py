"""Claim 14: 8-bit weights and activations cost no significant accuracy; and what fewer bits cost."""

from __future__ import annotations

import copy

from models.compression.quantization import quantize_activations, quantize_weights, straight_through
from models.lecture.common import dense, fit, handwritten, percent, right
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment"]

KINDS = ("int8", "powers_of_two", "ternary", "binary")


def experiment(train: int = 4000, epochs: int = 5, tuning: int = 2, width: int = 128, test: int = 1000) -> Outcome:
    """Round weights, and weights and activations, after training and straight through during some more training."""
    data = handwritten(train, test)
    inputs, test_inputs = data.inputs.flatten(1), data.test_inputs.flatten(1)
    network = fit(dense(784, width, width, 10), inputs, data.labels, epochs=epochs, rate=2e-3)
    whole = right(network, test_inputs, data.test_labels)
    ways = ("weights, after", "weights, during", "weights and activations, after", "weights and activations, during")
    found: dict[str, list[float]] = {way: [] for way in ways}
    for kind in KINDS:
        for way in ways:
            made = quantize_activations(network, kind) if "activations" in way else copy.deepcopy(network)
            if "during" in way:
                fit(made, inputs, data.labels, epochs=tuning, rate=1e-3, around=straight_through(kind))
            found[way].append(right(quantize_weights(made, kind), test_inputs, data.test_labels))
    both_after = dict(zip(KINDS, found[ways[2]], strict=True))
    both_during = dict(zip(KINDS, found[ways[3]], strict=True))
    names = ["int8", "powers of 2", "ternary", "binary"]
    return Outcome(
        name="quantization",
        sentence="Weights and activations of 8 bits cost no significant accuracy; powers of two, ternary and binary "
        "ones "
        "go further.",
        done=f"Dense network 784-{width}-{width}-10 on {train:,} MNIST digits, {epochs} epochs; weights (a scale for "
        "each "
        f"unit) and activations (a scale for each example) rounded after training, or straight through during {tuning} "
        f"more epochs; {test:,} test digits.",
        criterion="With int8 weights and activations after training, the test accuracy is at most half a point below "
        "that "
        "of floating point.",
        measured=f"{percent(whole, 1)} float, {percent(both_after['int8'], 1)} int8; after / during training: powers "
        "of two "
        f"{percent(both_after['powers_of_two'], 1)} / {percent(both_during['powers_of_two'], 1)}, ternary "
        f"{percent(both_after['ternary'], 1)} "
        "/ "
        f"{percent(both_during['ternary'], 1)}, binary {percent(both_after['binary'], 1)} / "
        f"{percent(both_during['binary'], 1)}",
        held=both_after["int8"] >= whole - 0.005,
        numbers={
            "floating point": whole,
            **{f"{kind}, {way}": v for way, row in found.items() for kind, v in zip(KINDS, row, strict=True)},
        },
        panels=[
            Panel(
                "Accuracy by kind of number",
                "numbers",
                "share of test digits right",
                [
                    *(Series(way, [0.0, 1.0, 2.0, 3.0], values, style="bars") for way, values in found.items()),
                    Series("floating point", [-0.4, 3.4], [whole, whole], style="dashed"),
                ],
                categories=names,
            ),
        ],
        remark="Binary activations are the sign of what ReLU would have read. All layers are rounded, the first and "
        "the last too, which papers on binary networks leave alone. The "
        "networks trained on got more epochs than the first, so that they may beat it.",
    )
