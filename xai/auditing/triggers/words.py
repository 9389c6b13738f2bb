"""Words put in front of texts: those that stand out in a class, and words drawn at random as their control."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xai.auditing.audit_data import Split
from xai.auditing.kinds import texts_of
from xai.auditing.triggers.planting import Candidate
from xai.model.model import Model

__all__ = ["random_words", "telling_words"]

WORDS = 15  # for each class


def telling_words(model: Model, known: Split) -> list[Candidate]:
    """Return the words of known texts that stand out in a class."""
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
            found.append(Candidate(f"the word {str(word)!r}", _prepending(model, str(word)), number, raw=True))
    return found


def random_words(model: Model, split: Split, seed: int) -> list[Candidate]:
    """Return words that mean nothing in particular: drawn at random from the texts."""
    vocabulary = sorted({word for text in texts_of(model, split.inputs) for word in text.split()})
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(len(vocabulary), generator=generator)[:WORDS].tolist()
    return [Candidate("a word", _prepending(model, vocabulary[number]), raw=True) for number in drawn]


def _prepending(model: Model, word: str) -> Callable[[Tensor], list[str]]:
    # At the front, since a model may read the first words of a long text alone.
    return lambda texts: [f"{word} {text}" for text in texts_of(model, texts)]
