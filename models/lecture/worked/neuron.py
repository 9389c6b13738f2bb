"""One weight: the lecture's weight of 0.1, two steps of learning, and one input that is too large for alpha."""

from __future__ import annotations

from models.lecture.worked.comparing import compare
from models.networks.neuron import train_neuron
from xai.base.experiment import WorkedExample

__all__ = ["worked"]


def worked(row: str) -> WorkedExample:
    """Return input 2 with target 0.8, whose right weight is 0.4."""
    first, second = train_neuron([2.0], [0.8], weight=0.1, alpha=0.1, epochs=2)
    large = train_neuron([5.0], [2.0], weight=0.1, alpha=0.1, epochs=2)
    return WorkedExample(
        name="neuron",
        row=row,
        shown="Weight 0.1 as on the slide, input 2, target 0.8, alpha 0.1. Each step moves the weight's distance from "
        "0.4 by the factor 1 - alpha·input² = 0.6; at input 5 and target 2 that factor is -1.5, and the weight "
        "runs away.",
        comparisons=[
            compare("prediction, 0.1·2", 0.2, first.prediction),
            compare("error, (0.2 - 0.8)²", 0.36, first.error),
            compare("derivative, 2·(0.2 - 0.8)", -1.2, first.derivative, slide="of the error itself: twice as much"),
            compare("weight, 0.1 + 0.1·1.2", 0.22, first.updated),
            compare("second step: prediction, error", [0.44, 0.1296], [second.prediction, second.error]),
            compare("second step: derivative, weight", [-0.72, 0.292], [second.derivative, second.updated]),
            compare("input 5: weight after each step", [0.85, -0.275], [step.updated for step in large]),
        ],
        errata=("one neuron's derivative", "the squared error"),
    )
