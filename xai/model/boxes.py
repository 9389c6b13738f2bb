"""What detectors put out: slots with logits and boxes as DETR's, or lists of detections as torchvision's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from xai.base.errors import InputError, TargetError, describe

__all__ = ["best_overlap", "check_box", "query_scores"]


def check_box(box: object) -> tuple[float, float, float, float]:
    """Return a box (x1, y1, x2, y2) as numbers; raises InputError where it is none."""
    try:
        sides = [float(side) for side in box]  # ty: ignore[not-iterable] - caught below
    except (TypeError, ValueError):
        sides = []
    if len(sides) != 4 or not all(map(math.isfinite, sides)) or sides[0] >= sides[2] or sides[1] >= sides[3]:
        raise InputError("match", expected="a box (x1, y1, x2, y2) with x1 < x2 and y1 < y2", got=describe(box))
    return sides[0], sides[1], sides[2], sides[3]


def query_scores(output: Any, query: int) -> Tensor:
    """Return the logits (n, K) of a slot."""
    logits, _ = _slots(output)
    if query >= logits.shape[1]:
        raise TargetError("target", expected=f"a slot from 0 to {logits.shape[1] - 1}", got=query)
    return logits[:, query]


def best_overlap(output: Any, number: int, wanted: tuple[float, float, float, float]) -> Tensor:
    """Return the largest score times overlap with a box, over all that a detector finds of a class, (n,)."""
    if isinstance(output, list | tuple) and all(isinstance(item, Mapping) for item in output):
        return torch.stack([_best_detection(item, number, wanted) for item in output])
    logits, boxes = _slots(output)
    if number >= logits.shape[2]:
        raise TargetError("target", expected=f"a class from 0 to {logits.shape[2] - 1}", got=number)
    center, half = boxes[..., :2], boxes[..., 2:] / 2
    shares = _overlap(torch.cat([center - half, center + half], -1), wanted)
    return (logits.softmax(-1)[..., number] * shares).max(1).values


def _best_detection(found: Mapping, number: int, wanted: tuple[float, float, float, float]) -> Tensor:
    missing = [name for name in ("boxes", "labels", "scores") if not isinstance(found.get(name), Tensor)]
    if missing:
        raise TargetError("network", expected="detections with boxes, labels and scores", got=f"no {missing[0]}")
    fits = (found["labels"] == number).to(found["scores"])
    values = found["scores"] * fits * _overlap(found["boxes"], wanted)
    return values.max() if len(values) else found["scores"].sum()  # nothing found: 0, on the graph where there is one


def _slots(output: Any) -> tuple[Tensor, Tensor]:
    parts = output if isinstance(output, Mapping) else getattr(output, "__dict__", {})
    logits, boxes = parts.get("logits", parts.get("pred_logits")), parts.get("pred_boxes")
    if not isinstance(logits, Tensor) or not isinstance(boxes, Tensor) or logits.ndim != 3:
        wanted = "logits (N, Q, K) and pred_boxes (N, Q, 4), or a list of boxes, labels and scores"
        raise TargetError("network", expected=wanted, got=describe(output))
    return logits, boxes


def _overlap(boxes: Tensor, wanted: tuple[float, float, float, float]) -> Tensor:
    """Return the intersection over union of boxes (..., 4) with one."""
    one = boxes.new_tensor(wanted)
    sides = (torch.minimum(boxes[..., 2:], one[2:]) - torch.maximum(boxes[..., :2], one[:2])).clamp_min(0)
    both = sides.prod(-1)
    areas = (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1) + (one[2:] - one[:2]).prod()
    return both / (areas - both)
