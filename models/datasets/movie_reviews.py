"""Movie reviews: is a sentence of a film review for or against the film?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import torch

from models.datasets import Dataset, read_vendored
from models.datasets.splits import stratified
from xai.inputs.text import TextInput

__all__ = ["movie_reviews", "rated_reviews", "review_texts"]

WORDS = 40  # a sentence's first words; 1 in 25 has so many
PATTERN = r"[^\W_]+(?:'[^\W_]+)*|[^\w\s]"  # runs of letters, digits and apostrophes, and single marks
LEAST = 2  # a word that the training part has only once tells nothing of the next sentence


def movie_reviews() -> Dataset:
    """Return 9,511 sentences to train on and 1,057 to test; class 1 is "positive", a mean rating above 0.

    20 people rated each sentence from -4 to 4; the 36 with a mean of exactly 0 have no sign and are left out. The
    vocabulary is that of the training part. Source: see data/movie_reviews.NOTICE.
    """
    texts, ratings = _read()
    positive, (train, test) = _signs(ratings)
    splitter = TextInput(pattern=PATTERN, length=WORDS)
    counts = Counter(word for row in train.tolist() for word in splitter.words(texts[row]))
    known = [word for word, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if count >= LEAST]
    input = TextInput(known, pattern=PATTERN, length=WORDS)
    numbers = input.as_numbers(texts)
    return Dataset(
        name="movie reviews",
        input=input,
        classes=("negative", "positive"),
        train_inputs=numbers[train],
        train_labels=positive[train],
        test_inputs=numbers[test],
        test_labels=positive[test],
        train_lengths=(numbers[train] != 0).sum(1),
    )


def review_texts() -> tuple[list[str], list[str]]:
    """Return the sentences as they stand, to train on and to test on, in the order of `movie_reviews`."""
    texts, ratings = _read()
    _, (train, test) = _signs(ratings)
    return [texts[row] for row in train.tolist()], [texts[row] for row in test.tolist()]


def rated_reviews() -> Dataset:
    """Return the same 9,511 and 1,057 sentences; labels to learn from say how positive the raters found each.

    The label is a chance, 1 / (1 + exp(-mean rating)): 0.98 at the highest rating of 4, 0.52 at 0.1, where the sign is
    little more than a toss. The test part keeps its signs.
    """
    ratings = _read()[1]
    _, (train, _) = _signs(ratings)
    return replace(movie_reviews(), train_labels=torch.sigmoid(ratings[train]))


def _signs(ratings: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    """Return the sign of each rating (1 is positive), and the rows to train on and to test on."""
    positive = (ratings > 0).long()
    return positive, stratified(positive, 0.1)


def _read() -> tuple[list[str], torch.Tensor]:
    texts, ratings = [], []
    for line in read_vendored("movie_reviews.tsv.gz").splitlines():
        _, rating, text = line.split("\t", 2)
        if float(rating) != 0:
            texts.append(text)
            ratings.append(float(rating))
    return texts, torch.tensor(ratings)
