"""Does an audit fail models that nobody tampered with? `python -m benchmarks.honest_models [iris wine ...]`.

Twenty models of scikit-learn and torch on data sets of scikit-learn, from ones that one column dominates to ones that
spread over many, audited on the half that they did not learn from in all default chapters but explanations, which only
warn. A model that says 100 % for rows that it gets wrong fails calibration rightly; such are named, not left out.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

import xai
from benchmarks.output import say
from benchmarks.planted_worlds import fitted
from xai.inputs.table import TabularInput
from xai.methods import MODEL_CHECKS
from xai.model.model import Model

DATA = {"iris": load_iris, "wine": load_wine, "breast-cancer": load_breast_cancer, "digits": load_digits}
LEARNERS: dict[str, Callable] = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    "random forest": lambda: RandomForestClassifier(100, min_samples_leaf=3, random_state=0),
    "extra trees": lambda: ExtraTreesClassifier(100, min_samples_leaf=3, random_state=0),
    "small network of scikit-learn": lambda: make_pipeline(
        StandardScaler(), MLPClassifier((16,), alpha=1.0, max_iter=400, random_state=0)
    ),
}


def main(names: Sequence[str] = ()) -> None:
    """Audit the models of these data sets, or of all, and say of each how many findings hold and which fail."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    chapters = [name for name, check in MODEL_CHECKS.items() if not check.asked and name != "explanations"]
    failed = models = 0
    for name in names or DATA:
        loaded = DATA[name]()
        rows, labels = loaded.data.astype(np.float32), loaded.target
        train, tested, known, truth = train_test_split(rows, labels, test_size=0.5, stratify=labels, random_state=0)
        columns = [str(column) for column in getattr(loaded, "feature_names", range(rows.shape[1]))]
        data = xai.AuditData(tested, truth, train=(train, known))
        for called, model in _models(train, known, TabularInput(columns)):
            started = time.process_time()
            result = xai.audit(model, data, chapters)
            found = [item for item in result.findings if item.status == "fail"]
            models, failed = models + 1, failed + bool(found)
            right = float((model.predict(tested).argmax(1).numpy() == truth).mean())
            counts = ", ".join(f"{count} {status}" for status, count in result.counts.items())
            say(f"{name}, {called}: {right:.3f} right; {counts}; {time.process_time() - started:.0f} s")
            for item in found:
                say(f"    {item.check}: {item.text}")
    say(f"{failed} of {models} models have a finding that fails")


def _models(train: np.ndarray, known: np.ndarray, table: TabularInput) -> list[tuple[str, Model]]:
    classes = [str(label) for label in np.unique(known)]
    made = [(name, learner().fit(train, known)) for name, learner in LEARNERS.items()]
    models = [(name, Model.from_callable(item.predict_proba, classes=classes, input=table)) for name, item in made]
    network = nn.Sequential(Standardized(train), nn.Linear(train.shape[1], 16), nn.ReLU(), nn.Linear(16, len(classes)))
    fitted(network, torch.from_numpy(train), torch.from_numpy(known).long(), seed=0, decay=0.1)
    return [*models, ("torch network", Model(network, classes=classes, input=table))]


class Standardized(nn.Module):
    """Columns less their mean, in standard deviations of the training rows."""

    def __init__(self, rows: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(rows.mean(0)))
        self.register_buffer("scale", torch.from_numpy(np.where(rows.std(0) > 0, rows.std(0), 1.0).astype(np.float32)))

    def forward(self, rows: Tensor) -> Tensor:
        return (rows - self.mean) / self.scale


if __name__ == "__main__":
    main(sys.argv[1:])
