"""Explanations drawn from all over a run: enough to see what they have in common, few enough to hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xai.base.spacing import evenly
from xai.results.explanation import Explanation
from xai.runs.store import Run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sample", "coarser", "draw_sample"]

SHARDS = 100  # that are read: a shard is read whole
GRID = 16  # cells a side to which a map is averaged before maps are compared


@dataclass(frozen=True)
class Sample:
    """Some rows of a run, explained by one method.

    lines: what `Run.to_frame` says of them. values (n, d): of the columns, or of the cells of a map; None where rows
    have no values in common, as texts have. names: of the columns, none of cells. maps (n, H, W) and inputs (n, ...)
    where there are any. drawn: how many rows there were to draw from.
    """

    method: str
    lines: pd.DataFrame
    drawn: int
    values: np.ndarray | None
    names: list[str]
    maps: Tensor | None
    inputs: Tensor | None

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def pictures(self) -> Tensor | None:
        """Return the inputs (n, C, H, W) that maps lie over."""
        return self.inputs if self.maps is not None else None

    @property
    def columns(self) -> np.ndarray | None:
        """Return the inputs (n, d) where each value belongs to a column of them."""
        fits = self.names and self.inputs is not None and self.inputs.shape[1:] == (len(self.names),)
        return self.inputs.double().numpy() if fits else None


def coarser(maps: Tensor, most: int) -> Tensor:
    """Return maps (n, H, W) averaged over cells, so that no side has more than `most` of them."""
    height, width = maps.shape[1:]
    if max(height, width) <= most:
        return maps
    return torch.nn.functional.adaptive_avg_pool2d(maps[:, None], (min(most, height), min(most, width)))[:, 0]


def draw_sample(run: Run, method: str, most: int = 1000) -> Sample:
    """Return rows that were explained, evenly spread over at most a hundred shards."""
    wanted = ["row", "id", "label", "predicted", "correct", "probability", "verdict", "shard", "position", "error"]
    wanted += [f"{check}_p" for check in run.manifest.settings.checks]
    lines = run.to_frame({"method": method}, wanted)
    lines = lines[lines["error"].isna()].reset_index(drop=True)
    shards = lines["shard"].unique()
    chosen = [int(shards[index]) for index in evenly(len(shards), SHARDS)]
    each = -(-most // max(1, len(chosen)))
    parts, kept = [], []
    for shard in chosen:
        rows = np.flatnonzero(lines["shard"] == shard)
        rows = rows[evenly(len(rows), each)]
        kept.append(rows)
        numbers = set(lines["row"].iloc[rows].tolist())
        parts += [part for _, part in run.parts({"shard": shard, "row": sorted(numbers)}, method)]
    if not parts:
        return Sample(method, lines, len(lines), None, [], None, None)
    found = lines.iloc[np.concatenate(kept)].reset_index(drop=True)
    return Sample(method, found, len(lines), *_numbers(parts, run.manifest.model.drawing))


def _numbers(
    parts: list[Explanation], drawing: str
) -> tuple[np.ndarray | None, list[str], Tensor | None, Tensor | None]:
    """Return values, names, maps and inputs of all parts, those that have one shape."""
    whole = {part.inputs.shape[1:] for part in parts}
    inputs = torch.cat([part.inputs.float() for part in parts]) if len(whole) == 1 else None
    inputs = None if inputs is None or inputs.shape[1:] == (0,) else inputs
    rows = [values.float() for part in parts for values in part.values]
    if len({values.shape for values in rows}) != 1:
        return None, [], None, inputs
    first, values = parts[0], torch.stack(rows)
    if drawing == "map" and values.ndim > 2:
        maps = values.sum(1) if values.ndim == 4 else values
        cells = coarser(maps, GRID)
        return cells.flatten(1).double().numpy(), [], maps, inputs
    if values.ndim == 2 and len(first.names) == values.shape[1]:
        return values.double().numpy(), list(first.names), None, inputs
    shared = first.row_names is None
    return (values.flatten(1).double().numpy() if shared else None), [], None, inputs
