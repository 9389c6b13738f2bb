"""How much small changes of each window change the output: what a map of sensitivity claims."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.evidence.noise_scale import noise_scale_of
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["small_change_sizes"]

DRAWS = 4  # of each window
NOISE = 0.1  # of the range of an image, a column's deviation: small, and no tiny change that only a gradient sees


def small_change_sizes(
    session: Session, explanation: Explanation, rows: list[int], labels: Tensor
) -> list[np.ndarray] | None:
    """Return by how much noise in each window changes the score, up or down, (windows, draws) for each row.

    None for words, which do not change a little, and for what a layer puts out.
    """
    inputs = session.inputs
    if not inputs.is_floating_point() or session.layer is not None:
        return None
    scale = NOISE * noise_scale_of(session, explanation)[0]
    count, found = int(labels.max()) + 1, []
    for row in rows:
        generator = session.generator(row, stream=2)
        noise = torch.randn(DRAWS, *inputs.shape[1:], generator=generator).to(inputs) * scale[row]
        inside = torch.stack([labels == number for number in range(count)]).to(inputs.device)
        inside = session.kind.spread(inside, inputs)
        changed = (inputs[row] + noise[None] * inside[:, None]).flatten(0, 1)
        limits = session.kind.limits
        changed = changed if limits is None else changed.clamp(*limits)
        whose = torch.full((len(changed),), row, device=inputs.device)
        scores = torch.cat([session.scores(changed[part], whose[part]) for part in session.chunks(len(changed))])
        before = session.scores(inputs[row : row + 1], whose[:1])
        found.append((scores - before).abs().view(count, DRAWS).cpu().numpy())
    return found
