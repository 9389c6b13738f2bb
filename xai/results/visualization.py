"""What `visualize` returns: the inputs that it made, how they came about, and the evidence for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from xai.base.errors import InputError
from xai.results.display import Shown
from xai.results.explanation_file import SCHEMA_VERSION
from xai.results.finding import Finding

__all__ = ["Visualization"]


@dataclass(frozen=True, eq=False)
class Visualization(Shown):
    """A batch of optimized inputs, one per objective (and copy).

    Args:
        objective: What each was made for.
        values: In the caller's units: of images (N, C, H, W), also as `image`; of rows (N, D); of series (N, T, D); of
            texts numbers of words (N, L).
        activations: The objective at each step under that step's small changes, (N, steps).
        reached: The objective on the finished input, unchanged, (N,).
        transformed: Its mean over fresh changes, (N,).
        snapshots: The inputs at chosen steps, by step.
        options: The settings that it was made with.
        model_digest: The SHA-256 of the weights.
        seed: Of the noise.
        kind: Of the inputs, such as "image".
        names: Of the columns or channels, where they have names.
        words: Of texts, the words of each.
        diagnostics: One dictionary per row: `started`, the objective at the start; `stopped`, the step of an early
            stop; of texts `relaxed`, before words became real ones.
        evidence: One tuple of findings per row.
        schema_version: Of its saved form.
    """

    objective: tuple[str, ...]
    values: Tensor
    activations: Tensor
    reached: Tensor
    transformed: Tensor
    snapshots: dict[int, Tensor]
    options: dict[str, Any]
    model_digest: str
    seed: int
    kind: str = "image"
    names: tuple[str, ...] = ()
    words: tuple[tuple[str, ...], ...] | None = None
    diagnostics: tuple[dict[str, Any], ...] = ()
    evidence: tuple[tuple[Finding, ...], ...] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def image(self) -> Tensor:
        """Return the images (N, C, H, W); raises InputError where something else was made."""
        if self.kind != "image":
            raise InputError("image", expected="a visualization of images", got=f"one of {self.kind}")
        return self.values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Visualization:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Visualization: index: expected one below {len(self)}, got {index}")
        row = index % len(self)
        return self.rows(row, row + 1)

    def rows(self, start: int, stop: int) -> Visualization:
        """Return some rows as a batch.

        Args:
            start: The first row.
            stop: The row behind the last.
        """
        part = slice(start, stop)
        names = ("objective", "values", "activations", "reached", "transformed", "words", "diagnostics", "evidence")
        parts = {name: getattr(self, name)[part] for name in names if getattr(self, name) is not None}
        return replace(self, **parts, snapshots={step: items[part] for step, items in self.snapshots.items()})

    def __iter__(self) -> Iterator[Visualization]:
        return (self[index] for index in range(len(self)))

    def finding(self, check: str, row: int = 0) -> Finding | None:
        """Return a row's finding of one check, None where it was not made.

        Args:
            check: The check's name.
            row: The row's number.
        """
        return next((item for item in (self.evidence[row] if self.evidence else ()) if item.check == check), None)

    def __repr__(self) -> str:
        return f"Visualization({', '.join(self.objective[:3])}{', ...' if len(self) > 3 else ''})"
