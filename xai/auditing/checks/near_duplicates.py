"""Near-duplicates across the parts: held-out rows that are almost a training row, so that they test nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from xai.auditing.kinds import kind_of, texts_of
from xai.auditing.row_features import Features, dense
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable
from xai.base.statistics import bootstrap_mean
from xai.model.model import Model

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["NearDuplicates", "find_near_duplicates", "near_duplicates"]

SIDE, WAVES = 32, 8  # an image is read as its 8 x 8 lowest frequencies, at 32 x 32 pixels
CLOSE = 0.3  # of the usual distance between a training row and the one nearest to it
SHARED = 0.7  # of two texts: similarity of the shingles of one to three words
SHINGLES = 2**18
AT_A_TIME = 500
LISTED = 20


@dataclass(frozen=True)
class NearDuplicates:
    """Which held-out rows (N,) have a training row that is the same, or almost; and of training rows (M,) among them.

    nearest: the index in the training part of the row nearest to each held-out row.
    """

    same: np.ndarray
    near: np.ndarray
    within: np.ndarray
    nearest: np.ndarray

    @property
    def any(self) -> np.ndarray:
        return self.same | self.near


def find_near_duplicates(model: Model, held_out: Split, train: Split, made: Features) -> NearDuplicates:
    """Return the rows of both parts that are alike.

    Texts: by shingles of one to three words. Images: by their low frequencies, as a perceptual hash reads them, which
    noise, compression and brightness hardly change. Other rows: by the columns of simple models. Near is closer than
    0.3 of the usual distance from a training row to the next.
    """
    kind = kind_of(model, held_out.inputs)
    if kind == "text":
        return _of_texts(texts_of(model, held_out.inputs), texts_of(model, train.inputs))
    if kind in ("image", "grid"):
        known, new = (_low_frequencies(part.inputs) for part in (train, held_out))
    else:
        known, new = map(dense, made.parts)
    from sklearn.neighbors import NearestNeighbors

    neighbors = NearestNeighbors(n_neighbors=1).fit(known)
    between_known = neighbors.kneighbors()[0][:, 0]
    away, nearest = (item[:, 0] for item in neighbors.kneighbors(new))
    limit = CLOSE * float(np.median(between_known))
    tiny = 1e-9 * max(float(np.abs(known).max()), 1.0)
    return NearDuplicates(
        away <= tiny, (away > tiny) & (away < limit), (between_known > tiny) & (between_known < limit), nearest
    )


def _low_frequencies(images: Tensor) -> np.ndarray:
    """Return the lowest frequencies (N, 64 C) of images, less their mean, in units of each image's own contrast."""
    from scipy.fft import dctn

    small = interpolate(images.float(), (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True).numpy()
    waves = dctn(small, axes=(2, 3), norm="ortho")[:, :, :WAVES, :WAVES].copy()
    waves[:, :, 0, 0] = 0
    flat = waves.reshape(len(waves), -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)


def _of_texts(new: list[str], known: list[str]) -> NearDuplicates:
    from sklearn.feature_extraction.text import HashingVectorizer

    words = HashingVectorizer(ngram_range=(1, 3), n_features=SHINGLES, binary=True, alternate_sign=False, norm="l2")
    shingles, between_known = words.transform(new), words.transform(known)
    alike, nearest = _most_alike(shingles, between_known, same_rows=False)
    within, _ = _most_alike(between_known, between_known, same_rows=True)
    plain, exact = [" ".join(text.lower().split()) for text in new], {" ".join(text.lower().split()) for text in known}
    same = np.array([text in exact for text in plain])
    return NearDuplicates(same, ~same & (alike >= SHARED), (within >= SHARED) & (within < 1 - 1e-9), nearest)


def _most_alike(rows: csr_matrix, others: csr_matrix, *, same_rows: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest similarity of each row to another one (N,), and where that is."""
    best, positions = [], []
    for start in range(0, rows.shape[0], AT_A_TIME):
        found = (rows[start : start + AT_A_TIME] @ others.T).toarray()
        if same_rows:
            found[np.arange(len(found)), np.arange(start, start + len(found))] = -1
        best.append(found.max(1))
        positions.append(found.argmax(1))
    return np.concatenate(best), np.concatenate(positions)


def near_duplicates(held_out: Split, train: Split | None, duplicates: NearDuplicates | None, seed: int) -> Measured:
    """Return the share of held-out rows that are almost a training row, beyond the share within the training part."""
    if train is None or duplicates is None:
        raise Untestable("no_training_rows")
    near, within = duplicates.near.astype(np.float64), duplicates.within.astype(np.float64)
    rows = np.flatnonzero(duplicates.near)[:LISTED]
    pairs = [
        [int(held_out.index[row]), int(train.index[duplicates.nearest[row]])] for row in torch.from_numpy(rows).tolist()
    ]
    facts = {"found": near.sum(), "rows": len(near), "share": near.mean(), "within": within.mean()}
    interval = bootstrap_mean(near, seed, minus=within)
    return Measured(float(near.mean() - within.mean()), interval, facts, {"pairs": pairs})
