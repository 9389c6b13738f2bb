"""The data itself: rows in both parts, labels that look wrong, rows unlike the others, columns that never vary."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from xai.auditing.checks.label_errors import LISTED, Suspects, find_suspects, label_errors
from xai.auditing.checks.label_noise import label_direction
from xai.auditing.checks.label_slices import label_slices
from xai.auditing.checks.near_duplicates import NearDuplicates, find_near_duplicates, near_duplicates
from xai.auditing.checks.shared_entities import across_parts
from xai.auditing.checks.shifts import covariates, shifted_labels, unused
from xai.auditing.finding_figures import bars, table
from xai.auditing.kinds import class_names, kind_of, made_for, table_of, texts_of
from xai.auditing.row_features import Features, dense, features
from xai.auditing.row_metadata import weights_of
from xai.auditing.scores import ONE_CLASS
from xai.auditing.sentences import sentence
from xai.auditing.split import Prepared, Split
from xai.auditing.verdicts import Measured, Untestable, tested, tested_together
from xai.base.statistics import ALPHA, bootstrap_mean, wilson
from xai.base.weighted_statistics import effective_count, wilson_of_share
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["dataset"]

NEIGHBORS, DIMENSIONS = 5, 20
USUAL = 0.99  # share of training rows that count as usual
DRAWS = 999


def dataset(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return what is wrong with the rows: duplicates over the parts, wrong labels, strangers, constant columns."""
    held_out, train = data.held_out, data.train
    known = [part for part in (train, held_out) if part is not None]

    @cache
    def made() -> Features:
        return features(model, *(part.inputs for part in known))

    @cache
    def duplicates() -> NearDuplicates | None:
        return None if train is None else find_near_duplicates(model, held_out, train, made())

    @cache
    def suspects() -> Suspects:
        alike = duplicates()
        return find_suspects(held_out, train, made(), seed, None if alike is None else alike.any)

    return [
        tested("data.duplicates", _duplicates, model, held_out, train, seed),
        *tested_together(
            ("data.contradictions", "data.mislabeled"), lambda: label_errors(held_out, train, suspects(), seed)
        ),
        tested("data.out_of_distribution", lambda: _strangers(held_out, train, made(), seed)),
        tested("data.constant", _constant, model, train or held_out),
        tested("data.balance", _balance, model, train or held_out),
        tested("data.drift", _drift, model, held_out, train, seed),
        tested("data.near_duplicates", lambda: near_duplicates(held_out, train, duplicates(), seed)),
        tested("data.label_direction", lambda: label_direction(model, suspects())),
        tested("data.label_slices", lambda: label_slices(model, known, made(), seed)),
        tested("data.covariates", lambda: covariates(held_out, train, made(), seed)),
        *([] if table_of(model) is None else [tested("data.unused", unused, model, held_out, seed)]),
        *across_parts(held_out, train, made, seed),
    ]


def _duplicates(model: Model, held_out: Split, train: Split | None, seed: int) -> Measured:
    if train is None:
        raise Untestable("no_training_rows")
    keys, known = _keys(model, held_out), _keys(model, train)
    counts = Counter(known)
    in_both = np.array([key in counts for key in keys], dtype=np.float64)
    within = np.array([counts[key] > 1 for key in known], dtype=np.float64)
    share, usual = float(in_both.mean()), float(within.mean())
    rows = held_out.index[torch.from_numpy(np.flatnonzero(in_both))].tolist()
    facts = {"found": in_both.sum(), "rows": len(in_both), "share": in_both.mean(), "within": within.mean()}
    details = {"in_both": share, "within_training": usual, "rows": rows[:LISTED]}
    return Measured(share - usual, bootstrap_mean(in_both, seed, minus=within), facts, details)


def _keys(model: Model, split: Split) -> list[object]:
    """Return something equal for equal inputs; of texts the words, since upper case and spaces change nothing."""
    if kind_of(model, split.inputs) == "text":
        return [" ".join(text.lower().split()) for text in texts_of(model, split.inputs)]
    return [row.tobytes() for row in split.inputs.flatten(1).contiguous().numpy()]


def _strangers(held_out: Split, train: Split | None, made: Features, seed: int) -> Measured:
    """Return the share of held-out rows that are farther from the training rows than those are from each other."""
    if train is None:
        raise Untestable("no_training_rows")
    if len(train) <= 4 * NEIGHBORS:
        raise Untestable("few_training_rows", rows=len(train))
    from sklearn.neighbors import NearestNeighbors

    known, new = _reduced(made, seed)
    nearest = NearestNeighbors(n_neighbors=NEIGHBORS).fit(known)
    usual = nearest.kneighbors()[0].mean(1)  # without an argument, a row is no neighbor of itself
    away = nearest.kneighbors(new)[0].mean(1)
    limit = float(np.quantile(usual, USUAL))
    strange = away > limit
    count = int(strange.sum())
    order = np.argsort(-away, kind="stable")[: min(LISTED, count)]
    wrong = 1 - held_out.quality.numpy()
    details = {
        "rows": held_out.index[torch.from_numpy(order)].tolist(), "distance_limit": limit,
        "errors_among_them": float(wrong[strange].mean()) if strange.any() else None,
        "errors_among_others": float(wrong[~strange].mean()) if (~strange).any() else None,
    }  # fmt: skip
    share = float(strange.mean())
    facts = {"found": count, "rows": len(strange), "share": share, "usual": USUAL, "rare": 1 - USUAL}
    return Measured(share, wilson(count, len(strange)), facts, details)


def _reduced(made: Features, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both parts in at most 20 dimensions."""
    from sklearn.decomposition import TruncatedSVD

    known, new = made.parts
    if known.shape[1] <= DIMENSIONS:
        return dense(known), dense(new)
    with np.errstate(invalid="ignore"):  # the share that is explained of rows that do not vary
        reduce = TruncatedSVD(DIMENSIONS, random_state=seed).fit(known)
    return reduce.transform(known), reduce.transform(new)


class Constant(NamedTuple):
    """Which columns, series or images never vary, of how many, and what they are called."""

    names: list
    count: int
    unit: str


def _constant(model: Model, split: Split) -> Measured:
    kind = kind_of(model, split.inputs)
    if kind == "text":
        raise Untestable("text_without_columns")
    found = made_for(CONSTANT, kind)(model, split)
    images = found.unit == "images"
    listed = found.names[:8] if found.names and not images else None
    facts = {
        "found": len(found.names), "columns": found.count, "unit": found.unit,
        "list": "" if listed is None else sentence("data.constant", "list", {"names": listed}),
    }  # fmt: skip
    share = len(found.names) / found.count
    details = {"constant": found.names[:LISTED]}
    return Measured(share, (share, share), facts, details, "images" if images else "text", at_most="warn")


def _constant_columns(model: Model, split: Split) -> Constant:
    same = (split.inputs == split.inputs[:1]).all(0)
    return Constant(
        [name for name, flag in zip(model.input.names, same.tolist(), strict=True) if flag], len(same), "columns"
    )


def _constant_series(model: Model, split: Split) -> Constant:
    same = (split.inputs == split.inputs[:1, :1]).all(0).all(0)
    names = getattr(model.input, "names", None) or [f"series {number}" for number in range(len(same))]
    return Constant([name for name, flag in zip(names, same.tolist(), strict=True) if flag], len(same), "series")


def _constant_images(model: Model, split: Split) -> Constant:
    flat = split.inputs.flatten(1)
    same = flat.amax(1) == flat.amin(1)
    return Constant(split.index[same].tolist(), len(same), "images")


CONSTANT = {
    "table": _constant_columns, "series": _constant_series, "steps": _constant_series, "image": _constant_images,
    "grid": _constant_images,
}  # fmt: skip


def _balance(model: Model, split: Split) -> Measured:
    if split.task not in ONE_CLASS:
        raise Untestable("one_class_per_row")
    weights = split.weights
    counts = np.bincount(split.labels.numpy(), weights, split.outputs)
    names = class_names(model, split.outputs)
    shares = counts / counts.sum()
    rarest, even = int(counts.argmin()), 1 / split.outputs
    effective = None if weights is None else effective_count(weights)
    if effective is None:
        low, high = wilson(int(counts[rarest]), int(counts.sum()))
    else:
        low, high = wilson_of_share(shares[rarest], effective)
    details = {"panels": [bars("Rows by class", "", "share", {"rows": shares}, names)]} if split.outputs <= 20 else {}
    details["counts"] = counts.tolist()
    facts = {"rarest": names[rarest], "share": shares[rarest], "even": even}
    interval = (low / even, high / even)
    return Measured(float(shares[rarest] / even), interval, facts, details, at_most="warn", effective=effective)


def _drift(model: Model, held_out: Split, train: Split | None, seed: int) -> Measured:
    """Return the total variation between the shares of the classes in both parts, beyond what chance makes."""
    if train is None:
        raise Untestable("no_training_rows")
    if held_out.task not in ONE_CLASS:
        return shifted_labels(model, held_out, train, seed)

    weights = weights_of([train.metadata, held_out.metadata])
    (before, rows), (after, others) = (_class_shares(part, weights is not None) for part in (train, held_out))
    distance = 0.5 * float(np.abs(before - after).sum())
    generator = np.random.default_rng(seed)
    both = (before * rows + after * others) / (rows + others)

    def drawn(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        parts = [
            generator.multinomial(count, expected, DRAWS) / count
            for count, expected in ((rows, first), (others, second))
        ]
        return 0.5 * np.abs(parts[0] - parts[1]).sum(1)

    null, boots = drawn(both, both), drawn(before, after)
    chance = float(null.mean())
    score = distance - chance
    shift = float(boots.mean()) - score
    low, high = (float(end) - shift for end in np.quantile(boots, [ALPHA / 2, 1 - ALPHA / 2]))
    lines = [{"class": label, "learned from": float(a), "held out": float(b)}
             for label, a, b in zip(class_names(model, held_out.outputs), before, after, strict=True)]  # fmt: skip
    details = {"tables": [table("Shares of the classes", lines)]}
    effective = None if weights is None else effective_count(weights)
    return Measured(score, (low, high), {"distance": distance, "chance": null.mean()}, details, effective=effective)


def _class_shares(split: Split, by_weight: bool) -> tuple[np.ndarray, int]:
    """Return the share of each class (K,), and of how many rows, or as how many they count."""
    weights = split.metadata_of("weights") if by_weight else None
    counts = np.bincount(split.labels.numpy(), weights, split.outputs)
    return counts / counts.sum(), len(split) if weights is None else max(1, int(effective_count(weights)))
