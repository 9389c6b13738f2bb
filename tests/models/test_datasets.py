"""Data sets: their sizes as the sources state them, splits that share nothing, codes that keep their words."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import pytest
import torch
from sklearn import datasets as originals

from models.batches import hold_out
from models.datasets import Dataset, read_vendored
from models.datasets.adult import adult
from models.datasets.cmudict import LONGEST, cmudict, pronunciations
from models.datasets.german_credit import german_credit
from models.datasets.japanese_vowels import japanese_vowels
from models.datasets.mnist import mnist
from models.datasets.movie_reviews import movie_reviews, rated_reviews
from models.datasets.scikit_learn import breast_cancer, diabetes, diabetes_bmi, digits
from models.datasets.splits import stratified
from models.datasets.tables import categories_of, encode
from models.datasets.two_digits import two_digits
from xai.base.errors import InputError
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput

LOADERS = {
    load.__name__: load
    for load in (
        adult, breast_cancer, cmudict, diabetes, diabetes_bmi, digits, german_credit, japanese_vowels, mnist,
        movie_reviews, two_digits,
    )
}  # fmt: skip
SIZES = {
    "adult": (32561, 16281),
    "breast_cancer": (456, 113),
    "cmudict": (120290, 12492),
    "diabetes": (354, 88),
    "diabetes_bmi": (354, 88),
    "digits": (1438, 359),
    "german_credit": (800, 200),
    "japanese_vowels": (270, 370),
    "mnist": (4000, 1000),
    "movie_reviews": (9511, 1057),
    "two_digits": (8000, 1000),
}


@cache
def loaded(name: str) -> Dataset:
    return LOADERS[name]()


@pytest.mark.parametrize("name", LOADERS)
class TestEveryDataset:
    def test_it_has_the_size_that_it_says(self, name: str) -> None:
        data = loaded(name)
        assert (len(data.train_inputs), len(data.test_inputs)) == SIZES[name]
        for number in SIZES[name]:
            written = LOADERS[name].__doc__ or ""
            assert f"{number:,}" in written or str(number) in written or name in ("diabetes_bmi", "cmudict")

    def test_its_own_input_takes_it(self, name: str) -> None:
        data = loaded(name)
        for part in (data.train_inputs, data.test_inputs):
            assert torch.equal(data.input.prepare(part[:50]), part[:50])
            assert torch.isfinite(data.input.feed(part[:50]).float()).all()

    def test_no_test_row_is_a_training_row(self, name: str) -> None:
        data = loaded(name)
        if name in ("adult", "german_credit", "diabetes_bmi"):
            pytest.skip("different people may have the same answers")
        train = {row.numpy().tobytes() for row in data.train_inputs}
        test = [row.numpy().tobytes() in train for row in data.test_inputs]
        # A few short reviews are one vocabulary word and otherwise unknown words.
        assert sum(test) <= (3 if name == "movie_reviews" else 0)

    def test_labels_are_in_range(self, name: str) -> None:
        data = loaded(name)
        for labels in (data.train_labels, data.test_labels):
            if not labels.is_floating_point():
                assert 0 <= int(labels.min()) <= int(labels.max()) < len(data.classes)
            elif len(data.classes) > 1:
                assert set(labels.unique().tolist()) == {0.0, 1.0}

    def test_it_is_the_same_every_time(self, name: str) -> None:
        if name in ("cmudict", "adult"):
            pytest.skip("long to read twice; the same functions as the others")
        again = LOADERS[name]()
        assert torch.equal(loaded(name).train_inputs, again.train_inputs)
        assert torch.equal(loaded(name).test_labels, again.test_labels)


def test_every_vendored_file_has_a_notice() -> None:
    names = [path.name for path in (files("models.datasets") / "data").iterdir()]
    notices = {name.removesuffix(".NOTICE") for name in names if name.endswith(".NOTICE")}
    for name in names:
        assert any(name.startswith(notice) for notice in notices), name


def test_two_digits_are_the_two_that_the_labels_say() -> None:
    """Each half is a training image moved up or down: found again among MNIST's, with its digit."""
    data, source = loaded("two_digits"), loaded("mnist")
    assert (data.train_labels.sum(1) == 2).all()
    images = torch.nn.functional.pad(source.train_inputs[:, 0], (0, 0, 2, 2))
    for row in range(40):
        found = set()
        for half in (data.train_inputs[row, 0, :, :28], data.train_inputs[row, 0, :, 28:]):
            for start in range(5):
                same = (images[:, start : start + 28] - half).abs().amax((1, 2)) == 0
                if bool(same.any()):
                    found.add(int(source.train_labels[same][0]))
        assert found == set(torch.where(data.train_labels[row] == 1)[0].tolist())


def test_tables_keep_the_words_behind_their_codes() -> None:
    data = loaded("adult")
    assert isinstance(data.input, TabularInput)
    first = dict(zip(data.input.names, data.train_inputs[0].tolist(), strict=True))
    said = {
        name: data.input.categorical[name][int(value)] if name in data.input.categorical else value
        for name, value in first.items()
    }
    # The first line of the file: 39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, ...
    assert said == {
        "age": 39.0, "workclass": "State-gov", "education_years": 13.0, "marital_status": "Never-married",
        "occupation": "Adm-clerical", "relationship": "Not-in-family", "race": "White", "sex": "Male",
        "capital_gain": 2174.0, "capital_loss": 0.0, "hours_per_week": 40.0, "native_country": "United-States",
    }  # fmt: skip
    assert data.train_labels.double().mean().item() == pytest.approx(7841 / 32561)
    assert data.test_labels.double().mean().item() == pytest.approx(3846 / 16281)
    assert categories_of(data.input) == [0, 9, 0, 7, 15, 6, 5, 2, 0, 0, 0, 42]


def test_german_credit_counts_as_its_source_says() -> None:
    data = loaded("german_credit")
    assert int(data.train_labels.sum() + data.test_labels.sum()) == 300
    assert len(data.input.categorical) == 13
    rows = torch.cat([data.train_inputs, data.test_inputs])
    row = rows[(rows[:, 4] == 1169) & (rows[:, 1] == 6)][0]  # the first line of the file: A11 6 A34 A43 1169 ... 1
    assert data.input.categorical["checking_account"][int(row[0])] == "below 0 DM"
    assert row[[1, 4]].tolist() == [6.0, 1169.0]


def test_diabetes_is_in_its_own_units() -> None:
    data = loaded("diabetes")
    original = originals.load_diabetes(scaled=False)
    ages = torch.cat([data.train_inputs, data.test_inputs])[:, 0].sort().values
    assert torch.equal(ages, torch.from_numpy(original.data[:, 0]).float().sort().values)
    assert torch.equal(loaded("diabetes_bmi").train_inputs[:, 0], data.train_inputs[:, 2])


def test_vowels_are_series_of_their_own_length() -> None:
    data = loaded("japanese_vowels")
    assert isinstance(data.input, SequenceInput)
    lengths = (data.train_inputs != 0).any(2).sum(1)
    assert (int(lengths.min()), int(lengths.max())) == (7, 26)
    test = (data.test_inputs != 0).any(2).sum(1)
    assert (int(test.min()), int(test.max())) == (7, 29)
    assert data.train_labels.bincount().tolist() == [30] * 9
    assert data.train_inputs[0, 0, 0] == pytest.approx(1.860936)  # the first number of the file
    seen = data.input.feed(data.train_inputs)
    steps = seen[(data.train_inputs != 0).any(2)]
    assert torch.allclose(steps.mean(0), torch.zeros(12), atol=1e-3)


def test_a_review_is_its_first_words_and_the_vocabulary_is_the_training_parts() -> None:
    data = loaded("movie_reviews")
    assert isinstance(data.input, TextInput)
    assert set(range(2, len(data.input.vocabulary) + 2)) == set(data.train_inputs.unique().tolist()) - {0, 1}
    assert (data.test_inputs == 1).any()  # words that only the test part has are unknown
    assert torch.equal(data.train_lengths, (data.train_inputs != 0).sum(1))


def test_ratings_are_chances_on_the_side_of_their_sign() -> None:
    """The training part alone; read from the file again, a sentence at a time."""
    signs, rated = loaded("movie_reviews"), rated_reviews()
    assert torch.equal(rated.train_inputs, signs.train_inputs)
    assert torch.equal(rated.train_labels > 0.5, signs.train_labels.bool())
    assert torch.equal(rated.test_labels, signs.test_labels)
    assert 1 / (1 + math.exp(4)) < float(rated.train_labels.min()) < 0.1
    ratings = {}
    for line in read_vendored("movie_reviews.tsv.gz").splitlines():
        _, rating, text = line.split("\t", 2)
        ratings.setdefault(tuple(rated.input.numbers(text)), []).append(float(rating))
    for row in range(0, len(rated.train_inputs), 97):
        words = tuple(number for number in rated.train_inputs[row].tolist() if number)
        chances = [1 / (1 + math.exp(-rating)) for rating in ratings[words]]
        assert any(chance == pytest.approx(float(rated.train_labels[row]), abs=1e-6) for chance in chances)


def test_all_pronunciations_of_a_word_are_in_one_part() -> None:
    data, said = loaded("cmudict"), pronunciations()
    assert said["tomato"] == [("T", "AH", "M", "EY", "T", "OW"), ("T", "AH", "M", "AA", "T", "OW")]
    letters, phonemes = data.input.vocabulary, data.classes

    def spelled(row: torch.Tensor) -> str:
        return "".join(letters[number - 2] for number in row.tolist() if number)

    train = {spelled(row) for row in data.train_inputs}
    test = [spelled(row) for row in data.test_inputs]
    assert not train & set(test)
    assert len(train) == 112432
    assert len(train) + len(test) == len(said)
    for row in range(0, len(test), 500):
        listed = [tuple(phonemes[n] for n in answer.tolist() if n > 1) for answer in data.test_labels[row]]
        assert [answer for answer in listed if answer] == said[test[row]]
    for row in range(0, 2000, 100):
        end = (data.train_labels[row] == 1).nonzero()
        assert len(end) == 1
        assert int(end) == int((data.train_labels[row] != 0).sum()) - 1 <= LONGEST
    rows, held = hold_out(data, 0.02, seed=0)
    assert not set(data.train_groups[rows].tolist()) & set(data.train_groups[held].tolist())


def test_a_stratified_split_keeps_the_shares() -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    train, test = stratified(labels, 0.2)
    assert labels[test].bincount().tolist() == [18, 2]
    assert sorted(torch.cat([train, test]).tolist()) == list(range(100))


def test_words_that_a_column_does_not_have_are_named() -> None:
    with pytest.raises(InputError, match="column 'color': expected one of red, got 'blue'"):
        encode([["blue"]], ["color"], {"color": ["red"]})
    with pytest.raises(InputError, match="column 'size': expected numbers"):
        encode([["big"]], ["size"], {})


def test_the_old_names_of_labels_warn() -> None:
    data = loaded("breast_cancer")
    for part in ("train", "test"):
        with pytest.warns(DeprecationWarning, match=f"{part}_labels"):
            assert getattr(data, f"{part}_goals") is getattr(data, f"{part}_labels")
