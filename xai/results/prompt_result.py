"""What the attribution of a continuation to its prompt returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from xai.base.errors import InputError
from xai.results.display import Shown
from xai.results.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PromptAttribution"]


@dataclass(frozen=True, eq=False)
class PromptAttribution(Shown):
    """For each method a matrix (T, S): generated tokens by parts of the prompt, in log-probability, signed.

    Args:
        prompt: The parts of the prompt, S names.
        continuation: The tokens that were generated, T names.
        log_probability: Of each of these given the prompt and those before it, (T,).
        values: The matrices by method.
        standard_error: Of the values of methods that draw, by method.
        diagnostics: By method: what its rows add up to and by what share they miss it.
        evidence: A finding for each method: does hiding what it ranks highest lower the log-probability most?
        options: The keyword arguments that make it again.
        seed: Of what was drawn.
        model_digest: The SHA-256 of the weights.
    """

    prompt: tuple[str, ...]
    continuation: tuple[str, ...]
    log_probability: Tensor
    values: dict[str, Tensor]
    standard_error: dict[str, Tensor]
    diagnostics: dict[str, dict[str, Any]]
    evidence: tuple[Finding, ...]
    options: dict[str, Any]
    seed: int
    model_digest: str

    @property
    def source(self) -> tuple[tuple[str, ...], ...]:
        """Return the parts of the prompt as the one row that an `Alignment` would have."""
        return (self.prompt,)

    @property
    def target(self) -> tuple[tuple[str, ...], ...]:
        """Return the generated tokens as the one row that an `Alignment` would have."""
        return (self.continuation,)

    def matrices(self, row: int = 0) -> dict[str, Tensor]:
        """Return the matrices (T, S) by method.

        Args:
            row: There is one, 0.
        """
        return dict(self.values)

    def summed(self, method: str) -> Tensor:
        """Return what each part of the prompt adds to the log-probability of the whole continuation, (S,).

        Args:
            method: By name.

        Raises:
            InputError: There are no values of it.
        """
        if method not in self.values:
            raise InputError(
                "method", expected=f"one of {', '.join(self.values)}", got=repr(method), operation="summed"
            )
        return self.values[method].sum(0)

    def to_frame(self) -> pd.DataFrame:
        """Return a long table: step and token, position and part, and the number of each method."""
        from xai.base.renamed_columns import RenamedColumns

        rows = []
        parts = {name: matrix.tolist() for name, matrix in self.values.items()}
        for step, token in enumerate(self.continuation):
            for position, part in enumerate(self.prompt):
                numbers = {name: matrix[step][position] for name, matrix in parts.items()}
                rows.append({"step": step, "token": token, "position": position, "part": part, **numbers})
        return RenamedColumns(rows, {"place": "position"})

    def __repr__(self) -> str:
        names = ", ".join(self.values)
        return f"PromptAttribution({len(self.continuation)} tokens by {len(self.prompt)} parts; {names})"
