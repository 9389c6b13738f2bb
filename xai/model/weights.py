"""Which weights a result is about: read from their content once, when a result is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from xai.base.errors import XaiError
from xai.network.digest import version_key

if TYPE_CHECKING:
    from xai.model.session import Session

__all__ = ["CHANGED", "LaterDigest"]

CHANGED = "not known: the network changed before they were recorded"


class LaterDigest:
    """The digest of a model's weights at the time of a call, read when it is first asked for.

    Reading all weights takes longer than explaining a row by a large network. What was written into them meanwhile
    shows in their version or, if it was written through `.data`, in the network's answers; the digest is then
    `CHANGED`.
    """

    def __init__(self, session: Session) -> None:
        self.model, self.version = session.model, session.version
        self.inputs, self.prediction = session.raw_inputs[:1], session.prediction[:1]
        self.deterministic = not session.diagnostics[0].get("non_deterministic")

    def __call__(self) -> str:
        """Return the hexadecimal SHA-256 of the weights, or CHANGED."""
        same = self.version == version_key(self.model.network, buffers=False) and self._answers_as_before()
        return self.model.digest() if same else CHANGED

    def _answers_as_before(self) -> bool:
        try:
            now = self.model.predict(self.inputs)
        except XaiError:
            return False
        same = now.shape == self.prediction.shape
        return not self.deterministic or (same and torch.allclose(now, self.prediction, rtol=1e-3, atol=1e-4))
