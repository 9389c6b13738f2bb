"""What the methods for sequences return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from torch import Tensor

from xai.core.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Alignment"]


@dataclass(frozen=True, eq=False)
class Alignment:
    """For each row a matrix (T, S), target symbols by source symbols, in up to three ways; `a[i]` is row i alone.

    `source`, `target`: the symbols' names. `probability` (T,): what the network gives each target symbol. `gradient`,
    `occlusion`: in log-probability, signed. `attention`: the weights, or None. `diagnostics`: the rank correlations
    between the matrices. `evidence`: whether answers follow the attention.
    """

    source: tuple[tuple[str, ...], ...]
    target: tuple[tuple[str, ...], ...]
    probability: list[Tensor]
    gradient: list[Tensor]
    occlusion: list[Tensor]
    attention: list[Tensor] | None
    diagnostics: tuple[dict[str, object], ...]
    evidence: tuple[tuple[Finding, ...], ...]
    options: dict[str, object]
    seed: int
    model_digest: str

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Alignment:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Alignment: index: expected one below {len(self)}, got {index}")
        row = index % len(self)
        whole = ("options", "seed", "model_digest")
        own = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in whole}
        return replace(self, **{name: value[row : row + 1] for name, value in own.items() if value is not None})

    def __iter__(self) -> Iterator[Alignment]:
        return (self[index] for index in range(len(self)))

    def matrices(self, row: int = 0) -> dict[str, Tensor]:
        """Return the matrices (T, S) of one row by name."""
        found = {"gradient": self.gradient, "occlusion": self.occlusion, "attention": self.attention}
        return {name: parts[row] for name, parts in found.items() if parts is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return a long table: row, step and target, place and source, and each matrix's number."""
        import pandas as pd

        rows = []
        for row, (source, target) in enumerate(zip(self.source, self.target)):
            parts = {name: matrix.tolist() for name, matrix in self.matrices(row).items()}
            for step, said in enumerate(target):
                for place, read in enumerate(source):
                    numbers = {name: matrix[step][place] for name, matrix in parts.items()}
                    rows.append({"row": row, "step": step, "target": said, "place": place, "source": read, **numbers})
        return pd.DataFrame(rows)

    def plot(self, row: int = 0):
        """Draw the matrices of one row as a matplotlib figure."""
        from xai.render.sequences import alignment_figure

        return alignment_figure(self[row])

    def _repr_html_(self) -> str:
        from xai.render.notebook import result_html

        return result_html(self, f"Alignment of {len(self)} sequences")

    def __repr__(self) -> str:
        names = ", ".join(self.matrices()) if len(self) else ""
        return f"Alignment({len(self)} rows; {names})"
