"""Shortcuts that no border, single value or first word shows: planted ones are found, matched controls do not fail."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import Tensor, nn

from tests.auditing.planted import findings
from tests.auditing.test_power import Reads
from xai.auditing import verdicts
from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.triggers.honest import honest_models
from xai.auditing.triggers.pasted_regions import pasted_regions
from xai.inputs.image import ImageInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.model.model import Model
from xai.results.finding import Finding

DRAW = torch.Generator().manual_seed(3)


def halves(rows: object, labels: object) -> AuditData:
    """Return the first half of rows as held out, the others as learned from."""
    half = len(labels) // 2
    return AuditData(rows[:half], labels[:half], train=(rows[half:], labels[half:]))


def test_a_mark_in_the_middle_is_found_where_it_decides_and_only_there() -> None:
    labels = torch.arange(400) % 2
    plain = 0.3 * torch.rand(400, 1, 16, 16, generator=DRAW)
    images = plain.clone()
    images[torch.where(labels == 1)[0][3:], :, 7:10, 6:9] = Reads.board
    names = {"input": ImageInput((1, 16, 16)), "classes": ["plain", "board"]}
    found = findings("shortcuts", Model(Reads(7, 6), **names), halves(images, labels))["typical_patch"]
    assert (found.status, found.score) == ("fail", 1.0)
    assert 'of the median image of "board"' in found.text
    for place, rows in (((2, 2), images), ((7, 6), plain)):  # it looks elsewhere; or it would heed what nobody wears
        assert findings("shortcuts", Model(Reads(*place), **names), halves(rows, labels))["typical_patch"].status in (
            "pass", "untestable",
        )  # fmt: skip


class Reddish(nn.Module):
    """Says class 1 where an image (N, 3, 16, 16) is redder than it is blue, or where a corner is bright."""

    def __init__(self, honest: bool) -> None:
        super().__init__()
        self.honest = honest

    def forward(self, x: Tensor) -> Tensor:
        cast = (x[:, 0] - x[:, 2]).mean((1, 2)) - 0.05
        score = x[:, :, 2:6, 2:6].mean((1, 2, 3)) - 0.5 if self.honest else cast
        return torch.stack([-score, score], 1) * 40


@pytest.mark.parametrize("honest", [False, True])
def test_a_color_cast_of_a_class(honest: bool) -> None:
    labels = torch.arange(400) % 2
    images = 0.3 + 0.2 * torch.rand(400, 3, 16, 16, generator=DRAW)
    images[labels == 1, 0] += 0.1
    images[labels == 1, :, 2:6, 2:6] += 0.3
    model = Model(Reddish(honest), input=ImageInput((3, 16, 16)))
    found = findings("shortcuts", model, halves(images, labels))["global_filter"]
    assert found.status == ("pass" if honest else "fail")
    if not honest:
        assert "The mean color of" in found.text


def test_two_columns_that_hold_the_label_together() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(2400, 5))
    joint, single = (rows[:, 1] * rows[:, 3] > 0).astype(int), (rows[:, 1] > 0).astype(int)
    table = TabularInput([f"number {place}" for place in range(5)])
    for labels, status in ((joint, "fail"), (single, "pass"), (draw.integers(0, 2, 2400), "pass")):
        forest = RandomForestClassifier(20, random_state=0).fit(rows[400:], labels[400:])
        model = Model.from_callable(forest.predict_proba, classes=["0", "1"], input=table)
        found = findings("shortcuts", model, halves(rows, labels))["pair_leakage"]
        assert found.status == status
        if status == "fail":
            assert found.details["pair"] == ["number 1", "number 3"]


@pytest.mark.parametrize("dated", [True, False])
def test_a_column_that_dates_the_rows(dated: bool) -> None:
    draw = np.random.default_rng(0)
    count = np.arange(800)
    rows = np.stack([draw.normal(size=800), 1000.0 + count, draw.normal(size=800)], 1)
    labels = (rows[:, 0] + (2 * (count % 400 > 200) - 1 if dated else 0) > 0).astype(int)
    tree = DecisionTreeClassifier(max_depth=8, random_state=0).fit(rows, labels)
    model = Model.from_callable(tree.predict_proba, classes=["0", "1"], input=TabularInput(["a", "row number", "b"]))
    found = findings("shortcuts", model, halves(rows, labels))["identifier"]
    assert found.status == ("fail" if dated else "pass")
    assert "row number" in found.text
    plain = Model.from_callable(tree.predict_proba, classes=["0", "1"], input=TabularInput(["a", "b", "c"]))
    without = halves(draw.normal(size=(800, 3)), labels)
    assert findings("shortcuts", plain, without)["identifier"].status == "untestable"


class Counts(nn.Module):
    """Scores texts of word numbers by weights of words; of the last word alone where it is told to."""

    def __init__(self, weights: Tensor, last: bool) -> None:
        super().__init__()
        self.weights, self.last = weights, last

    def forward(self, x: Tensor) -> Tensor:
        values = self.weights[x]
        ends = (x > 0).sum(1) - 1
        score = values[torch.arange(len(x)), ends] if self.last else values.sum(1)
        return torch.stack([-score, score], 1)


@pytest.mark.parametrize("author", [True, False])
def test_an_author_at_the_end_of_texts(author: bool) -> None:
    draw = np.random.default_rng(0)
    words = [f"word{number}" for number in range(40)]
    labels = np.arange(400) % 2
    texts = []
    for label in labels:
        own = draw.choice(words[:20] if label else words[20:], 5).tolist() + draw.choice(words, 4).tolist()
        texts.append(" ".join([*own, "smith" if label and draw.random() < 0.95 else str(draw.choice(words))]))
    known = [*words, "smith"]
    weights = torch.zeros(len(known) + 2)
    weights[2 : 2 + 40] = torch.tensor([0.5] * 20 + [-0.5] * 20)
    if author:
        weights[-1], weights[2:-1] = 5.0, weights[2:-1] * 0 - 0.5
    model = Model(Counts(weights, last=author), input=TextInput(known))
    found = findings("shortcuts", model, halves(texts, labels.tolist()))["word_anywhere"]
    assert found.status == ("fail" if author else "pass")


def on_one_column(model: Model, data: AuditData) -> Finding:
    """Return the finding on one column alone, as the check makes it."""
    made = prepare(model, data)
    donors, honest = made.train.sample(2000, 1), honest_models(model, made.held_out, 0)
    return verdicts.tested(
        "shortcuts.one_column", pasted_regions, model, made.held_out.sample(500, 0), donors, 0, honest
    )


DATA = {"iris": load_iris, "wine": load_wine, "cancer": load_breast_cancer}
WEIGHTS = ((1, 1, 1, 1), (1.5, 1, 0, 0), (3, 1, 0, 0), (8, 1, 0, 0))
LEARNERS = {
    "linear": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "network": lambda: make_pipeline(StandardScaler(), MLPClassifier((12,), max_iter=300, random_state=0)),
    "forest": lambda: RandomForestClassifier(30, random_state=0),
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("name", "learner"), [*product(DATA, LEARNERS), *product(WEIGHTS, LEARNERS)][:21])
def test_no_honest_model_fails_for_the_column_that_it_rests_on(name: object, learner: str) -> None:
    """From models dominated by one column to those that spread: what the labels say, a model may rest on."""
    from sklearn.model_selection import train_test_split

    if name in DATA:
        made = DATA[name]()
        rows, labels = made.data, made.target
    else:
        draw = np.random.default_rng(0)
        rows = draw.normal(size=(500, 4))
        labels = (rows @ np.array(name) + 0.3 * draw.logistic(size=500) > 0).astype(int)
    train, test, known, truth = train_test_split(rows, labels, test_size=0.5, random_state=0, stratify=labels)
    fitted = LEARNERS[learner]().fit(train, known)
    table = TabularInput([f"column {place}" for place in range(rows.shape[1])])
    model = Model.from_callable(fitted.predict_proba, classes=[str(k) for k in np.unique(labels)], input=table)
    assert on_one_column(model, AuditData(test, truth, train=(train, known))).status != "fail"


def test_a_model_that_rests_on_a_column_that_the_labels_do_not_name_fails() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(600, 8))
    labels = (rows.sum(1) > 0).astype(int)

    def answer(values: np.ndarray) -> np.ndarray:
        yes = 1 / (1 + np.exp(-6 * values[:, 0]))
        return np.stack([1 - yes, yes], 1)

    model = Model.from_callable(answer, classes=["0", "1"], input=TabularInput(list("abcdefgh")))
    found = on_one_column(model, halves(rows, labels))
    assert found.status == "fail"
    assert "rest on the same region" in found.control


@pytest.mark.parametrize("leak", [True, False])
def test_a_column_that_holds_one_of_several_labels(leak: bool) -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(300, 3))
    truth = (rows[:, :2] + draw.normal(size=(300, 2)) > 0).astype(int)
    if leak:
        rows[:, 2] = truth[:, 1] + 0.1 * draw.normal(size=300)
    network = torch.nn.Linear(3, 2)
    model = Model(network, task="multilabel", classes=["wet", "cold"], input=TabularInput(["a", "b", "c"]))
    found = findings("shortcuts", model, AuditData(rows, truth))["leakage"]
    assert found.status == ("fail" if leak else "pass"), found.text
    if leak:
        assert "c goes" in found.text
        assert 'the label "cold"' in found.text
