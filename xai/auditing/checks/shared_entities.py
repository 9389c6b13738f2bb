"""Who and when across the parts: entities that both have, and held-out rows no later than the training rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from xai.auditing.row_features import Features
from xai.auditing.scores import ONE_CLASS
from xai.auditing.sentences import sentence
from xai.auditing.split import Split
from xai.auditing.verdicts import Measured, Untestable, tested
from xai.base.statistics import wilson
from xai.results.finding import Finding

__all__ = ["across_parts", "order", "shared_entities"]

FOLDS, TREES, MOST_ROWS = 3, 60, 3000


def across_parts(held_out: Split, train: Split | None, made: Callable[[], Features], seed: int) -> list[Finding]:
    """Return the findings on the metadata of rows: whose rows they are, and when they were."""
    found = []
    if held_out.metadata_of("entity") is not None:
        found.append(tested("data.entities", shared_entities, held_out, train, made, seed))
    if held_out.metadata_of("time") is not None:
        found.append(tested("data.order", order, held_out, train))
    return found


def shared_entities(held_out: Split, train: Split | None, made: Callable[[], Features], seed: int) -> Measured:
    """Return the share of held-out rows whose entity the training part has too, and what that is worth.

    A simple model says what it is worth: how it does on rows of entities that it has learned from, and of others.
    """
    if train is None:
        raise Untestable("no_training_rows")
    entities, known = held_out.metadata_of("entity"), train.metadata_of("entity")
    if entities is None or known is None:
        raise Untestable("no_entities")
    shared = np.isin(entities, [entity for entity in set(known) if entity is not None])
    count, share = int(shared.sum()), float(shared.mean())
    accuracies = _accuracies(train, known, made, seed) if count else None
    facts = {
        "found": count, "rows": len(shared), "share": share,
        "learner": "" if accuracies is None else sentence("data.entities", "learner", accuracies),
    }  # fmt: skip
    details = {"entities": len(set(entities)), "known": len(set(known)), "simple_model": accuracies}
    return Measured(share, wilson(count, len(shared)), facts, details)


def _accuracies(train: Split, entities: np.ndarray, made: Callable[[], Features], seed: int) -> dict[str, float] | None:
    """Return the accuracy of trees on rows of known and of new entities, cross-validated; None where too few."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score

    labels = train.labels.numpy() if train.task in ONE_CLASS else None
    named = np.array([entity is not None for entity in entities])
    if labels is None or len(set(entities[named])) < 2 * FOLDS or min(np.bincount(labels[named])) < FOLDS:
        return None
    rows = np.flatnonzero(named)
    rows = np.random.default_rng(seed).permutation(rows)[:MOST_ROWS]
    values, labels, groups = made().parts[0][rows], labels[rows], entities[rows].astype(str)
    if min(np.bincount(labels)) < FOLDS:
        return None
    learner = ExtraTreesClassifier(TREES, random_state=seed)
    on_known = cross_val_score(learner, values, labels, cv=StratifiedKFold(FOLDS, shuffle=True, random_state=seed))
    on_new = cross_val_score(learner, values, labels, groups=groups, cv=GroupKFold(FOLDS))
    return {"seen": float(on_known.mean()), "new": float(on_new.mean())}


def order(held_out: Split, train: Split | None) -> Measured:
    """Return the share of held-out rows that are no later than the latest training row."""
    if train is None:
        raise Untestable("no_training_rows")
    times, known = held_out.metadata_of("time"), train.metadata_of("time")
    if times is None or known is None or not np.isfinite(times).any() or not np.isfinite(known).any():
        raise Untestable("no_times")
    times = times[np.isfinite(times)]
    early = times <= np.nanmax(known)
    count, share = int(early.sum()), float(early.mean())
    facts = {"found": count, "rows": len(early), "share": share}
    return Measured(share, wilson(count, len(early)), facts, at_most="warn")
