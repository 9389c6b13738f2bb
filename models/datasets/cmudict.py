"""CMUdict: how a word is said, from how it is spelled."""

from __future__ import annotations

import re

import torch

from models.datasets import Dataset, read_vendored
from xai.inputs.text import TextInput

__all__ = ["cmudict", "pronunciations"]

LETTERS = list("'abcdefghijklmnopqrstuvwxyz")
LONGEST = 20  # letters, and phonemes
# Number 0 pads a sequence of phonemes, number 1 ends it.
PADDING, STOP = "(padding)", "(end)"


def cmudict() -> Dataset:
    """Return 112,432 words to train on, once per pronunciation, and a tenth of all words, 12,492, to test.

    Stress marks are taken off, as is usual for this task: 39 phonemes. Words with other signs than letters and the
    apostrophe, or of more than 20 letters or phonemes, are left out (1 %). All pronunciations of a word are in one
    part; test_labels (N, P, T) hold all that are listed, any of them counts as right. Source: see data/cmudict.NOTICE.
    """
    listed_of = pronunciations()
    words = sorted(listed_of)
    order = torch.randperm(len(words), generator=torch.Generator().manual_seed(0)).tolist()
    held = len(words) // 10
    test, train = [words[index] for index in order[:held]], [words[index] for index in order[held:]]
    phonemes = sorted({phoneme for listed in listed_of.values() for answer in listed for phoneme in answer})
    number = {phoneme: index for index, phoneme in enumerate(phonemes, start=2)}
    input = TextInput(LETTERS, pattern=".", length=LONGEST)
    pairs = [(group, word, answer) for group, word in enumerate(train) for answer in listed_of[word]]
    most = max(len(listed_of[word]) for word in test)
    nothing = [0] * (LONGEST + 1)
    listed = [[_row(answer, number) for answer in listed_of[word]] for word in test]
    spelled = input.as_numbers([word for _, word, _ in pairs])
    pronounced = torch.tensor([_row(answer, number) for _, _, answer in pairs])
    return Dataset(
        name="CMUdict, spelling to phonemes",
        input=input,
        classes=(PADDING, STOP, *phonemes),
        train_inputs=spelled,
        train_labels=pronounced,
        test_inputs=input.as_numbers(test),
        test_labels=torch.tensor([rows + [nothing] * (most - len(rows)) for rows in listed]),
        train_groups=torch.tensor([group for group, _, _ in pairs]),
        train_lengths=(spelled != 0).sum(1) * 100 + (pronounced != 0).sum(1),
    )


def pronunciations() -> dict[str, list[tuple[str, ...]]]:
    """Return each word's different pronunciations, stress marks taken off."""
    listed_of: dict[str, list[tuple[str, ...]]] = {}
    allowed = set(LETTERS)
    for line in read_vendored("cmudict.dict.gz").splitlines():
        spelled, *phonemes = line.partition("#")[0].split()
        word = re.sub(r"\(\d+\)$", "", spelled)
        answer = tuple(phoneme.rstrip("012") for phoneme in phonemes)
        fits = allowed.issuperset(word) and max(len(word), len(answer)) <= LONGEST
        if fits and answer not in listed_of.setdefault(word, []):
            listed_of[word].append(answer)
    return listed_of


def _row(answer: tuple[str, ...], number: dict[str, int]) -> list[int]:
    return [number[phoneme] for phoneme in answer] + [1] + [0] * (LONGEST - len(answer))
