"""Rows of any kind as columns of numbers: for the simple models of an audit, and for naming slices of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, one_hot

from xai.inputs.table import TabularInput
from xai.inputs.text import FIRST_WORD, TextInput, to_texts
from xai.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Features", "attributes", "features", "texts_of"]

SIDE, STEPS, WORDS = 16, 32, 2000


@dataclass(frozen=True)
class Features:
    """One array (N, D) per part, dense or of scipy.sparse, the columns' names, and how they were made.

    owner: for a table the number of the table's column behind each; `words`: the names quote texts.
    """

    parts: tuple[np.ndarray, ...]
    names: tuple[str, ...]
    made: str
    owner: tuple[int, ...] = ()
    words: bool = False


def features(model: Model, *parts: Tensor) -> Features:
    """Return the same columns for each part; where they are fitted (words, scale), to the first part.

    Tables: standardized numbers, a column per category. Images: means of at most 16 x 16 areas. Texts: which of the
    2,000 most frequent words occur. Series and other inputs: all numbers, in at most 32 steps.
    """
    if isinstance(model.input, TextInput):
        return _words(model, parts)
    if isinstance(model.input, TabularInput):
        return _table(model.input, parts)
    if model.input.kind == "image":
        size = tuple(min(SIDE, length) for length in parts[0].shape[2:])
        flat = [adaptive_avg_pool2d(part.float(), size).flatten(1).numpy() for part in parts]
        channels = parts[0].shape[1]
        names = [
            f"row {place // size[1] % size[0] + 1}, column {place % size[1] + 1}"
            + (f", channel {place // (size[0] * size[1]) + 1}" if channels > 1 else "")
            for place in range(flat[0].shape[1])
        ]
        return Features(_scaled(flat), tuple(names), f"means of {size[0]} x {size[1]} areas")
    flat = [_steps(part.float()).flatten(1).numpy() for part in parts]
    names = tuple(f"number {place + 1}" for place in range(flat[0].shape[1]))
    return Features(_scaled(flat), names, "all numbers, averaged to at most 32 steps")


def attributes(model: Model, batch: Tensor) -> pd.DataFrame:
    """Return a few columns of each row that a reader has a word for, to describe slices of the data with."""
    import pandas as pd

    if isinstance(model.input, TabularInput):
        return pd.DataFrame(
            {
                name: values
                if name not in model.input.categorical
                else [model.input.categorical[name][int(code)] for code in values]
                for name, values in zip(model.input.names, batch.double().T.numpy())
            }
        )
    if isinstance(model.input, TextInput):
        texts = texts_of(model, batch)
        length = np.array([len(text) for text in texts])
        return pd.DataFrame(
            {
                "characters": length,
                "words": [len(text.split()) for text in texts],
                "share of digits": [sum(map(str.isdigit, text)) / len(text) for text in texts],
                "share of capitals": [sum(map(str.isupper, text)) / len(text) for text in texts],
                "share of marks": [
                    sum(not c.isalnum() and not c.isspace() for c in text) / len(text) for text in texts
                ],
            }
        )
    values = batch.double().flatten(1)
    frame = pd.DataFrame({"mean": values.mean(1), "spread": values.std(1), "largest": values.amax(1)})
    if batch.ndim == 4:
        frame = frame.rename(columns={"mean": "brightness", "spread": "contrast", "largest": "brightest"})
        weight = batch.double().abs().sum(1)
        total = weight.sum((1, 2)).clamp_min(1e-12)
        for name, axis in (("height of the center", 1), ("left to right of the center", 2)):
            place = torch.linspace(0, 1, batch.shape[axis + 1], dtype=torch.float64)
            frame[name] = ((weight.sum(3 - axis) * place).sum(1) / total).numpy()
    elif batch.ndim == 3:
        frame["steps"] = (batch != 0).any(2).sum(1).numpy()
    return frame


def texts_of(model: Model, batch: Tensor) -> list[str]:
    """Return texts as strings; numbers of words become those words, unknown ones a word that is none of them."""
    if batch.dtype == torch.int32:
        return to_texts(batch)
    words, unknown = model.input.vocabulary, "unknown"
    while unknown in words:
        unknown += "x"
    return [
        " ".join(words[number - FIRST_WORD] if number >= FIRST_WORD else unknown for number in row if number > 0)
        or unknown
        for row in batch.tolist()
    ]


def _table(table: TabularInput, parts: tuple[Tensor, ...]) -> Features:
    columns: list[list[np.ndarray]] = [[] for _ in parts]
    names: list[str] = []
    owner: list[int] = []
    for place, name in enumerate(table.names):
        words = table.categorical.get(name)
        made = [part[:, place : place + 1].double() for part in parts]
        if words is None:
            center, spread = made[0].mean(), made[0].std().nan_to_num()
            made = [(part - center) / (spread if float(spread) > 0 else 1.0) for part in made]
        else:
            made = [one_hot(part[:, 0].long(), len(words)).double() for part in made]
        names += [name] if words is None else [f"{name} = {word}" for word in words]
        owner += [place] * made[0].shape[1]
        for column, part in zip(columns, made):
            column.append(part.numpy())
    return Features(tuple(np.concatenate(column, 1) for column in columns), tuple(names), "the columns", tuple(owner))


def _words(model: Model, parts: tuple[Tensor, ...]) -> Features:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    texts = [texts_of(model, part) for part in parts]
    if not any(model.input.words(text) for text in texts[0]):
        none = tuple(csr_matrix((len(part), 1), dtype=np.float64) for part in texts)
        return Features(none, ("no word",), "which words occur: there are none", words=True)
    counter = CountVectorizer(
        binary=True, token_pattern=None, tokenizer=model.input.words, lowercase=False, max_features=WORDS
    )
    made = [counter.fit_transform(texts[0]), *(counter.transform(part) for part in texts[1:])]
    names = tuple(counter.get_feature_names_out().tolist())
    return Features(tuple(part.astype(np.float64) for part in made), names, "which words occur", words=True)


def _steps(part: Tensor) -> Tensor:
    if part.ndim == 3 and part.shape[1] > STEPS:
        return adaptive_avg_pool1d(part.transpose(1, 2), STEPS)
    return part


def _scaled(parts: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    # One scale for all columns: a pixel of the border that hardly varies must not be blown up.
    center, spread = parts[0].mean(0), parts[0].std() or 1.0
    return tuple(((part - center) / spread).astype(np.float64) for part in parts)
