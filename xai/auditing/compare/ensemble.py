"""The versions of a model that are compared: A, B, and replicas of A that differ from it by their seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from xai.auditing.audit_data import AuditData, Prepared, Rows, prepare
from xai.auditing.rates import LEAST
from xai.base.errors import InputError, describe
from xai.inputs.table import TabularInput
from xai.model.model import Model

__all__ = ["A", "B", "Pool", "read_pool"]

A, B = 0, 1  # places in a pool; replicas follow
RIGHT = "right answer"


@dataclass(frozen=True, eq=False)
class Pool:
    """Versions of a model, A first, B second, then replicas of A, and what each says on the same rows.

    rows: one for each version, in its own preparation of the same inputs. data: those of A, as an audit has them.
    """

    models: tuple[Model, ...]
    rows: tuple[Rows, ...]
    data: Prepared

    def __len__(self) -> int:
        return len(self.models)

    @property
    def replicas(self) -> int:
        """Return how many models there are that differ from A by their seed alone."""
        return len(self) - 2

    @property
    def first(self) -> Rows:
        """Return the rows as A takes them, with their labels and groups."""
        return self.rows[A]

    @property
    def kin(self) -> list[int]:
        """Return the places of all versions but B: A and its replicas."""
        return [place for place in range(len(self)) if place != B]

    @property
    def names(self) -> list[str]:
        """Return how the versions are called in tables and pictures."""
        return ["A", "B", *(f"replica {number + 1}" for number in range(self.replicas))]

    @property
    def wrong(self) -> np.ndarray:
        """Return where each version errs (versions, N): 1.0 or 0.0.

        Of a regression, an error is one among the largest quarter of the errors of all versions together.
        """
        if self.first.task != "regression":
            return np.stack([1 - rows.quality.numpy() for rows in self.rows])
        errors = np.stack([(rows.prediction - rows.labels).abs().mean(1).numpy() for rows in self.rows])
        return (errors > np.quantile(errors, 0.75)).astype(np.float64)

    def groups(self) -> list[tuple[str, np.ndarray]]:
        """Return the groups of at least 20 rows, by name, as masks (N,): protected columns and right answers."""
        frame = self.first.groups.copy()
        if self.first.task in ("classification", "binary"):
            names = self.models[A].classes
            frame[RIGHT] = [names[label] if names else str(label) for label in self.first.labels.tolist()]
        found = []
        for column in frame.columns:
            words = frame[column].to_numpy()
            for word in sorted(set(words)):
                mask = words == word
                if mask.sum() >= LEAST:
                    found.append((f"{column} = {word}", mask))
        return found


def read_pool(
    a: Model, b: Model, data: AuditData, replicas: Sequence[Model], *, rows: int = 10_000, seed: int = 0
) -> Pool:
    """Return the versions with what they say on at most so many rows, drawn at random.

    Raises InputError where a version has another task, other classes or another kind of input than A, or where a
    replica has the weights of another version: it would say that there is no noise.
    """
    if not isinstance(data, AuditData):
        raise InputError("data", expected="an AuditData", got=describe(data), operation="compare")
    if isinstance(replicas, Model) or not all(isinstance(item, Model) for item in replicas):
        raise InputError("replicas", expected="a list of models", got=describe(replicas), operation="compare")
    versions = {"a": a, "b": b, **{f"replicas[{place}]": item for place, item in enumerate(replicas)}}
    for argument, model in versions.items():
        if not isinstance(model, Model):
            raise InputError(argument, expected="a Model", got=describe(model), operation="compare")
        _check_fit(a, model, argument)
    _check_others(versions)
    # A comparison needs no training rows: nothing of them is read.
    prepared = prepare(a, replace(data, train=None, train_groups=None), rows=rows, seed=seed)
    first = prepared.held_out
    read = [first, *(_read(model, data, first, argument) for argument, model in list(versions.items())[1:])]
    return Pool(tuple(versions.values()), tuple(read), prepared)


def _read(model: Model, data: AuditData, first: Rows, argument: str) -> Rows:
    """Return the rows of another version: the same inputs as it takes them, and what it says."""
    batch = model.prepare(data.inputs).cpu()[first.places]
    same = batch.dtype == first.inputs.dtype and torch.equal(batch, first.inputs)
    inputs = first.inputs if same else batch  # twenty versions need not hold the rows twenty times
    prediction = model.predict(inputs).double().cpu()
    if prediction.shape[1] != first.outputs:
        wanted = f"a model of {first.outputs} outputs, as A"
        raise InputError(argument, expected=wanted, got=f"{prediction.shape[1]} outputs", operation="compare")
    return replace(first, inputs=inputs, prediction=prediction)


def _check_fit(a: Model, other: Model, argument: str) -> None:
    """Raise InputError where another version answers another question than A."""

    def names(model: Model) -> list[str]:
        return model.input.names if isinstance(model.input, TabularInput) else []

    facts = {
        "task": lambda model: model.task,
        "classes": lambda model: model.classes,
        "input": lambda model: model.input.kind,
        "columns": names,
    }
    for fact, of in facts.items():
        wanted, got = of(a), of(other)
        if fact == "classes" and (wanted is None or got is None):
            continue  # without names, the number of outputs must do
        if wanted != got:
            said = f"a model with the {fact} of A ({_short(wanted)})"
            raise InputError(argument, expected=said, got=_short(got), operation="compare")


def _check_others(versions: dict[str, Model]) -> None:
    seen: dict[str, str] = {}
    for argument, model in versions.items():
        if not list(model.network.parameters()):
            continue  # a function has no weights that could be compared
        digest = model.digest()
        if digest in seen and argument.startswith("replicas"):
            wanted = "a model trained with a seed of its own"
            raise InputError(argument, expected=wanted, got=f"the weights of {seen[digest]}", operation="compare")
        seen.setdefault(digest, argument)


def _short(value: object) -> str:
    words = ", ".join(map(str, value[:6])) + (", ..." if len(value) > 6 else "") if isinstance(value, list) else value
    return str(words) or "none"
