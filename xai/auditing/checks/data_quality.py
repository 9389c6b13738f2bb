"""The data itself: rows in both parts, labels that look wrong, rows unlike the others, columns that never vary."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch

from xai.auditing.audit_data import Prepared, Rows
from xai.auditing.finding_figures import bars, table
from xai.auditing.limits import ALPHA, judge, untestable
from xai.auditing.row_features import Features, features, texts_of
from xai.base.statistics import bootstrap_mean, wilson
from xai.inputs.kinds import TabularInput
from xai.model.model import Model
from xai.results.finding import Finding

__all__ = ["confident_errors", "dataset"]

FOLDS, TREES = 5, 100
NEIGHBORS, DIMENSIONS = 5, 20
USUAL = 0.99  # share of training rows that count as usual
LISTED = 20


def dataset(model: Model, data: Prepared, *, seed: int = 0) -> list[Finding]:
    """Return what is wrong with the rows themselves: leaks between the parts, wrong labels, strangers, dead columns."""
    held_out, train = data.held_out, data.train
    made = features(model, *(part.inputs for part in (train, held_out) if part is not None))
    return [
        _duplicates(model, held_out, train, seed),
        *_labels(held_out, train, made, seed),
        _strangers(held_out, train, made, seed),
        _constant(model, train or held_out),
        _balance(model, train or held_out),
        _drift(model, held_out, train, seed),
    ]


def _duplicates(model: Model, held_out: Rows, train: Rows | None, seed: int) -> Finding:
    name = "data.duplicates"
    if train is None:
        return untestable(name, "the rows that the model learned from were not given.")
    keys, known = _keys(model, held_out), _keys(model, train)
    counts = Counter(known)
    twins = np.array([key in counts for key in keys], dtype=np.float64)
    within = np.array([counts[key] > 1 for key in known], dtype=np.float64)
    excess = float(twins.mean() - within.mean())
    places = held_out.places[torch.from_numpy(np.flatnonzero(twins))].tolist()
    details = {"in_both": float(twins.mean()), "within_training": float(within.mean()), "rows": places[:LISTED]}
    control = f"{100 * within.mean():.1f} % of the training rows have a twin among themselves"
    share = f"{int(twins.sum()):,} of {len(twins):,} held-out rows ({100 * twins.mean():.1f} %)"
    text = f"{share} stand in the training data too."
    return judge(name, excess, bootstrap_mean(twins, seed, minus=within), control, text, details)


def confident_errors(probability: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each row (N,) whether its label contradicts what others like it say; probabilities (N, K).

    A row is one when another class is at least as probable as it is, on average, for the rows that have it, and its own
    is not. The probabilities must come from a model that had not seen the row.
    Source: Northcutt, Jiang and Chuang 2021, arXiv:1911.00068.

    >>> confident_errors(np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.95, 0.05]]), np.array([0, 0, 1, 1]))
    array([False, False, False,  True])
    """
    own = [probability[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(probability.shape[1])]
    above = np.where(probability >= np.array(own), probability, -1.0)
    best = above.argmax(1)
    return (above.max(1) >= 0) & (best != labels) & (above[np.arange(len(labels)), labels] < 0)


def _labels(held_out: Rows, train: Rows | None, made: Features, seed: int) -> list[Finding]:
    """Return the share of labels that contradict others, and how many more those are than in the held-out part."""
    both, excess = "data.contradictions", "data.mislabeled"
    if held_out.task not in ("classification", "binary"):
        reason = "it compares one class per row with what rows like it are called."
        return [untestable(both, reason), untestable(excess, reason)]
    rows = train or held_out
    labels = rows.labels.numpy()
    members = [count for count in np.bincount(labels) if count]
    least = int(min(members))
    if least < 2 or len(members) < 2:
        reason = "all rows have one label, so that none can contradict the others."
        if len(members) > 1:
            reason = "a class has a single row, so that no other rows can speak about it."
        return [untestable(both, reason), untestable(excess, reason)]
    probability, learner = _crosswise(made, labels, min(FOLDS, least), held_out.outputs, seed)
    suspect = confident_errors(probability, labels)
    share = float(suspect.mean())
    doubt = np.where(suspect, probability.max(1) - probability[np.arange(len(labels)), labels], -1.0)
    order = np.argsort(-doubt, kind="stable")[: min(LISTED, int(suspect.sum()))]
    details = {
        "rows": rows.places[torch.from_numpy(order)].tolist(), "labelled": labels[order].tolist(),
        "looks_like": probability[order].argmax(1).tolist(), "count": int(suspect.sum()),
        "part": "held_out" if train is None else "train",
    }  # fmt: skip
    text = (
        f"{int(suspect.sum()):,} of {len(suspect):,} labels ({100 * share:.1f} %) contradict what rows like them are "
        "called: wrong labels, or answers that the inputs do not tell."
    )
    control = "labels that follow from the inputs"
    found = judge(both, share, wilson(int(suspect.sum()), len(suspect)), control, text, details, at_most="warn")
    if train is None:
        return [found, untestable(excess, "there is no second part whose labels could be compared.")]
    # The control is the held-out part, judged by learners of the training part: what the inputs do not tell, they do
    # not tell there either.
    other = _spread(learner.predict_proba(made.parts[1]), learner.classes_, held_out.outputs)
    beside = confident_errors(other, held_out.labels.numpy())
    more = share - float(beside.mean())
    interval = bootstrap_mean(suspect.astype(np.float64), seed, minus=beside.astype(np.float64))
    text = (
        f"Labels that contradict rows like them: {100 * share:.1f} % of the training part, "
        f"{100 * beside.mean():.1f} % of the held-out part."
    )
    details = {"train": share, "held_out": float(beside.mean()), "rows": details["rows"]}
    return [found, judge(excess, more, interval, "the labels of the held-out part, by the same rule", text, details)]


def _crosswise(made: Features, labels: np.ndarray, folds: int, outputs: int, seed: int) -> tuple[np.ndarray, object]:
    """Return probabilities (N, K) by learners that had not seen the row, and one that has learned from all of them."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    if made.words:
        learner = LogisticRegression(C=0.3, max_iter=300, tol=1e-3)
    else:
        learner = ExtraTreesClassifier(TREES, min_samples_leaf=2, max_features="sqrt", random_state=seed)
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    found = cross_val_predict(learner, made.parts[0], labels, cv=split, method="predict_proba")
    learner.fit(made.parts[0], labels)
    return _spread(found, learner.classes_, outputs), learner


def _spread(found: np.ndarray, classes: np.ndarray, outputs: int) -> np.ndarray:
    whole = np.zeros((len(found), outputs))
    whole[:, classes] = found
    return whole


def _strangers(held_out: Rows, train: Rows | None, made: Features, seed: int) -> Finding:
    name = "data.out_of_distribution"
    if train is None:
        return untestable(name, "the rows that the model learned from were not given.")
    if len(train) <= 4 * NEIGHBORS:
        return untestable(name, f"{len(train)} training rows are too few to say what is usual.")
    from sklearn.decomposition import TruncatedSVD
    from sklearn.neighbors import NearestNeighbors

    known, new = made.parts
    if known.shape[1] > DIMENSIONS:
        with np.errstate(invalid="ignore"):  # the share that is explained of rows that do not vary
            reduce = TruncatedSVD(DIMENSIONS, random_state=seed).fit(known)
        known, new = reduce.transform(known), reduce.transform(new)
    else:
        known, new = (part.toarray() if made.words else part for part in (known, new))
    nearest = NearestNeighbors(n_neighbors=NEIGHBORS).fit(known)
    usual = nearest.kneighbors()[0].mean(1)  # without an argument, a row is no neighbor of itself
    away = nearest.kneighbors(new)[0].mean(1)
    limit = float(np.quantile(usual, USUAL))
    strange = away > limit
    order = np.argsort(-away, kind="stable")[: min(LISTED, int(strange.sum()))]
    wrong = 1 - held_out.quality.numpy()
    details = {
        "rows": held_out.places[torch.from_numpy(order)].tolist(), "distance_limit": limit,
        "errors_among_them": float(wrong[strange].mean()) if strange.any() else None,
        "errors_among_others": float(wrong[~strange].mean()) if (~strange).any() else None,
    }  # fmt: skip
    control = f"by the same limit, {100 * (1 - USUAL):.0f} % of the training rows are far from the others"
    text = (
        f"{int(strange.sum()):,} of {len(strange):,} held-out rows ({100 * strange.mean():.1f} %) are farther from the "
        f"training rows than {100 * USUAL:.0f} % of those are from each other."
    )
    return judge(name, float(strange.mean()), wilson(int(strange.sum()), len(strange)), control, text, details)


def _constant(model: Model, rows: Rows) -> Finding:
    name = "data.constant"
    control = "a column that varies"
    if isinstance(model.input, TabularInput):
        same = (rows.inputs == rows.inputs[:1]).all(0)
        dead = [column for column, flag in zip(model.input.names, same.tolist()) if flag]
        what = "columns"
    elif rows.inputs.ndim == 3:
        same = (rows.inputs == rows.inputs[:1, :1]).all(0).all(0)
        names = getattr(model.input, "names", None) or [f"series {number}" for number in range(len(same))]
        dead = [column for column, flag in zip(names, same.tolist()) if flag]
        what = "series"
    elif rows.inputs.ndim == 4:
        flat = rows.inputs.flatten(1)
        same = flat.amax(1) == flat.amin(1)
        dead, what = rows.places[same].tolist(), "images of a single color"
        control = "an image with something on it"
    else:
        return untestable(name, "a text has no columns.")
    share = len(dead) / len(same)
    quoted = f": {', '.join(map(str, dead[:8]))}" if dead and what != "images of a single color" else ""
    text = f"{len(dead)} of {len(same)} {what} never vary{quoted}."
    text = text if what != "images of a single color" else f"{len(dead)} of {len(same)} are {what}."
    return judge(name, share, (share, share), control, text, {"constant": dead[:LISTED]}, at_most="warn")


def _balance(model: Model, rows: Rows) -> Finding:
    name = "data.balance"
    if rows.task not in ("classification", "binary"):
        return untestable(name, "only one class per row can be balanced.")
    counts = np.bincount(rows.labels.numpy(), minlength=rows.outputs)
    names = _names(model, rows)
    shares = counts / counts.sum()
    least = int(counts.argmin())
    even = 1 / rows.outputs
    low, high = wilson(int(counts[least]), int(counts.sum()))
    details = {"panels": [bars("Rows by class", "", "share", {"rows": shares}, names)]} if rows.outputs <= 20 else {}
    details["counts"] = counts.tolist()
    text = f"The rarest class, {names[least]}, has {100 * shares[least]:.1f} % of the rows (even: {100 * even:.1f} %)."
    score, interval = float(shares[least] / even), (low / even, high / even)
    return judge(name, score, interval, "even shares", text, details, at_most="warn")


def _drift(model: Model, held_out: Rows, train: Rows | None, seed: int) -> Finding:
    name = "data.drift"
    if train is None:
        return untestable(name, "the rows that the model learned from were not given.")
    if held_out.task not in ("classification", "binary"):
        return untestable(name, "it compares shares of classes.")

    def shares(rows: Rows) -> np.ndarray:
        return np.bincount(rows.labels.numpy(), minlength=rows.outputs) / len(rows)

    before, after = shares(train), shares(held_out)
    distance = 0.5 * float(np.abs(before - after).sum())
    generator = np.random.default_rng(seed)
    both = (before * len(train) + after * len(held_out)) / (len(train) + len(held_out))

    def drawn(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        parts = [
            generator.multinomial(len(rows), law, 999) / len(rows) for rows, law in ((train, first), (held_out, second))
        ]
        return 0.5 * np.abs(parts[0] - parts[1]).sum(1)

    null, boots = drawn(both, both), drawn(before, after)
    score = distance - float(null.mean())
    shift = float(boots.mean()) - score
    interval = tuple(float(end) - shift for end in np.quantile(boots, [ALPHA / 2, 1 - ALPHA / 2]))
    lines = [{"class": label, "learned from": float(a), "held out": float(b)}
             for label, a, b in zip(_names(model, held_out), before, after)]  # fmt: skip
    control = f"two parts drawn from one law differ by {100 * null.mean():.1f} % of the rows on average"
    text = f"The shares of the classes differ between the parts by {100 * distance:.1f} % of the rows."
    return judge(name, score, interval, control, text, {"tables": [table("Shares of the classes", lines)]})


def _names(model: Model, rows: Rows) -> list[str]:
    return model.classes or [str(number) for number in range(rows.outputs)]


def _keys(model: Model, rows: Rows) -> list[object]:
    """Return something equal for equal inputs; of texts the words, since upper case and spaces change nothing."""
    if not rows.inputs.is_floating_point():
        return [" ".join(text.lower().split()) for text in texts_of(model, rows.inputs)]
    return [row.tobytes() for row in rows.inputs.flatten(1).contiguous().numpy()]
