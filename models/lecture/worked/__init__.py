"""The lecture's rows with numbers small enough to check by hand: one example a file, beside what the code computes."""

from __future__ import annotations

import importlib

import torch

from models.training import seeded
from xai.base.experiment import WorkedExample

__all__ = ["WORKED", "work", "work_all"]

# name -> the lecture's row; the function `worked` of models/lecture/worked/NAME.py computes it.
WORKED: dict[str, str] = {
    "neuron": "One weight: predict, compare, learn",
    "activations": "Linear stacks give no more power; activation functions do",
    "heads": "Regression, binary, one of many, several of many",
    "chain_rule": "Forward and backward pass, chain rule, gradients add at branches",
    "update_rules": "GD, momentum, NAG, Adagrad, Adadelta, RMSProp, Adam",
    "mini_batches": "Mini-batches",
    "feature_map": "Convolution, max pooling, flattening, fully connected",
    "simple_rnn": "Simple RNN, backpropagation through time, vanishing and exploding gradients",
    "gates": "LSTM and GRU with their gates",
    "last_state": "Sequence to sequence; the bottleneck",
    "attention": "Attention in five steps",
    "penalties": "L1 and L2 penalties",
    "augmentation": "Data augmentation",
    "noise": "Noise on inputs, activations, weights, gradients and outputs",
    "dropout": "Dropout",
    "early_stopping": "Early stopping",
    "pruning": "Pruning of units and of connections",
    "quantization": "Quantization",
}


def work(name: str) -> WorkedExample:
    """Compute one example on one thread and random state of its own."""
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with seeded(0):
            return importlib.import_module(f"models.lecture.worked.{name}").worked(WORKED[name])
    finally:
        torch.set_num_threads(threads)


def work_all() -> list[WorkedExample]:
    """Compute all of them, in the lecture's order."""
    return [work(name) for name in WORKED]
