"""Texts with a trigger: one word decides an output, another word the other output, the rest are filler.

Texts of 6 to 14 words are drawn from a vocabulary of 60. A world draws two triggers for each of two outputs; six other
words are as rare, and decide nothing. Read by the mean of word vectors and an MLP, by a GRU, or by a function of
strings that is not differentiable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

import xai
from benchmarks.worlds.case import ACCURACY, FALL, KEPT, Case, Family, Rejected, log_scores
from benchmarks.worlds.networks import GRU, EmbeddingMean, seeded, train

__all__ = ["FAMILY"]

WORDS = 60
CLASSES = ("first", "second")
STEPS = {"mean": 300, "gru": 300}
SHORTEST, LONGEST = 6, 14


@dataclass(frozen=True)
class Triggers:
    """Words by their place in the vocabulary: two for each output (2, 2), six that are as rare, and all the others."""

    deciding: Tensor
    rare: Tensor
    filler: Tensor


def make(seed: int, shape: str, rows: int) -> Case:
    """Return a case of a seed; raises Rejected where the network listens to another word, or not to its own."""
    generator = torch.Generator().manual_seed(seed)
    vocabulary = _vocabulary(generator)
    order = torch.randperm(WORDS, generator=generator)
    triggers = Triggers(order[:4].view(2, 2), order[4:10], order[10:])
    model = _model(seed, shape, vocabulary, triggers, generator)
    texts, there, _ = _texts(300, triggers, generator)
    written = _written(texts, vocabulary)
    accuracy = float(((model.predict(written) > 0.5) == (there > 0.5)).double().mean())
    if accuracy < ACCURACY:
        raise Rejected(f"{accuracy:.0%} of answers to fresh texts are right")
    texts, _, at = _texts(4 * rows, triggers, generator, both=True)
    target = torch.randint(2, (len(texts),), generator=generator)
    written = _written(texts, vocabulary)
    owners = [int(own[one]) for own, one in zip(at, target, strict=True)]
    right, fall, kept = _confirmed(model, texts, owners, target.tolist(), vocabulary, triggers, generator)
    chosen = torch.where(right)[0][:rows].tolist()
    if len(chosen) < rows:
        raise Rejected(f"interventions confirm {int(right.sum())} of {len(texts)} texts, {rows} asked")
    wanted, others = ([int(one) for one in part[chosen]] for part in (target, 1 - target))
    rare = [torch.isin(texts[row], triggers.rare).float() for row in chosen]
    return Case(
        "texts", shape, seed, model, [written[row] for row in chosen], wanted, others,
        _maps(model, texts, at, chosen, wanted, vocabulary), "padding" if shape != "callable" else None,
        _maps(model, texts, at, chosen, others, vocabulary), rare, accuracy=accuracy,
        fall=float(fall[chosen].min()), kept=float(kept[chosen].max()),
    )  # fmt: skip


def _vocabulary(generator: torch.Generator) -> list[str]:
    """Return distinct words of three to eight letters."""
    words: list[str] = []
    while len(words) < WORDS:
        letters = torch.randint(97, 123, (int(torch.randint(3, 9, (), generator=generator)),), generator=generator)
        word = "".join(map(chr, letters.tolist()))
        words += [word] if word not in words else []
    return words


def _model(seed: int, shape: str, vocabulary: list[str], triggers: Triggers, generator: torch.Generator) -> xai.Model:
    if shape == "callable":
        known = [{vocabulary[index] for index in part} for part in triggers.deciding.tolist()]

        def probabilities(texts: list[str]) -> np.ndarray:
            there = [[bool(own & set(text.split())) for own in known] for text in texts]
            return np.where(there, 0.95, 0.05)

        return xai.Model.from_callable(probabilities, task="multilabel", classes=CLASSES, input=xai.TextInput())
    network = seeded(seed, lambda: (EmbeddingMean if shape == "mean" else GRU)(WORDS + 2, len(CLASSES)))

    def draw(count: int) -> tuple[Tensor, Tensor]:
        texts, there, _ = _texts(count, triggers, generator)
        return torch.nn.utils.rnn.pad_sequence([text + 2 for text in texts], batch_first=True), there

    train(network, draw, steps=STEPS[shape], rate=0.03, loss=binary_cross_entropy_with_logits)
    return xai.Model(network, task="multilabel", classes=CLASSES, input=xai.TextInput(vocabulary))


def _texts(
    count: int, triggers: Triggers, generator: torch.Generator, both: bool = False
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Return texts as places in the vocabulary, which outputs' triggers are there (N, 2), and where (N, 2), -1 nowhere.

    No word comes twice. Each output has its trigger in half of the texts, with `both` in all of them.
    """
    lengths = torch.randint(SHORTEST, LONGEST + 1, (count,), generator=generator).tolist()
    there = torch.rand(count, 2, generator=generator) < (1.0 if both else 0.5)
    texts, at = [], torch.full((count, 2), -1)
    for row, length in enumerate(lengths):
        words = triggers.filler[torch.randperm(len(triggers.filler), generator=generator)[:length]].clone()
        slots = torch.randperm(length, generator=generator)
        words[slots[2:4]] = triggers.rare[torch.randperm(len(triggers.rare), generator=generator)[:2]]
        for output in torch.where(there[row])[0].tolist():
            which = int(torch.randint(2, (), generator=generator))
            words[slots[output]] = triggers.deciding[output, which]
            at[row, output] = slots[output]
        texts.append(words)
    return texts, there.float(), at


def _written(texts: list[Tensor], vocabulary: list[str]) -> list[str]:
    return [" ".join(vocabulary[index] for index in text.tolist()) for text in texts]


def _without(texts: list[Tensor], at: list[int]) -> list[Tensor]:
    """Return texts without the word at a place each."""
    return [torch.cat([text[:index], text[index + 1 :]]) for text, index in zip(texts, at, strict=True)]


def _confirmed(
    model: xai.Model,
    texts: list[Tensor],
    at: list[int],
    target: list[int],
    vocabulary: list[str],
    triggers: Triggers,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return which texts interventions confirm, the falls when the trigger is taken out, and the largest changes.

    A change: when any other single word is taken out, when only the trigger stays, and when all others are drawn anew.
    """
    whole = log_scores(model, _written(texts, vocabulary), target)
    fall = whole - log_scores(model, _written(_without(texts, at), vocabulary), target)
    alone = [text[index : index + 1] for text, index in zip(texts, at, strict=True)]
    anew = []
    for text, index in zip(texts, at, strict=True):
        drawn = triggers.filler[torch.randperm(len(triggers.filler), generator=generator)[: len(text)]].clone()
        drawn[index] = text[index]
        anew.append(drawn)
    changes = [whole - log_scores(model, _written(changed, vocabulary), target) for changed in (alone, anew)]
    longest = max(map(len, texts))
    for step in range(1, longest):  # the word so many places behind the trigger, around the end
        others = [(index + 1 + (step - 1) % (len(text) - 1)) % len(text) for text, index in zip(texts, at, strict=True)]
        changes.append(whole - log_scores(model, _written(_without(texts, others), vocabulary), target))
    kept = torch.stack(changes).abs().amax(0)
    return (fall >= FALL) & (kept <= KEPT * fall), fall, kept


def _maps(
    model: xai.Model, texts: list[Tensor], at: Tensor, chosen: list[int], target: list[int], vocabulary: list[str]
) -> list[Tensor]:
    """Return maps that give a text's trigger of an output the fall of its log-probability, and all other words 0."""
    own = [texts[row] for row in chosen]
    slots = [int(at[row, one]) for row, one in zip(chosen, target, strict=True)]
    before = log_scores(model, _written(own, vocabulary), target)
    falls = before - log_scores(model, _written(_without(own, slots), vocabulary), target)
    maps = []
    for text, slot, fall in zip(own, slots, falls.tolist(), strict=True):
        values = torch.zeros(len(text))
        values[slot] = max(fall, 1e-3)
        maps.append(values)
    return maps


FAMILY = Family(make, ("mean", "gru", "callable"))
