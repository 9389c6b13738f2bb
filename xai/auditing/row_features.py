"""Rows of any kind as columns of numbers: for the simple models of an audit, and for naming slices of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d, one_hot

from xai.auditing.kinds import kind_of, made_for, present_steps, texts_of
from xai.inputs.text import TextInput
from xai.model.model import Model

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from scipy.sparse import csr_matrix

__all__ = ["Features", "attributes", "dense", "features"]

SIDE, STEPS, WORDS = 16, 32, 2000


@dataclass(frozen=True)
class Features:
    """One array (N, D) per part, dense or of scipy.sparse, the columns' names, and how they were made.

    owner: for a table the number of the column that each was made from; `words`: the names quote texts.
    """

    parts: tuple[np.ndarray | csr_matrix, ...]
    names: tuple[str, ...]
    made: str
    owner: tuple[int, ...] = ()
    words: bool = False


def dense(part: np.ndarray | csr_matrix) -> np.ndarray:
    """Return a part of `Features` as an array that is not sparse."""
    return part if isinstance(part, np.ndarray) else part.toarray()


def features(model: Model, *parts: Tensor) -> Features:
    """Return the same columns for each part; where they are fitted (words, scale), to the first part.

    Tables: standardized numbers, a column per category. Images: means of at most 16 x 16 areas. Texts: which of the
    2,000 most frequent words occur. Series and other inputs: all numbers, in at most 32 steps. Raises Untestable for
    another kind.
    """
    return made_for(FEATURES, kind_of(model, parts[0]))(model, parts)


def attributes(model: Model, batch: Tensor) -> pd.DataFrame:
    """Return a few columns of each row that a reader has a word for; raises Untestable for an unknown kind."""
    return made_for(ATTRIBUTES, kind_of(model, batch))(model, batch)


def _table(model: Model, parts: tuple[Tensor, ...]) -> Features:
    table = model.input
    columns: list[list[np.ndarray]] = [[] for _ in parts]
    names: list[str] = []
    owner: list[int] = []
    for number, name in enumerate(table.names):
        words = table.categorical.get(name)
        made = [part[:, number : number + 1].double() for part in parts]
        if words is None:
            gaps = [part.isnan() for part in made]
            known = made[0][~gaps[0]]
            center, std = known.mean().nan_to_num(), known.std().nan_to_num()
            made = [((part - center) / (std if float(std) > 0 else 1.0)).nan_to_num(0.0) for part in made]
            if any(bool(gap.any()) for gap in gaps):  # a gap becomes the mean, and a further column says so
                made = [torch.cat([part, gap.double()], 1) for part, gap in zip(made, gaps, strict=True)]
                names.append(name)
                name = f"{name} is not known"
        else:
            made = [one_hot(part[:, 0].long(), len(words)).double() for part in made]
        names += [name] if words is None else [f"{name} = {word}" for word in words]
        owner += [number] * made[0].shape[1]
        for column, part in zip(columns, made, strict=True):
            column.append(part.numpy())
    return Features(tuple(np.concatenate(column, 1) for column in columns), tuple(names), "the columns", tuple(owner))


def _words(model: Model, parts: tuple[Tensor, ...]) -> Features:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

    words = TextInput.of(model.input).words
    texts = [texts_of(model, part) for part in parts]
    if not any(words(text) for text in texts[0]):
        none = tuple(csr_matrix((len(part), 1), dtype=np.float64) for part in texts)
        return Features(none, ("no word",), "which words occur: there are none", words=True)
    counter = CountVectorizer(binary=True, token_pattern=None, tokenizer=words, lowercase=False, max_features=WORDS)
    made = [counter.fit_transform(texts[0]), *(counter.transform(part) for part in texts[1:])]
    names = tuple(counter.get_feature_names_out().tolist())
    return Features(tuple(part.astype(np.float64) for part in made), names, "which words occur", words=True)


def _areas(model: Model, parts: tuple[Tensor, ...]) -> Features:
    height, width = (min(SIDE, length) for length in parts[0].shape[2:])
    flat = [adaptive_avg_pool2d(part.float(), (height, width)).flatten(1).numpy() for part in parts]
    channels = parts[0].shape[1]
    names = [
        f"row {cell // width % height + 1}, column {cell % width + 1}"
        + (f", channel {cell // (height * width) + 1}" if channels > 1 else "")
        for cell in range(flat[0].shape[1])
    ]
    return Features(_scaled(flat), tuple(names), f"means of {height} x {width} areas")


def _numbers(model: Model, parts: tuple[Tensor, ...]) -> Features:
    flat = [_in_few_steps(part.float()).flatten(1).numpy() for part in parts]
    names = tuple(f"number {column + 1}" for column in range(flat[0].shape[1]))
    return Features(_scaled(flat), names, "all numbers, averaged to at most 32 steps")


def _in_few_steps(part: Tensor) -> Tensor:
    if part.ndim == 3 and part.shape[1] > STEPS:
        return adaptive_avg_pool1d(part.transpose(1, 2), STEPS)
    return part


def _scaled(parts: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    # One scale for all columns: a pixel of the border that hardly varies must not be blown up.
    center, std = parts[0].mean(0), parts[0].std() or 1.0
    return tuple(((part - center) / std).astype(np.float64) for part in parts)


def _own_columns(model: Model, batch: Tensor) -> pd.DataFrame:
    import pandas as pd

    table = model.input
    columns = {}
    for name, values in zip(table.names, batch.double().T.numpy(), strict=True):
        words = table.categorical.get(name)
        columns[name] = values if words is None else [words[int(code)] for code in values]
    return pd.DataFrame(columns)


def _of_texts(model: Model, batch: Tensor) -> pd.DataFrame:
    import pandas as pd

    texts = texts_of(model, batch)

    def shares(test: Callable[[str], bool]) -> list[float]:
        return [sum(map(test, text)) / len(text) for text in texts]

    return pd.DataFrame(
        {
            "characters": np.array([len(text) for text in texts]),
            "words": [len(text.split()) for text in texts],
            "share of digits": shares(str.isdigit),
            "share of capitals": shares(str.isupper),
            "share of marks": shares(lambda character: not character.isalnum() and not character.isspace()),
        }
    )


def _of_numbers(model: Model, batch: Tensor) -> pd.DataFrame:
    import pandas as pd

    values = batch.double().flatten(1)
    std = values.std(1) if values.shape[1] > 1 else torch.zeros(len(values))
    return pd.DataFrame({"mean": values.mean(1), "spread": std, "largest": values.amax(1)})


def _of_images(model: Model, batch: Tensor) -> pd.DataFrame:
    named = {"mean": "brightness", "spread": "contrast", "largest": "brightest"}
    frame = _of_numbers(model, batch).rename(columns=named)
    weight = batch.double().abs().sum(1)
    total = weight.sum((1, 2)).clamp_min(1e-12)
    for name, axis in (("height of the center", 1), ("left to right of the center", 2)):
        position = torch.linspace(0, 1, batch.shape[axis + 1], dtype=torch.float64)
        frame[name] = ((weight.sum(3 - axis) * position).sum(1) / total).numpy()
    return frame


def _of_series(model: Model, batch: Tensor) -> pd.DataFrame:
    return _of_numbers(model, batch).assign(steps=present_steps(batch).sum(1).numpy())


FEATURES = {
    "table": _table, "text": _words, "image": _areas, "series": _numbers, "grid": _numbers, "steps": _numbers,
    "numbers": _numbers,
}  # fmt: skip
ATTRIBUTES = {
    "table": _own_columns, "text": _of_texts, "image": _of_images, "grid": _of_images, "series": _of_series,
    "steps": _of_series, "numbers": _of_numbers,
}  # fmt: skip
