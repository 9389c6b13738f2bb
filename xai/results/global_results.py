"""What the methods for whole models return: each a small frozen table with `to_frame()` and `plot()`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from xai.base.errors import InputError
from xai.results.display import Shown
from xai.results.finding import Finding
from xai.results.named_target import NamedTarget

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

__all__ = ["Concepts", "Curve", "Effects", "Examples", "Importance", "Neighbors", "SurrogateTree"]


@dataclass(frozen=True, eq=False)
class Importance(Shown):
    """How much a model's score falls without each column (or group of columns).

    values, standard_error: (D,); repeats: (D, R), one per shuffle. score: of the whole model, in `metric`. correlated:
    pairs of columns that can stand in for each other, with how strongly (0 to 1).
    """

    names: tuple[str, ...]
    values: Tensor
    standard_error: Tensor
    repeats: Tensor
    score: float
    metric: str
    rows: int
    correlated: tuple[tuple[str, str, float], ...]
    options: dict[str, object]
    seed: int
    model_digest: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per column, the most important first: value, standard error, 95 % interval, its stand-in."""
        import pandas as pd

        partner: dict[str, str] = {}
        for first, second, strength in self.correlated:
            partner.setdefault(first, f"{second} ({strength:.2f})")
            partner.setdefault(second, f"{first} ({strength:.2f})")
        frame = pd.DataFrame({"name": self.names, "value": self.values, "standard_error": self.standard_error})
        frame["low"] = frame["value"] - 1.96 * frame["standard_error"]
        frame["high"] = frame["value"] + 1.96 * frame["standard_error"]
        frame["correlated_with"] = [partner.get(name, "") for name in self.names]
        return frame.sort_values("value", ascending=False, kind="stable", ignore_index=True)


@dataclass(frozen=True, eq=False)
class Curve:
    """The effect of one column: values (G,) with standard errors at grid points (G,), or at `words`.

    individual: each row's own curve (N, G), where there are any.
    """

    name: str
    grid: Tensor
    words: tuple[str, ...] | None
    values: Tensor
    standard_error: Tensor
    individual: Tensor | None


@dataclass(frozen=True, eq=False)
class Effects(Shown):
    """Curves of several columns, one after another, and by name: `effects["age"]`."""

    kind: str
    curves: tuple[Curve, ...]
    target: int | tuple[int, int] | NamedTarget
    classes: tuple[str, ...]
    of: str
    rows: int
    options: dict[str, object]
    model_digest: str

    def __getitem__(self, name: str) -> Curve:
        found = next((curve for curve in self.curves if curve.name == name), None)
        if found is None:
            known = ", ".join(curve.name for curve in self.curves)
            raise InputError("name", expected=f"one of {known}", got=repr(name))
        return found

    def __len__(self) -> int:
        return len(self.curves)

    def __iter__(self) -> Iterator[Curve]:
        return iter(self.curves)

    def __contains__(self, name: object) -> bool:
        return any(curve.name == name for curve in self.curves)

    def target_name(self) -> str:
        """Return what the curves are of: a class, or "a rather than b"."""
        if isinstance(self.target, NamedTarget):
            return self.target.name
        numbers = self.target if isinstance(self.target, tuple) else (self.target,)
        return " rather than ".join(self.classes[number] if self.classes else str(number) for number in numbers)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per column and grid point."""
        import pandas as pd

        parts = [
            pd.DataFrame(
                {
                    "name": curve.name,
                    "at": curve.grid if curve.words is None else list(curve.words),
                    "value": curve.values,
                    "standard_error": curve.standard_error,
                }
            )
            for curve in self.curves
        ]
        return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True, eq=False)
class Examples(Shown):
    """The real examples that excite units most and least; row numbers into what was given.

    most, least: (U, n) row numbers, the furthest first; most_values, least_values: the activations. mean, deviation:
    (U,) over all rows. inputs: what was given, as prepared.
    """

    layer: str
    units: tuple[int, ...]
    most: Tensor
    most_values: Tensor
    least: Tensor
    least_values: Tensor
    mean: Tensor
    deviation: Tensor
    rows: int
    inputs: Tensor
    model_digest: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per unit and example: its row, activation, and how many standard deviations from the mean."""
        import pandas as pd

        rows = []
        for position, unit in enumerate(self.units):
            for side, numbers, values in (
                ("most", self.most, self.most_values), ("least", self.least, self.least_values),
            ):  # fmt: skip
                for rank, (row, value) in enumerate(
                    zip(numbers[position].tolist(), values[position].tolist(), strict=True), start=1
                ):
                    std = float(self.deviation[position])
                    away = (value - float(self.mean[position])) / std if std > 0 else 0.0
                    entry = {"unit": unit, "side": side, "rank": rank, "row": row, "activation": value}
                    rows.append({**entry, "deviations": away})
        return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class Neighbors(Shown):
    """The training examples nearest to each input in a layer: indices and distances (N, n), nearest first.

    novelty (N,): the share of training rows that lie nearer to their own nearest neighbor than the input does to its.
    """

    layer: str
    distance: str
    indices: Tensor
    distances: Tensor
    novelty: Tensor
    predicted: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...] | None
    evidence: tuple[tuple[Finding, ...], ...]
    model_digest: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per input and neighbor."""
        import pandas as pd

        rows = []
        for row, (numbers, lengths) in enumerate(zip(self.indices.tolist(), self.distances.tolist(), strict=True)):
            for rank, (number, length) in enumerate(zip(numbers, lengths, strict=True), start=1):
                entry = {"row": row, "predicted": self.predicted[row], "rank": rank, "train_row": number}
                label = {} if self.labels is None else {"label": self.labels[row][rank - 1]}
                rows.append({**entry, **label, "distance": length, "novelty": float(self.novelty[row])})
        return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class SurrogateTree(Shown):
    """A decision tree that imitates a model: its rules, and how often it agrees on rows that it was not grown on.

    fidelity: that share, with its 95 % Wilson `interval`; `baseline`: that of always saying the most frequent answer.
    tree: the scikit-learn estimator; names: of its columns, a categorical column being one per word.
    """

    tree: DecisionTreeClassifier | DecisionTreeRegressor
    names: tuple[str, ...]
    classes: tuple[str, ...]
    rules: str
    fidelity: float
    interval: tuple[float, float]
    baseline: float
    held_out: int
    leaves: int
    depth: int
    evidence: tuple[Finding, ...]
    model_digest: str

    def to_frame(self) -> pd.DataFrame:
        """Return how much each column does for the tree (its share of the impurity taken away), the most first."""
        import pandas as pd

        frame = pd.DataFrame({"name": self.names, "importance": self.tree.feature_importances_})
        return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


@dataclass(frozen=True, eq=False)
class Concepts(Shown):
    """How a class depends on concepts: the share of inputs whose score rises towards each concept, in a layer.

    scores (C,): 0.5 is indifference. alignment (C,): the mean cosine of gradient and concept; controls (C, R): that of
    random concepts of as many examples. p_values (C,): of the alignment, corrected (Holm). accuracy (C,): how well
    examples of the concept are told from others, on held-out ones.
    """

    layer: str
    target: int
    classes: tuple[str, ...]
    names: tuple[str, ...]
    scores: Tensor
    alignment: Tensor
    accuracy: Tensor
    p_values: Tensor
    controls: Tensor
    evidence: tuple[Finding, ...]
    seed: int
    model_digest: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row per concept."""
        import pandas as pd

        return pd.DataFrame(
            {
                "concept": self.names,
                "score": self.scores,
                "alignment": self.alignment,
                "p_corrected": self.p_values,
                "accuracy": self.accuracy,
                "status": [finding.status for finding in self.evidence],
            }
        )
