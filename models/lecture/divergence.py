"""Claim 18: alpha tames divergence when inputs are large; one sample diverges exactly when alpha x^2 > 2."""

from __future__ import annotations

from xai.base.experiment import Outcome, Panel, Series

__all__ = ["errors", "experiment", "factor"]


def factor(alpha: float, x: float) -> float:
    """Return what one update multiplies the error by: w <- w - alpha x (w x - target) makes it 1 - alpha x^2.

    >>> factor(0.5, 2.0)
    -1.0
    """
    return 1 - alpha * x * x


def errors(alpha: float, x: float, steps: int, target: float = 0.8, weight: float = 0.1) -> list[float]:
    """Return |prediction - target| before each of the updates, by running them."""
    found = []
    for _ in range(steps):
        miss = weight * x - target
        found.append(abs(miss))
        if abs(miss) > 1e12:
            break
        weight -= alpha * x * miss
    return found


def experiment(steps: int = 60, side: int = 24) -> Outcome:
    """Run the updates over a grid of inputs and alphas and compare with alpha x^2 against 2."""
    inputs = [10 ** (-0.5 + 1.5 * number / (side - 1)) for number in range(side)]
    alphas = [10 ** (-3 + 3.5 * number / (side - 1)) for number in range(side)]
    agree = total = 0
    grown: tuple[list[float], list[float]] = ([], [])
    shrunk: tuple[list[float], list[float]] = ([], [])
    for x in inputs:
        for alpha in alphas:
            path = errors(alpha, x, steps, weight=3.0 / x + 1)
            grows = path[-1] > path[0]
            total += 1
            agree += grows == (alpha * x * x > 2)
            for positions, value in zip(grown if grows else shrunk, (x, alpha), strict=True):
                positions.append(value)
    curves = {alpha: errors(alpha, 2.0, 15) for alpha in (0.01, 0.1, 0.45, 0.55)}
    return Outcome(
        name="divergence",
        sentence="Alpha scales the update and so tames divergence when the input is large.",
        done=f"One neuron on one sample, {side} inputs from 0.3 to 10 times {side} alphas from 0.001 to 3, "
        f"{steps} updates each.",
        criterion="The error grows exactly where alpha x² > 2, on every point of the grid.",
        measured=f"{agree:,} of {total:,} pairs as the formula says",
        held=agree == total,
        numbers={"pairs as the formula says": float(agree), "pairs": float(total)},
        panels=[
            Panel(
                "Which pairs diverge",
                "input x",
                "alpha",
                [
                    Series("converges", *shrunk, style="points"),
                    Series("diverges", *grown, style="points"),
                    Series("alpha x² = 2", inputs, [2 / (x * x) for x in inputs], style="dashed"),
                ],
                log_x=True,
                log_y=True,
            ),
            Panel(
                "Error on one sample with x = 2",
                "update",
                "|prediction − target|",
                [
                    Series(f"alpha = {alpha}", [float(i) for i in range(len(path))], [max(v, 1e-9) for v in path])
                    for alpha, path in curves.items()
                ],
                log_y=True,
            ),
        ],
        remark="Each update multiplies the error by 1 − alpha x². "
        "With the factor 2 of the true derivative its limit is 1.",
    )
