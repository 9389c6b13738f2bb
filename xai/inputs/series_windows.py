"""Windows of a series: equal ones, or those between the points where the signal changes; of all channels or of each."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.arrays import as_tensor
from xai.base.errors import InputError, describe
from xai.inputs.parts import Parts

__all__ = ["CHANNELS", "change_points", "series_parts"]

CHANNELS = ("together", "apart")
LEAST, MOST = 4, 24  # windows that the signal is cut into, where it is long enough
MOST_CUTS = 400  # points at which a longer series may be cut


def series_parts(
    series: Tensor, present: Tensor, how: object, channels: object = "together", names: tuple[str, ...] = ()
) -> Parts:
    """Return the windows of each series as parts, named by their first and last step.

    Args:
        series: (N, T, D).
        present: Which steps are no padding, (N, T); padding goes with the first part, where it makes no difference.
        how: "signal", how many windows of one length, or labels of the steps (T,) or (N, T); None is each step.
        channels: Whether all channels of a window are one part ("together"), or each is one ("apart").
        names: Of the channels.

    Raises:
        InputError: There is no such cut.
    """
    if channels not in CHANNELS:
        raise InputError("channels", expected="'together' or 'apart'", got=repr(channels))
    labels, named = [], []
    for row, present_mask in zip(series, present, strict=True):
        count = max(1, int(present_mask.sum()))
        seen = row[:count].detach().double().cpu().numpy()
        asked = _labels(how, row.shape[0], len(labels), len(series))
        groups = (
            [seen]
            if channels == "together"
            else [seen[:, position : position + 1] for position in range(seen.shape[1])]
        )
        cuts = [asked[:count] if asked is not None else _cut(group, how) for group in groups]
        owner = torch.zeros(len(row), len(groups), dtype=torch.int64)
        called: list[str] = []
        for position, cut in enumerate(cuts):
            known = names[position] if position < len(names) else f"channel {position}"
            before = "" if channels == "together" else f"{known}: "
            kept = np.unique(cut)
            owner[:count, position] = torch.from_numpy(np.searchsorted(kept, cut)) + len(called)
            called += [before + _name(np.flatnonzero(cut == label)) for label in kept]
        labels.append(owner[:, 0] if channels == "together" else owner)
        named.append(tuple(called))
    cut = how if isinstance(how, str) else "windows" if isinstance(how, int | None) else "given"
    return Parts(torch.stack(labels).to(series.device), "steps", cut, tuple(named))


def _labels(how: object, steps: int, row: int, rows: int) -> np.ndarray | None:
    """Return labels of the steps (T,) of a row where the caller gave some."""
    if how is None or isinstance(how, str | int):
        return None
    found = as_tensor(how, "segments")
    if found.is_floating_point() or tuple(found.shape) not in ((steps,), (rows, steps)):
        wanted = f"'signal', a number of windows, or whole numbers of shape ({steps},) or ({rows}, {steps})"
        raise InputError("segments", expected=wanted, got=describe(found))
    return found.expand(rows, steps)[row].cpu().numpy()


def _cut(series: np.ndarray, how: object) -> np.ndarray:
    """Return the window of each step (T,) of one series (T, D)."""
    steps = len(series)
    if how is None:
        return np.arange(steps)
    if isinstance(how, str):
        if how != "signal":
            raise InputError("segments", expected="'signal', a number of windows or labels", got=repr(how))
        return np.searchsorted(change_points(series), np.arange(steps), side="right")
    count = whole_number("segments", how, 1)
    return np.arange(steps) * min(count, steps) // steps


def _name(steps: np.ndarray) -> str:
    first, last = int(steps[0]), int(steps[-1])
    return str(first) if first == last else f"{first} to {last}"


def change_points(series: np.ndarray) -> np.ndarray:
    """Return the steps at which the mean of a series (T, D) changes, in order.

    Least squares: of all ways to cut it into as many windows the one that leaves least, by dynamic programming, and of
    all numbers of windows the one at which a further cut gains less than noise would, wherever it is made. The noise is
    estimated from the differences of neighboring steps. Between 4 and 24 windows.

    Args:
        series: (T, D).

    >>> change_points(np.repeat([0.0, 5.0, -3.0, 8.0], [3, 4, 5, 2])[:, None]).tolist()
    [3, 7, 12]
    """
    steps, channels = series.shape
    stride = -(-steps // MOST_CUTS)
    positions = np.unique(np.append(np.arange(0, steps, stride), steps))  # where it may be cut, both ends among them
    scaled = _scaled(series)
    sums = np.concatenate([np.zeros((1, channels)), scaled.cumsum(0)])[positions]
    squares = np.concatenate([np.zeros(1), (scaled**2).sum(1).cumsum()])[positions]
    length = np.maximum(positions[None, :] - positions[:, None], 1)
    # The squared error about the mean of each window, from cut i (rows) to cut j (columns).
    left = squares[None] - squares[:, None] - ((sums[None] - sums[:, None]) ** 2).sum(2) / length
    left = np.where(np.triu(np.ones_like(left, dtype=bool), 1), np.maximum(left, 0), np.inf)
    most = min(MOST, len(positions) - 1)
    best, origin = [left[0]], []
    for _ in range(most - 1):
        options = best[-1][:, None] + left
        origin.append(options.argmin(0))
        best.append(options.min(0))
    price = 2 * (channels + 1) * np.log(max(steps, 2))
    least = min(LEAST, most)
    total = [best[count - 1][-1] + price * count for count in range(1, most + 1)]
    count = least + int(np.argmin(total[least - 1 :]))
    found, position = [], len(positions) - 1
    for back in range(count - 2, -1, -1):
        position = int(origin[back][position])
        found.append(int(positions[position]))
    return np.array(found[::-1], dtype=np.int64)


def _scaled(series: np.ndarray) -> np.ndarray:
    """Return a series in units of its noise; a channel without any in units of its spread."""
    if len(series) < 2:
        return np.zeros_like(series)
    noise = 1.4826 * np.median(np.abs(np.diff(series, axis=0)), axis=0) / np.sqrt(2)
    std = series.std(0)
    scale = np.where(noise > 1e-6 * std, noise, 0.05 * std)
    return (series - series.mean(0)) / np.where(scale > 0, scale, 1.0)
