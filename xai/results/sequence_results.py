"""What the methods for sequences return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from torch import Tensor

from xai.results.display import Shown
from xai.results.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Alignment", "Gates"]


@dataclass(frozen=True, eq=False)
class Alignment(Shown):
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
        by_row = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in whole}
        return replace(self, **{name: value[row : row + 1] for name, value in by_row.items() if value is not None})

    def __iter__(self) -> Iterator[Alignment]:
        return (self[index] for index in range(len(self)))

    def matrices(self, row: int = 0) -> dict[str, Tensor]:
        """Return the matrices (T, S) of one row by name."""
        found = {"gradient": self.gradient, "occlusion": self.occlusion, "attention": self.attention}
        return {name: parts[row] for name, parts in found.items() if parts is not None}

    def to_frame(self) -> pd.DataFrame:
        """Return a long table: row, step and target, position and source, and each matrix's number."""
        from xai.base.renamed_columns import RenamedColumns

        rows = []
        for row, (source, target) in enumerate(zip(self.source, self.target, strict=True)):
            parts = {name: matrix.tolist() for name, matrix in self.matrices(row).items()}
            for step, symbol in enumerate(target):
                for position, read in enumerate(source):
                    numbers = {name: matrix[step][position] for name, matrix in parts.items()}
                    rows.append(
                        {"row": row, "step": step, "target": symbol, "position": position, "source": read, **numbers}
                    )
        return RenamedColumns(rows, {"place": "position"})

    def __repr__(self) -> str:
        names = ", ".join(self.matrices()) if len(self) else ""
        return f"Alignment({len(self)} rows; {names})"


@dataclass(frozen=True, eq=False)
class Gates(Shown):
    """Gates of a recurrent layer by name, for each row (T, H): steps by units, forward units first.

    `steps` names each row's steps, `directions` says in how many the layer reads. `gates["state"]`: what it puts out.
    """

    layer: str
    kind: str
    gates: dict[str, list[Tensor]]
    steps: tuple[tuple[str, ...], ...]
    directions: int
    diagnostics: tuple[dict[str, object], ...]
    model_digest: str

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int) -> Gates:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Gates: index: expected one below {len(self)}, got {index}")
        row = index % len(self)
        part = slice(row, row + 1)
        gates = {name: values[part] for name, values in self.gates.items()}
        return replace(self, gates=gates, steps=self.steps[part], diagnostics=self.diagnostics[part])

    def __iter__(self) -> Iterator[Gates]:
        return (self[index] for index in range(len(self)))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per row, gate and step: the mean over units, and the share that are nearly open or shut."""
        import pandas as pd

        rows = []
        for name, parts in self.gates.items():
            for row, values in enumerate(parts):
                for step, word in enumerate(self.steps[row]):
                    units = values[step]
                    entry = {"row": row, "gate": name, "step": step, "name": word, "mean": float(units.mean())}
                    opened, shut = float((units > 0.9).double().mean()), float((units < 0.1).double().mean())
                    between = name in ("cell", "new", "state")  # these reach from -1 to 1
                    rows.append({**entry, "open": None if between else opened, "shut": None if between else shut})
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return f"Gates({self.kind} {self.layer}, {len(self)} rows)"
