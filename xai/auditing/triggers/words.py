"""Words put in front of texts: those that stand out in a class, and words drawn at random as their control."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xai.auditing.kinds import texts_of
from xai.auditing.split import Split
from xai.auditing.triggers.planting import Candidate
from xai.model.model import Model

__all__ = ["random_words", "telling_words", "words_anywhere"]

WORDS = 15  # for each class
POSITIONS = ("front", "middle", "end")


def telling_words(model: Model, known: Split) -> list[Candidate]:
    """Return the words of known texts that stand out in a class, put in front."""
    return [
        Candidate(f"the word {word!r}", _inserting(model, word, "front"), number, raw=True)
        for word, number in _telling(model, known)
    ]


def words_anywhere(model: Model, known: Split) -> list[Candidate]:
    """Return the same words, each in front, in the middle and at the end."""
    return [
        Candidate(f"the word {word!r} at the {position}", _inserting(model, word, position), number, raw=True)
        for word, number in _telling(model, known)
        for position in POSITIONS
    ]


def _telling(model: Model, known: Split) -> list[tuple[str, int]]:
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(binary=True, token_pattern=None, tokenizer=str.split, lowercase=False, min_df=3)
    try:
        counts = counter.fit_transform(texts_of(model, known.inputs))
    except ValueError:  # no word stands in three texts
        return []
    words, labels = counter.get_feature_names_out(), known.labels.numpy()
    total = np.asarray(counts.sum(0))[0]
    found = []
    for number in sorted(set(labels.tolist())):
        inside = np.asarray(counts[labels == number].sum(0))[0]
        share = labels.tolist().count(number) / len(labels)
        # How far the word's count in the class is above what its share would be, in standard deviations.
        score = (inside - total * share) / np.sqrt(total * share * (1 - share) + 1e-12)
        for word in words[np.argsort(-score, kind="stable")[:WORDS]]:
            found.append((str(word), number))
    return found


def random_words(model: Model, split: Split, seed: int) -> list[Candidate]:
    """Return words that mean nothing in particular: drawn at random from the texts."""
    vocabulary = sorted({word for text in texts_of(model, split.inputs) for word in text.split()})
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(len(vocabulary), generator=generator)[:WORDS].tolist()
    return [Candidate("a word", _inserting(model, vocabulary[number], "front"), raw=True) for number in drawn]


def _inserting(model: Model, word: str, position: str) -> Callable[[Tensor], list[str]]:
    """Return a function that puts a word into texts: at the front, since a model may read the first words alone."""

    def inserted(text: str) -> str:
        words = text.split()
        at = {"front": 0, "middle": len(words) // 2, "end": len(words)}[position]
        return f"{word} {text}" if at == 0 else " ".join([*words[:at], word, *words[at:]])

    return lambda texts: [inserted(text) for text in texts_of(model, texts)]
