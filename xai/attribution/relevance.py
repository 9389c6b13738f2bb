"""What is kept of one call of LRP: the relevance that stays behind on the way back, and which rule ran where."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from xai.model.session import Session
from xai.network.hooks import running

__all__ = ["Account"]


class Account:
    """The relevance that stays behind, per row of the session in float64, and the rules by layer and operation."""

    def __init__(self, session: Session) -> None:
        self.biases = torch.zeros(len(session), dtype=torch.float64, device=session.inputs.device)
        self.epsilon = torch.zeros_like(self.biases)
        self.softmax = torch.zeros_like(self.biases)
        self.rows = session.rows
        self.rules: dict[str, dict[str, str]] = {}
        self._network, self._at = session.plan.network, [""]
        modules = self._network.named_modules()
        # torch's own module works on (L, N, E), whatever order it is called with.
        self._steps_first = {name for name, module in modules if isinstance(module, nn.MultiheadAttention)}

    @contextmanager
    def of(self, rows: Tensor) -> Generator[None]:
        """Count what is run in the body for these rows (n,)."""
        self.rows = rows
        with running(self._network) as self._at:
            yield

    @property
    def at_work(self) -> str:
        """Return the name of the layer at work, the innermost."""
        return self._at[-1]

    def ran(self, operation: str, rule: str) -> bool:
        """Note that an operation of the layer at work has a rule; say whether its rows lie behind its steps."""
        self.rules.setdefault(self._at[-1], {})[operation] = rule
        return self._at[-1] in self._steps_first

    def layer(self, relevance: Tensor, handed_on: Tensor, biases: Tensor, steps_first: bool) -> None:
        """Count one layer with weights: the relevance that came, what it handed on, and what its biases took."""
        if steps_first:  # (L, N, E), or (L N, E)
            parts = (part.view(-1, len(self.rows), part.shape[-1]) for part in (relevance, handed_on, biases))
            relevance, handed_on, biases = (part.transpose(0, 1) for part in parts)
        came, left, taken = (self._by_row(part) for part in (relevance, handed_on, biases))
        if came is None or left is None or taken is None:
            return  # rows are mixed into another axis: what is lost here counts as lost elsewhere
        self.biases[self.rows] += taken
        self.epsilon[self.rows] += came - left - taken

    def constants(self, biases: Tensor) -> None:
        """Count what the biases of a normalization took, like its output."""
        taken = self._by_row(biases)
        if taken is not None:
            self.biases[self.rows] += taken

    def first_order(self, came: Tensor, left: Tensor) -> None:
        """Count what a softmax took: its value less its first order at what came in."""
        before, after = self._by_row(came, heads=True), self._by_row(left, heads=True)
        if before is not None and after is not None:
            self.softmax[self.rows] += before - after

    def _by_row(self, values: Tensor, heads: bool = False) -> Tensor | None:
        """Return sums by row; None where the first axis is not that of rows, or (`heads`) of rows times heads."""
        count = len(self.rows)
        if len(values) != count and not (heads and len(values) % count == 0):
            return None
        return values.reshape(count, -1).sum(1, dtype=torch.float64)
