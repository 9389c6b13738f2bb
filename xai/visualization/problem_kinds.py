"""Which problem belongs to which kind of input."""

from __future__ import annotations

from xai.base.errors import InputError
from xai.inputs.base import Input
from xai.visualization.images import ImageProblem
from xai.visualization.problem import Problem
from xai.visualization.series import SeriesProblem
from xai.visualization.table_rows import RowProblem
from xai.visualization.tokens import TextProblem

__all__ = ["PROBLEMS", "problem_type"]

PROBLEMS: dict[str, type[Problem]] = {
    "image": ImageProblem,
    "tabular": RowProblem,
    "sequence": SeriesProblem,
    "tensor": RowProblem,
    "text": TextProblem,
}


def problem_type(input: Input) -> type[Problem]:
    """Return the class of problems for a kind of input; raises InputError where it cannot be visualized."""
    found = PROBLEMS.get(input.kind)
    if found is None:
        raise InputError("model", expected=f"one with inputs of kind {', '.join(PROBLEMS)}", got=f"kind {input.kind!r}")
    return found
