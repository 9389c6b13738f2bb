"""The recipes: one entry for each reference network. What a description says was measured, on one CPU core."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """What `xai train NAME` does. data and factory are "module:function"; the description says what it reaches.

    from_data: arguments of the factory that follow from the data (FROM_DATA in models.recipes). extras: fields of
    models.training.Extras, each as ("module:function", its arguments). The rest is as in `models.training.train`.
    """

    description: str
    data: str
    factory: str
    arguments: dict[str, object] = field(default_factory=dict)
    from_data: tuple[str, ...] = ()
    task: str = "classification"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    epochs: int = 10
    batch_size: int | None = 64
    validation: float = 0.1
    clip: float | None = None
    extras: dict[str, tuple[str, dict[str, object]]] = field(default_factory=dict)

    def digest(self) -> str:
        """Return 12 hexadecimal digits of all settings, but not of the description: another network, another digest."""
        settings = {name: value for name, value in asdict(self).items() if name != "description"}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


CONVOLUTIONAL = "models.networks.convolutional:convolutional"
FEEDFORWARD = "models.networks.feedforward:feedforward"
RECURRENT = "models.networks.recurrent:recurrent"
TEXT_RECURRENT = "models.networks.recurrent:text_recurrent"
ENCODER_DECODER = "models.networks.seq2seq:encoder_decoder"


def _table(description: str, data: str, hidden: list[int], **settings: Any) -> Recipe:
    """Return a recipe of a dense network on a table of numbers and categories."""
    arguments = {"hidden": hidden, "outputs": settings.pop("outputs", 1), **settings.pop("arguments", {})}
    settings = {"task": "binary", **settings}
    return Recipe(description, data, FEEDFORWARD, arguments, ("inputs", "categories"), **settings)


def _vowels(cell: str, description: str) -> Recipe:
    return Recipe(
        description=description,
        data="models.datasets.japanese_vowels:japanese_vowels",
        factory=RECURRENT,
        arguments={"cell": cell, "outputs": 9, "inputs": 12, "hidden": 64, "bidirectional": True, "dropout": 0.3},
        learning_rate=5e-3,
        schedule="one-cycle",
        epochs=40,
        batch_size=16,
        clip=1.0,
    )


def _sentiment(cell: str, pool: str, hidden: int, description: str) -> Recipe:
    return Recipe(
        description=description,
        data="models.datasets.movie_reviews:rated_reviews",
        factory=TEXT_RECURRENT,
        arguments={
            "cell": cell, "outputs": 1, "embedding": 64, "hidden": hidden,
            "bidirectional": True, "pool": pool, "dropout": 0.5, "word_dropout": 0.2,
        },
        from_data=("words",),
        task="binary",
        learning_rate=5e-3,
        schedule="one-cycle",
        epochs=6,
        batch_size=64,
        validation=0.05,
        clip=1.0,
    )  # fmt: skip


def _spelling(attention: str, epochs: int, description: str) -> Recipe:
    return Recipe(
        description=description,
        data="models.datasets.cmudict:cmudict",
        factory=ENCODER_DECODER,
        arguments={"hidden": 256, "embedding": 64, "attention": attention, "dropout": 0.2, "longest": 21},
        from_data=("symbols", "classes"),
        task="sequence",
        learning_rate=3e-3,
        schedule="one-cycle",
        epochs=epochs,
        batch_size=128,
        validation=0.02,
        clip=2.0,
    )


RECIPES: dict[str, Recipe] = {
    "mnist-cnn": Recipe(
        description="CNN on 4,000 MNIST digits: 98.4 % of 1,000 held-out digits right, 16 s",
        data="models.datasets.mnist:mnist",
        factory=CONVOLUTIONAL,
        arguments={"shape": [1, 28, 28], "classes": 10, "channels": [16, 32, 32]},
        learning_rate=5e-3,
        schedule="one-cycle",
        epochs=12,
        validation=0.05,
    ),
    "mnist-cnn-augmented": Recipe(
        description="the same CNN on digits moved and turned a little: 98.9 % of 1,000 held-out digits right, 42 s",
        data="models.datasets.mnist:mnist",
        factory=CONVOLUTIONAL,
        arguments={"shape": [1, 28, 28], "classes": 10, "channels": [16, 32, 32]},
        learning_rate=5e-3,
        schedule="one-cycle",
        epochs=30,
        validation=0.05,
        extras={"augment": ("models.regularizers.augmentation:augmentation", {"shift": 2.0, "rotate": 10.0})},
    ),
    "digits-cnn": Recipe(
        description="CNN on 1,438 digits of 8 x 8 pixels: 98.9 % of 359 held-out digits right, 3 s",
        data="models.datasets.scikit_learn:digits",
        factory=CONVOLUTIONAL,
        arguments={"shape": [1, 8, 8], "classes": 10, "channels": [32, 64], "hidden": 64},
        learning_rate=5e-3,
        schedule="one-cycle",
        epochs=20,
        batch_size=32,
    ),
    "two-digits-cnn": Recipe(
        description="CNN on canvases of two MNIST digits: both right on 93.0 % of 1,000 held-out canvases, 68 s",
        data="models.datasets.two_digits:two_digits",
        factory=CONVOLUTIONAL,
        arguments={"shape": [1, 28, 56], "classes": 10, "channels": [16, 32, 64], "hidden": 128},
        task="multilabel",
        learning_rate=5e-3,
        schedule="one-cycle",
        epochs=12,
    ),
    "diabetes-neuron": Recipe(
        description="one weight from body mass index to the course of diabetes: R2 0.34 on 88 held-out patients, 2 s",
        data="models.datasets.scikit_learn:diabetes_bmi",
        factory="models.networks.neuron:neuron",
        task="regression",
        optimizer="sgd",
        learning_rate=1e-6,
        epochs=20,
        batch_size=1,
    ),
    "diabetes-dense": _table(
        "dense network on the 10 measures of diabetes: R2 0.47 on 88 held-out patients, 1 s",
        "models.datasets.scikit_learn:diabetes",
        [32],
        arguments={"rescale": True},
        task="regression",
        learning_rate=3e-3,
        schedule="cosine",
        epochs=40,
        batch_size=32,
    ),
    "breast-cancer-dense": _table(
        "dense network on the 30 measures of breast cancer: 94.7 % of 113 held-out tumors right, 1 s",
        "models.datasets.scikit_learn:breast_cancer",
        [32, 16],
        arguments={"dropout": 0.3},
        schedule="cosine",
        learning_rate=3e-3,
        epochs=15,
        batch_size=32,
    ),
    "adult-dense": _table(
        "dense network on Adult, 5 numbers and 7 categories: 85.7 % of 16,281 held-out people right, 3 s",
        "models.datasets.adult:adult",
        [32, 16],
        arguments={"dropout": 0.2},
        schedule="one-cycle",
        learning_rate=1e-2,
        epochs=12,
        batch_size=256,
    ),
    "german-credit-dense": _table(
        "dense network on German credit, 7 numbers and 13 categories: 76.0 % of 200 held-out applicants right, 1 s",
        "models.datasets.german_credit:german_credit",
        [16],
        arguments={"dropout": 0.5},
        schedule="cosine",
        learning_rate=3e-3,
        epochs=15,
        batch_size=32,
    ),
    "vowels-rnn": _vowels("rnn", "RNN on Japanese vowels: 98.1 % of 370 held-out utterances right, 3 s"),
    "vowels-lstm": _vowels("lstm", "LSTM on Japanese vowels: 98.4 % of 370 held-out utterances right, 7 s"),
    "vowels-gru": _vowels("gru", "GRU on Japanese vowels: 98.9 % of 370 held-out utterances right, 6 s"),
    "reviews-rnn": _sentiment(
        "rnn", "max", 64, "RNN on the words of movie reviews: 78.9 % of 1,057 held-out sentences right, 19 s"
    ),
    "reviews-lstm": _sentiment(
        "lstm", "mean", 32, "LSTM on the words of movie reviews: 79.0 % of 1,057 held-out sentences right, 20 s"
    ),
    "reviews-gru": _sentiment(
        "gru", "mean", 32, "GRU on the words of movie reviews: 78.6 % of 1,057 held-out sentences right, 22 s"
    ),
    "spelling-plain": _spelling(
        "none", 6, "encoder-decoder without attention on CMUdict: 61.5 % of 12,492 held-out words right, 5 min"
    ),
    "spelling-attention": _spelling(
        "state", 8, "encoder-decoder with attention on CMUdict: 67.6 % of 12,492 held-out words right, 9 min"
    ),
}
