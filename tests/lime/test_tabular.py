"""LIME on tables: lime's own weights, closed forms, many rows in one call, and every named error."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from xai.base.errors import InputError
from xai.evidence.recompute import recompute
from xai.inputs.table import TabularInput
from xai.lime.tabular import lime_tabular
from xai.lime.training_summary import TrainingSummary
from xai.model.model import Model

NAMES = ["age", "income", "color", "score"]
COLORS = {"color": ["red", "green", "blue"]}
GENERATOR = np.random.default_rng(0)
DATA = np.stack(
    [GENERATOR.normal(40, 12, 400), GENERATOR.lognormal(1, 0.6, 400), GENERATOR.integers(0, 3, 400),
     GENERATOR.uniform(-1, 1, 400)], 1
)  # fmt: skip
LABELS = (DATA[:, 0] + 5 * DATA[:, 3] > 42).astype(int)


def mixed(categorical: bool = True) -> Model:
    """Return a small network on columns of different kinds and sizes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
        network[0].weight.data *= torch.tensor([0.1, 0.5, 1.0, 2.0])
    return Model(network.double(), input=TabularInput(NAMES, COLORS if categorical else {}))


@pytest.mark.parametrize("bins", ["quartile", "decile", "entropy", None])
@pytest.mark.parametrize("categorical", [True, False])
def test_weights_agree_with_lime(bins: str | None, categorical: bool) -> None:
    """Against lime on the training data itself: it sees the data, we see the summary."""
    from lime.lime_tabular import LimeTabularExplainer

    model = mixed(categorical)
    theirs = LimeTabularExplainer(
        DATA, training_labels=LABELS, feature_names=NAMES, categorical_features=[2] if categorical else [],
        discretize_continuous=bins is not None, discretizer=bins or "quartile", random_state=0,
        feature_selection="none",
    )  # fmt: skip
    e = lime_tabular(model, DATA[:4], 1, background=DATA, bins=bins, labels=LABELS, samples=8000)
    again = lime_tabular(model, DATA[:4], 1, background=DATA, bins=bins, labels=LABELS, samples=8000, engine="lime")
    told, ours, ran = [], torch.stack(e.values).flatten().numpy(), torch.stack(again.values).flatten().numpy()
    for row in DATA[:4]:
        exp = theirs.explain_instance(row, lambda x: model.predict(x).numpy(), labels=(1,), num_samples=8000)
        weights = dict(exp.local_exp[1])
        told += [weights[number] for number in range(4)]
    assert np.corrcoef(ours, told)[0, 1] > 0.985
    assert np.corrcoef(ran, told)[0, 1] > 0.985
    plain = lime_tabular(
        model, DATA[:4], 1, background=DATA, bins=bins, labels=LABELS, samples=8000, controls=None
    )  # about as noisy as lime
    error = torch.stack(plain.standard_error).flatten().numpy()
    assert (np.abs(ours - told) < 6 * error + 1e-3).all()


def test_without_bins_a_linear_network_is_found_exactly() -> None:
    slope = torch.tensor([[0.02, -0.1, 0.3]], dtype=torch.float64)
    network = nn.Linear(3, 1).double()
    network.weight.data = slope
    data = DATA[:, [0, 1, 3]]
    e = lime_tabular(Model(network, task="regression"), data[:2], background=data, bins=None, penalty=0.0, samples=500,
                     of="output")  # fmt: skip
    for row in range(2):
        assert e.values[row].tolist() == pytest.approx((slope[0].numpy() * data.std(0)).tolist(), rel=1e-4)
        assert e.diagnostics[row]["surrogate_prediction"] == pytest.approx(
            e.diagnostics[row]["network_prediction"], abs=1e-5
        )


def test_a_table_of_categories_has_the_closed_form() -> None:
    """Two categories: the weight is what the row's own one adds, since nothing else is in the table."""

    def score(x: np.ndarray) -> np.ndarray:
        return 1.0 + 2 * x[:, :1] - 3 * x[:, 1:2]

    words = {name: ["no", "yes"] for name in ("a", "b")}
    model = Model.from_callable(score, task="regression", input=TabularInput(["a", "b"], words))
    data = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 5, dtype=float)
    e = lime_tabular(model, [[1.0, 0.0], [0.0, 1.0]], background=data, samples=200, penalty=0.0, of="output")
    assert e.values[0].tolist() == pytest.approx([2, 3], abs=1e-5)
    assert e.values[1].tolist() == pytest.approx([-2, -3], abs=1e-5)
    assert e.value_names(0) == ["a = yes", "b = no"]


@pytest.mark.parametrize("controls", ["columns", "pairs"])
def test_controls_change_the_error_and_not_the_weights(controls: str) -> None:
    model = mixed()
    goal = lime_tabular(model, DATA[:2], 1, background=DATA, samples=200_000, controls=None)
    plain = lime_tabular(model, DATA[:2], 1, background=DATA, samples=2000, controls=None)
    e = lime_tabular(model, DATA[:2], 1, background=DATA, samples=2000, controls=controls)
    large = lime_tabular(model, DATA[:2], 1, background=DATA, samples=200_000, controls=controls)
    for row in range(2):
        assert bool((e.standard_error[row] < plain.standard_error[row]).all())
        error = (goal.standard_error[row].square() + large.standard_error[row].square()).sqrt()
        assert bool(((goal.values[row] - large.values[row]).abs() < 4.5 * error + 1e-4).all())


def test_intervals_cover_the_weights_of_a_very_large_run() -> None:
    model = mixed()
    goal = lime_tabular(model, DATA[:1], 1, background=DATA, samples=400_000, penalty=0.0)
    covered = 0
    for seed in range(60):
        e = lime_tabular(model, DATA[:1], 1, background=DATA, samples=600, penalty=0.0, seed=seed + 1)
        low, high = e.interval()[0]
        covered += int(((low <= goal.values[0]) & (goal.values[0] <= high)).sum())
    assert 0.9 <= covered / 240 <= 0.99


def test_shared_samples_give_each_row_what_it_would_get_alone() -> None:
    model = mixed()
    e = lime_tabular(model, DATA[:5], background=DATA, samples=1000, shared=True)
    for row in range(5):
        alone = lime_tabular(model, DATA[row : row + 1], [e.target[row]], background=DATA, samples=1000, shared=True)
        assert torch.allclose(alone.values[0], e.values[row], atol=1e-6)
    fresh = lime_tabular(model, DATA[:5], background=DATA, samples=1000)
    for ours, theirs, error in zip(e.values, fresh.values, fresh.standard_error, strict=True):
        assert bool(((ours - theirs).abs() < 6 * error).all())


def test_a_frame_of_words_a_csv_and_an_array_are_the_same_data(tmp_path) -> None:
    frame = pd.DataFrame(DATA, columns=NAMES)
    frame["color"] = [COLORS["color"][int(code)] for code in frame["color"]]
    frame.to_csv(tmp_path / "train.csv", index=False)
    frame.to_csv(tmp_path / "train.csv.gz", index=False)
    model = mixed()
    first = lime_tabular(model, DATA[:2], background=DATA, samples=200)
    for background in (frame, tmp_path / "train.csv", str(tmp_path / "train.csv.gz"), frame[NAMES[::-1]]):
        e = lime_tabular(model, frame.head(2), background=background, samples=200)
        assert torch.allclose(torch.stack(e.values), torch.stack(first.values), atol=1e-6)


def test_a_summary_is_saved_without_the_data_and_explains_the_same(tmp_path) -> None:
    summary = TrainingSummary.of(DATA, names=NAMES, categorical=COLORS)
    path = summary.save(tmp_path / "summary.json")
    assert TrainingSummary.load(path) == summary
    assert len(path.read_bytes()) < 4000, "statistics, not rows"
    model = mixed()
    first = lime_tabular(model, DATA[:1], background=DATA, samples=100)
    for background in (summary, path, str(path), summary.to_dict()):
        assert torch.equal(lime_tabular(model, DATA[:1], background=background, samples=100).values[0], first.values[0])
    assert torch.equal(recompute(model, first).values[0], first.values[0])


def test_constant_columns_are_untestable() -> None:
    data = DATA.copy()
    data[:, 1] = 3.0
    summary = TrainingSummary.of(data, names=NAMES)
    assert summary.untestable == ["income"]
    for bins in ("quartile", None):
        e = lime_tabular(mixed(False), data[:1], background=data, bins=bins, samples=100)
        assert any("income" in name for name in e.diagnostics[0]["untestable"])
        assert float(e.values[0][1]) == 0


@pytest.mark.parametrize("surrogate", ["lasso", "forward", "tree"])
def test_other_surrogates(surrogate: str) -> None:
    e = lime_tabular(mixed(), DATA[:2], background=DATA, surrogate=surrogate, features=2, samples=300)
    assert all(int((weights != 0).sum()) <= 2 for weights in e.values)


NAN = DATA.copy()
NAN[3, 1] = np.nan


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"background": NAN}, "NaN or infinity in row 3, column 'income'"),
        ({"background": np.where(NAN > 60, np.inf, DATA)}, "NaN or infinity"),
        ({"background": DATA[:, :3]}, "4 columns"),
        ({"background": DATA[:0]}, "at least one row"),
        ({"background": None}, "background"),
        ({"background": "nowhere.csv"}, "no file"),
        ({"background": "nowhere.json"}, "a saved summary"),
        ({"background": {"columns": 3}}, "a saved summary"),
        ({"background": [["a"] * 4]}, "a table of numbers"),
        ({"background": pd.DataFrame(DATA, columns=["age", "age", "color", "score"])}, "distinct"),
        ({"background": pd.DataFrame(DATA, columns=["age", "b", "color", "score"])}, "none named"),
        ({"background": pd.DataFrame(NAN, columns=NAMES)}, "NaN or infinity in row 3, column 'income'"),
        ({"background": DATA, "bins": "octile"}, "bins"),
        ({"background": DATA, "bins": "entropy"}, "labels"),
        ({"background": DATA, "bins": "entropy", "labels": [1, 2]}, "one per row"),
        ({"background": DATA, "shared": 1}, "shared"),
        ({"background": DATA, "controls": "all"}, "controls"),
        ({"background": DATA[DATA[:, 2] != DATA[0, 2]]}, "categories of column 'color'"),
        ({"background": TrainingSummary.of(DATA, names=["a", "b", "c", "d"])}, "columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lime_tabular(mixed(), DATA[:1], samples=50, **settings)


@pytest.mark.parametrize(
    "rows",
    [DATA[:1, :3], [[40, 1, 3, 0]], [[40, 1, 0.5, 0]], NAN[3:4], [[np.inf, 1, 0, 0]],
     pd.DataFrame([[1.0, 2.0, "pink", 0.0]], columns=NAMES), pd.DataFrame([[1.0, 2.0, "red", "x"]], columns=NAMES),
     pd.DataFrame([[1.0, 2.0, 1.0, 1.0, 1.0]], columns=[*NAMES, "age"]), np.zeros((1, 2, 2))],
    ids=["narrow", "unseen", "half", "nan", "inf", "pink", "words", "double", "cube"],
)  # fmt: skip
def test_what_is_no_row_is_named(rows: object) -> None:
    with pytest.raises(InputError, match=r"lime_tabular: (rows|inputs)"):
        lime_tabular(mixed(), rows, background=DATA, samples=50)


def test_a_csv_with_a_name_twice_is_named(tmp_path) -> None:
    (tmp_path / "twice.csv").write_text("age,income,color,age\n1,2,0,3\n")
    with pytest.raises(InputError, match="distinct column names"):
        lime_tabular(mixed(), DATA[:1], background=tmp_path / "twice.csv", samples=50)


def test_parquet_is_read_or_its_reader_is_named(tmp_path) -> None:
    frame = pd.DataFrame(DATA, columns=NAMES)
    try:
        frame.to_parquet(tmp_path / "train.parquet")
    except ImportError:
        (tmp_path / "train.parquet").write_bytes(b"PAR1")
        with pytest.raises(InputError, match="pyarrow"):
            lime_tabular(mixed(), DATA[:1], background=tmp_path / "train.parquet", samples=50)
        return
    e = lime_tabular(mixed(), DATA[:1], background=tmp_path / "train.parquet", samples=50)
    assert torch.equal(e.values[0], lime_tabular(mixed(), DATA[:1], background=DATA, samples=50).values[0])


def test_the_extra_that_reads_parquet_exists(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: object) -> None:
        raise ImportError

    monkeypatch.setattr(pd, "read_parquet", missing)
    (tmp_path / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="pyarrow") as raised:
        lime_tabular(mixed(), DATA[:1], background=tmp_path / "train.parquet", samples=50)
    extra = re.search(r"xai-toolkit\[(\w+)\]", str(raised.value)).group(1)
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert any(part.startswith("pyarrow") for part in project["optional-dependencies"][extra])
