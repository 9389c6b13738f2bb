"""Additive tables: 5 to 40 columns, of which one to four decide an output and as many others the second one.

Each output is a sum of functions of one column each, so that the exact contribution of a column against a baseline is
its function's difference. The networks are set by hand (a linear one) or trained to these sums (a narrow and a deep
MLP); a trained one counts where it repeats the sums, and where interventions on single columns give these differences.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

import xai
from benchmarks.worlds.case import Case, Family, Rejected
from benchmarks.worlds.networks import seeded, train

__all__ = ["FAMILY"]

# A network counts where it explains this share of the sums' variance on fresh rows; a row where no single column, set
# to the baseline alone or with all columns that do not decide, misses its contribution by more than this share of the
# largest one, and where that is at least this many standard deviations of the output.
EXPLAINED, MISSED, LEAST = 0.98, 0.1, 0.5
STEPS = 900
KINDS: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda x: x,
    lambda x: -x,
    lambda x: 1.5 * torch.relu(x),
    lambda x: 1.5 * (1 - x.abs()),
    lambda x: 1.5 * torch.tanh(2 * x),
)


def make(seed: int, shape: str, rows: int) -> Case:
    """Return a case of a seed; raises Rejected where the network does not repeat the sums."""
    generator = torch.Generator().manual_seed(seed)
    columns = int(torch.randint(5, 41, (), generator=generator))
    count = int(torch.randint(1, min(4, columns // 2) + 1, (), generator=generator))
    order = torch.randperm(columns, generator=generator)
    deciding = order[:count], order[count : 2 * count]
    functions = [[_function(shape, generator) for _ in part] for part in deciding]
    baseline = 0.5 * torch.randn(columns, generator=generator)

    def parts(inputs: Tensor) -> Tensor:
        """Return the contribution of every column to both outputs, (N, 2, columns)."""
        found = torch.zeros(len(inputs), 2, columns)
        for output, (part, own) in enumerate(zip(deciding, functions, strict=True)):
            for column, function in zip(part.tolist(), own, strict=True):
                found[:, output, column] = function(inputs[:, column]) - function(baseline[column])
        return found

    def draw(number: int) -> tuple[Tensor, Tensor]:
        inputs = torch.randn(number, columns, generator=generator)
        return inputs, parts(inputs).sum(2)

    network = _linear(columns, parts, baseline) if shape == "linear" else _mlp(seed, shape, columns)
    if shape != "linear":
        train(network, draw, steps=STEPS, batch=128, loss=mse_loss)
    task = ("regression", "classification")[seed // len(FAMILY.shapes) % 2]
    # As a classification, the two outputs are the logits of two classes.
    model = xai.Model(
        network.eval(), task=task, input=xai.TabularInput([f"c{number}" for number in range(columns)]),
        classes=["first", "second"],
    )  # fmt: skip
    inputs, sums = draw(500)
    with torch.no_grad():
        explained = float(1 - ((network(inputs) - sums) ** 2).mean() / sums.var(0).mean())
    if explained < EXPLAINED:
        raise Rejected(f"{explained:.1%} of the sums' variance is explained")
    inputs, target = draw(8 * rows)[0], torch.randint(2, (8 * rows,), generator=generator)
    everything = torch.arange(len(target))
    truth, other = parts(inputs)[everything, target], parts(inputs)[everything, 1 - target]
    missed = _missed(network, inputs, target, truth, baseline)
    size = truth.abs().amax(1)
    right = (missed <= MISSED * size) & (size >= LEAST * sums.std(0).mean())
    chosen = torch.where(right)[0][:rows]
    if len(chosen) < rows:
        raise Rejected(f"interventions confirm {int(right.sum())} of {len(target)} rows, {rows} asked")
    return Case(
        "tables", shape, seed, model, inputs[chosen], target[chosen].tolist(), (1 - target[chosen]).tolist(),
        list(truth[chosen]), baseline[None], list(other[chosen]), additive=True, accuracy=explained,
        fall=float(size[chosen].min()), kept=float(missed[chosen].max()),
    )  # fmt: skip


def _function(shape: str, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    kinds = KINDS[:2] if shape == "linear" else KINDS
    kind = kinds[int(torch.randint(len(kinds), (), generator=generator))]
    weight = float(0.5 + torch.rand((), generator=generator))
    return lambda values: weight * kind(values)


def _linear(columns: int, parts: Callable[[Tensor], Tensor], baseline: Tensor) -> nn.Linear:
    network = nn.Linear(columns, 2)
    with torch.no_grad():  # a step of 1 along a column adds its weight
        steps = parts(baseline + torch.eye(columns))
        network.weight.copy_(steps.diagonal(dim1=0, dim2=2))
        network.bias.copy_(-network.weight @ baseline)
    return network


def _mlp(seed: int, shape: str, columns: int) -> nn.Module:
    def build() -> nn.Module:
        if shape == "narrow":
            return nn.Sequential(nn.Linear(columns, 64), nn.ReLU(), nn.Linear(64, 2))
        return nn.Sequential(
            nn.Linear(columns, 32),
            nn.ReLU(),
            nn.Linear(32, 32),
            nn.ReLU(),
            nn.Linear(32, 32),
            nn.ReLU(),
            nn.Linear(32, 2),
        )

    return seeded(seed, build)


def _missed(network: nn.Module, inputs: Tensor, target: Tensor, truth: Tensor, baseline: Tensor) -> Tensor:
    """Return by how much interventions miss the contributions of a row at most, (N,).

    Each column is set to the baseline alone, then all columns that do not decide together, which should change nothing.
    """
    columns = inputs.shape[1]
    masks = torch.cat([torch.eye(columns, dtype=torch.bool).expand(len(inputs), -1, -1), (truth == 0)[:, None]], 1)
    batch = torch.where(masks, baseline, inputs[:, None])
    with torch.no_grad():
        whole = network(inputs)
        scores = network(batch.flatten(0, 1)).view(len(inputs), columns + 1, 2)
    rows = torch.arange(len(inputs))
    falls = whole[rows, target, None] - scores[rows, :, target]
    return (falls - torch.cat([truth, torch.zeros(len(inputs), 1)], 1)).abs().amax(1)


FAMILY = Family(make, ("linear", "narrow", "deep"))
