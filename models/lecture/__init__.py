"""The lecture's claims, one experiment each; by name and in the order of the lecture."""

from __future__ import annotations

import dataclasses
import importlib
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import torch

from models.training import seeded
from xai.base.errors import InputError
from xai.base.experiment import Outcome

__all__ = ["ERRATA", "EXPERIMENTS", "SECONDS", "choose", "run", "run_all"]

# name -> what it asks; the function `experiment` of models/lecture/NAME.py answers.
EXPERIMENTS: dict[str, str] = {
    "linear_stacks": "Do stacked linear layers fit more than one?",
    "optimizers": "How do the seven optimizers differ?",
    "correlation": "Does a weight learn the correlation?",
    "max_pooling": "Does max pooling tolerate small shifts?",
    "recurrent_gradients": "How far back do gradients reach?",
    "recall": "Who remembers longer?",
    "bottleneck": "Is the last state a bottleneck?",
    "weight_penalties": "What do L1 and L2 do to weights?",
    "noise": "Does noise lower the error and the weights?",
    "dropout": "Does dropout lower overfitting?",
    "early_stopping": "Does early stopping find the best epoch?",
    "complexity": "Do bias and variance trade?",
    "pruning": "Can 75 to 90 % of the neurons go?",
    "quantization": "Do 8 bits suffice, or fewer?",
    "augmentation": "Does augmentation help, and can it harm?",
    "mini_batches": "Do mini-batches steady the updates?",
    "layer_probes": "Do layers get more informative?",
    "divergence": "Does alpha tame divergence?",
}

# About how long one takes on one thread; for the others, 5 s.
SECONDS: dict[str, int] = {
    "recall": 30,
    "bottleneck": 55,
    "augmentation": 30,
    "quantization": 25,
    "pruning": 25,
    "max_pooling": 15,
    "dropout": 15,
    "complexity": 15,
    "noise": 10,
    "weight_penalties": 10,
    "layer_probes": 10,
}

ERRATA: tuple[tuple[str, str], ...] = (
    ("sigmoid", "is 1/(1+e^-x); the slide has e^x, which falls where it should rise"),
    ("softmax", "divides by the sum of exp(x_j), not of exp(j)"),
    ("gradient descent", "subtracts: W <- W - alpha dJ/dW; the slide adds, and W += W + ... doubles W besides"),
    ("one neuron's derivative", "has a factor 2 for the squared error; the slide lets alpha take it up"),
    ("injectivity", "is what no two inputs with the same output means; ReLU is monotonic and lacks it"),
    ("the squared error", "is never negative, rather than always positive; squaring shrinks only what is below 1"),
    ("the optimizer", "applies gradients; backpropagation computes them"),
    ("momentum", "is a decaying sum of all past gradients, not the gradient of the previous step"),
    ("backpropagation through time", "means the immediate derivative by dh_k/dw, and both sums start alike"),
    ("the GRU's output gate", "is its candidate state; a GRU has no output gate"),
    ("the LSTM's past", "decays geometrically at any forget gate below 1; it is not kept until the gate closes"),
    ("weight penalties", "are alpha Omega on the left and Omega on the right: alpha is missing"),
    ("the L2 penalty", "is 1/2 the sum of squares; the slide's second line takes the root, which is the norm"),
    (
        "dropout's p",
        "is first the chance to drop, then to keep: at test time the factor is 1 - p; PyTorch divides by it in "
        "training",
    ),
    ("dropout's draw", "is one for each element in PyTorch, not one for each mini-batch"),
    ("mean activation", "stands beside a sum; here a channel is a mean, DeepDream a mean of squares"),
    (
        "powers of two",
        "nearest in log2 to 1.27 and -0.38 are 2^0 and -2^-1; no one rule gives the table's 2^1 and +2^0",
    ),
    ("the second feature map", "has 1 in row 2, column 4, where the slide has -1"),
)


def choose(names: Iterable[str]) -> list[str]:
    """Return experiments by name or number, in the lecture's order; all of them where none is named.

    >>> choose(["18", "linear_stacks"])
    ['linear_stacks', 'divergence']
    """
    known = list(EXPERIMENTS)
    chosen = set()
    for name in names:
        plain = name.strip().replace("-", "_")
        if plain.isdecimal() and 1 <= int(plain) <= len(known):
            plain = known[int(plain) - 1]
        if plain not in EXPERIMENTS:
            wanted = f"a number from 1 to {len(known)} or one of {', '.join(known)}"
            raise InputError("claim", expected=wanted, got=repr(name), operation="lecture")
        chosen.add(plain)
    return [name for name in known if name in chosen or not chosen]


def run(name: str, **sizes: object) -> Outcome:
    """Run one experiment, by default in its full size, on one thread and random state of its own; both are restored.

    Networks this small gain nothing from a second thread, and lose much where the machine is busy.
    """
    (name,) = choose([name])
    experiment = importlib.import_module(f"models.lecture.{name}").experiment
    started, threads = time.process_time(), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with seeded(0):
            outcome = experiment(**sizes)
    finally:
        torch.set_num_threads(threads)
    number = list(EXPERIMENTS).index(name) + 1
    return dataclasses.replace(outcome, name=name, number=number, seconds=time.process_time() - started)


def run_all(names: Iterable[str] = (), workers: int = 1) -> Iterator[Outcome]:
    """Run several experiments and yield their outcomes in the lecture's order; with workers, in so many processes."""
    chosen = choose(names)
    if workers <= 1 or len(chosen) == 1:
        yield from map(run, chosen)
        return
    done = 0
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            # The long ones start first, or one of them would run alone at the end.
            by_length = sorted(chosen, key=lambda name: -SECONDS.get(name, 5))
            started = {name: pool.submit(run, name) for name in by_length}
            for name in chosen:
                yield started[name].result()
                done += 1
    except BrokenProcessPool:  # a process was killed, or the script that called this cannot be imported again
        yield from map(run, chosen[done:])
