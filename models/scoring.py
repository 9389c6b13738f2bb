"""How well a network does on rows that it does not learn from."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.datasets import Dataset
from models.heads import Head, find_head
from models.networks.seq2seq import EncoderDecoder
from xai.inputs.base import Input
from xai.inputs.text import TextInput

__all__ = ["accuracy", "run_in_parts", "summarize", "trimmed", "words_right"]

ROWS = 500  # at a time


def run_in_parts(network: nn.Module, input: Input, inputs: Tensor, targets: Tensor, head: Head) -> tuple[float, float]:
    """Return the mean loss and the mean score of a network on rows, in eval mode and without a graph."""
    network.eval()
    loss, score = 0.0, 0.0
    with torch.no_grad():
        for part, target in zip(inputs.split(ROWS), targets.split(ROWS), strict=True):
            target = trimmed(target) if head.teacher else target
            seen = input.feed(part)
            logits = network(seen, target) if head.teacher else network(seen)
            loss += float(head.loss(logits, target)) * len(part)
            score += float(head.score(logits, target).double().sum())
    return loss / len(inputs), score / len(inputs)


def summarize(head: Head, score: float, targets: Tensor) -> float:
    """Return the head's metric from a mean score: the share that is right, or of the variance that is explained."""
    if head.metric != "r2":
        return score
    variance = float(targets.double().var(correction=0))
    return 1 - score / variance if variance > 0 else float("nan")


def trimmed(symbols: Tensor) -> Tensor:
    """Return symbols (N, T) without the last steps where every sequence is padded.

    >>> trimmed(torch.tensor([[3, 1, 0, 0], [4, 5, 1, 0]])).tolist()
    [[3, 1, 0], [4, 5, 1]]
    """
    used = (symbols != 0).any(0).nonzero()
    return symbols[:, : int(used[-1]) + 1] if len(used) else symbols[:, :1]


def words_right(written: Tensor, answers: Tensor) -> Tensor:
    """Say for each written sequence (N, T) whether it is one of the right answers (N, P, U); padding (0) is no part.

    >>> words_right(torch.tensor([[3, 1, 0]]), torch.tensor([[[4, 1], [3, 1], [0, 0]]])).tolist()
    [True]
    """
    longest = max(written.shape[1], answers.shape[2])
    written = functional.pad(written, (0, longest - written.shape[1]))
    answers = functional.pad(answers, (0, longest - answers.shape[2]))
    same = (written[:, None, :] == answers).all(2)
    return (same & (answers != 0).any(2)).any(1)


def accuracy(network: nn.Module, data: Dataset, task: str = "classification") -> float:
    """Return the metric of a task on the test part: the share that is right, R2 for a regression.

    A sequence is written by the network itself, and right where it is one of those listed.
    """
    head = find_head(task)
    if not head.teacher:
        _, score = run_in_parts(network, data.input, data.test_inputs, data.test_labels, head)
        return summarize(head, score, data.test_labels)
    network.eval()
    writer = cast(EncoderDecoder, network)  # what learns sequences writes them
    with torch.no_grad():
        right = [
            words_right(writer.write(TextInput.of(data.input).as_numbers(part)).symbols, targets)
            for part, targets in zip(data.test_inputs.split(ROWS), data.test_labels.split(ROWS), strict=True)
        ]
    return float(torch.cat(right).double().mean())
