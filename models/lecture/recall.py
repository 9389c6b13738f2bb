"""Claim 6: LSTM and GRU remember longer than a simple RNN: recall of the first symbol after a lag."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.lecture.common import mean_error
from xai.base.experiment import Outcome, Panel, Series

__all__ = ["experiment", "sequences"]

SYMBOLS, DISTRACTORS = 4, 2
# The bias log(lag) makes the gate forget about once in the lag. Source: Tallec, Ollivier 2018, arXiv:1804.11188.
OPEN = (("GRU, opened", "GRU", True), ("LSTM, opened", "LSTM", True))


def sequences(count: int, lag: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return inputs (count, 1 + lag, 6), one-hot: a symbol of 4 to remember, then distractors; and the symbols."""
    targets = torch.randint(SYMBOLS, (count,), generator=draw)
    noise = SYMBOLS + torch.randint(DISTRACTORS, (count, lag), generator=draw)
    symbols = torch.cat([targets[:, None], noise], 1)
    return functional.one_hot(symbols, SYMBOLS + DISTRACTORS).float(), targets


class _Reader(nn.Module):
    def __init__(self, kind: str, size: int, keep: float | None) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(SYMBOLS + DISTRACTORS, size, batch_first=True)
        self.head = nn.Linear(size, SYMBOLS)
        # The gate that keeps the state: the forget gate, second of four, or the update gate, second of three.
        if kind == "LSTM" or keep is not None:
            with torch.no_grad():
                self.rnn.bias_ih_l0[size : 2 * size] = 1 if keep is None else keep
                self.rnn.bias_hh_l0[size : 2 * size] = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def experiment(
    lags: tuple[int, ...] = (5, 15, 40), steps: int = 400, size: int = 32, seeds: int = 2, batch: int = 32
) -> Outcome:
    """Train each on recall after each lag, and test on new sequences."""
    found: dict[str, list[tuple[float, float]]] = {}
    for name, kind, opened in (*((kind, kind, False) for kind in ("RNN", "GRU", "LSTM")), *OPEN):
        found[name] = []
        for lag in lags:
            keep = math.log(lag) if opened else None
            found[name].append(mean_error([_train(kind, lag, steps, size, seed, batch, keep) for seed in range(seeds)]))
    gain = {kind: max(a[0] - b[0] for a, b in zip(found[kind], found["RNN"], strict=True)) for kind in ("GRU", "LSTM")}
    loss = {kind: max(b[0] - a[0] for a, b in zip(found[kind], found["RNN"], strict=True)) for kind in ("GRU", "LSTM")}
    reach = {
        name: max([0, *(lag for lag, value in zip(lags, values, strict=True) if value[0] >= 0.9)])
        for name, values in found.items()
    }
    return Outcome(
        name="recall",
        sentence="LSTM and GRU remember over longer lags than a simple RNN.",
        done=f"Recall the first of {SYMBOLS} symbols after {', '.join(map(str, lags))} distractors; {size} units, "
        "torch's "
        f"start with forget bias 1, and beside it the keeping gate opened by a bias of log(lag); {steps} Adam steps "
        "with "
        f"batches of {batch}, gradients clipped at norm 1, {seeds} seeds, 500 new sequences.",
        criterion="At some lag GRU and LSTM recall at least 20 points more than the RNN, and at no lag 5 points less, "
        "at "
        "their usual start (the opened gates are shown beside it).",
        measured="90 % recall up to a lag of " + ", ".join(f"{reach[kind]} ({kind})" for kind in found),
        held=min(gain.values()) >= 0.2 and max(loss.values()) <= 0.05,
        numbers={
            f"recall after {lag}, {kind}": value[0]
            for kind, values in found.items()
            for lag, value in zip(lags, values, strict=True)
        },
        panels=[
            Panel(
                "Recall by lag",
                "lag, steps",
                "share recalled",
                [
                    *(
                        Series(kind, [float(lag) for lag in lags], [v[0] for v in values], [v[1] for v in values])
                        for kind, values in found.items()
                    ),
                    Series("by chance", [float(lags[0]), float(lags[-1])], [1 / SYMBOLS] * 2, style="dashed"),
                ],
            ),
        ],
        remark="At their usual start gated cells forget as fast as claim 5 says, and these steps do not teach them "
        "otherwise; "
        "with the keeping gate opened at the start they remember. How long each one remembers depends on its "
        "training; all "
        "got the same.",
    )


def _train(kind: str, lag: int, steps: int, size: int, seed: int, batch: int, keep: float | None) -> float:
    torch.manual_seed(seed)
    network = _Reader(kind, size, keep)
    stepper = torch.optim.Adam(network.parameters(), 0.01)
    draw = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        inputs, targets = sequences(batch, lag, draw)
        stepper.zero_grad()
        functional.cross_entropy(network(inputs), targets).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        stepper.step()
    inputs, targets = sequences(500, lag, torch.Generator().manual_seed(1000 + seed))
    with torch.no_grad():
        return float((network(inputs).argmax(1) == targets).double().mean())
