"""What is kept of a model's network between calls: found once, by the identity and version of what it was found of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from xai.model.batch_rows import Rows
from xai.model.plan import FasterForms
from xai.network.trace import Trace

if TYPE_CHECKING:
    from xai.model.model import Model
    from xai.model.target_function import TargetFunction

__all__ = ["Memory"]


class Memory:
    """The traces of a network by the shape of a row, its faster form, and whether it gives the same output twice.

    outputs_seen: numbers that were compared with what was declared of the network's outputs. rows: how it wants its
    rows. read: the path of the tensor that was last taken for the scores. aimed: models whose outputs are targets.
    time_known: whether it is settled which axis of a series is time. step: between two neighboring scores of the type
    that the network puts out, as a share of them.
    """

    def __init__(self, *, time_known: bool = False) -> None:
        self.time_known = time_known
        self.traces: dict[tuple[int, ...], tuple[list[nn.Module], Trace]] = {}
        self.forms = FasterForms()
        self.outputs_seen = 0
        self.rows = Rows()
        self.read = ""
        self.step = 0.0
        self.aimed: list[tuple[tuple[TargetFunction, ...], Model]] = []
        self._deterministic: tuple[tuple, dict[tuple[int, ...], bool]] = ((), {})

    def determinism_of(self, version: tuple) -> dict[tuple[int, ...], bool]:
        """Return what was found of weights of this version, by the shape of a row; that of others is forgotten."""
        if self._deterministic[0] != version:
            self._deterministic = version, {}
        return self._deterministic[1]

    def widened(self, scores: Tensor) -> Tensor:
        """Return scores in at least float32, and keep how coarsely they came."""
        self.step = torch.finfo(scores.dtype).eps
        return scores.to(torch.promote_types(scores.dtype, torch.float32))
