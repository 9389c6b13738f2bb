"""engine="lime": the original library, run on the same inputs and returned in the same types."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from xai.base.errors import InputError
from xai.model.session import Session

if TYPE_CHECKING:
    from lime.lime_tabular import LimeTabularExplainer

    from xai.inputs.tokens import TokenizedText
    from xai.lime.rounds import Fitted
    from xai.lime.settings import Settings
    from xai.lime.table_samples import TableSamples
    from xai.lime.training_summary import TrainingSummary

__all__ = ["original_image", "original_tabular", "original_text"]

SELECTIONS = {"ridge": "highest_weights", "lasso": "lasso_path", "forward": "forward_selection"}


def _selection(session: Session, settings: Settings) -> dict[str, str]:
    if settings.surrogate not in SELECTIONS:
        raise InputError("surrogate", expected=f"one of {', '.join(SELECTIONS)} with lime", got="'tree'")
    everything = settings.surrogate == "ridge" and settings.features is None
    return {"feature_selection": "none" if everything else SELECTIONS[settings.surrogate]}


def _most(settings: Settings, size: int) -> int:
    return min(size, settings.features or (size if settings.surrogate == "ridge" else 10))


def _ridge(settings: Settings) -> object:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=settings.penalty, fit_intercept=True)


def _fitted(
    pairs: list, intercept: float, score: float, size: int, answers: np.ndarray, settings: Settings, width: float
) -> Fitted:
    from xai.lime.rounds import Fitted

    weights = torch.zeros(size, dtype=torch.float64)
    for number, weight in pairs:
        weights[int(number)] = float(weight)
    constant = float(answers.std()) <= 5e-7 * float(np.abs(answers).max())  # where lime says R2 = 1
    r2 = None if constant else float(score)
    return Fitted(weights, None, float(intercept), r2, None, settings.passes, "fixed", None, 0, width)


def random_state(session: Session, row: int) -> np.random.RandomState:
    """Return the random state that lime is given: private, of this call's seed and row."""
    return np.random.RandomState(((session.seed or 0) * 1_000_003 + row) % 2**32)


def original_image(session: Session, row: int, labels: Tensor, hidden: Tensor, settings: Settings) -> Fitted:
    """Run lime's image sampling and solver on one image; it never sees our segments or fills as anything but arrays."""
    from lime.lime_image import LimeImageExplainer
    from sklearn.metrics import pairwise_distances

    width = settings.kernel_width or 0.25
    selection = _selection(session, settings)["feature_selection"]
    explainer = LimeImageExplainer(kernel_width=width, random_state=random_state(session, row))
    number = torch.tensor(row, device=session.inputs.device)

    def predict(batch: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(np.asarray(batch)).permute(0, 3, 1, 2).to(session.inputs)
        return session.scores(pixels, number.expand(len(pixels))).cpu().numpy()[:, None]

    image, fudged = (part.permute(1, 2, 0).cpu().numpy() for part in (session.inputs[row], hidden))
    with contextlib.redirect_stderr(io.StringIO()):  # lime shows a progress bar also where nobody watches
        data, answers = explainer.data_labels(
            image, fudged, labels.cpu().numpy(), predict, settings.passes, batch_size=session.plan.batch_size
        )
    distances = pairwise_distances(data, data[:1], metric="cosine").ravel()
    size = data.shape[1]
    intercept, pairs, score, _ = explainer.base.explain_instance_with_data(
        data, answers, distances, 0, _most(settings, size), selection, _ridge(settings)
    )
    return _fitted(pairs, intercept, score, size, answers, settings, width)


def original_text(
    session: Session, row: int, parts: TokenizedText, by: str, hide: str | None, settings: Settings
) -> Fitted:
    """Run lime's text explainer on one text, cut into our parts, with our fit's settings."""
    from lime.lime_text import LimeTextExplainer

    if by == "type" and hide is not None:
        raise InputError("hide", expected="None with lime and by='type'", got=repr(hide))
    width = settings.kernel_width or 0.25
    number = torch.tensor(row, device=session.inputs.device)
    seen: list[np.ndarray] = []

    def predict(texts: list[str]) -> np.ndarray:
        answers = np.empty((len(texts), 1))
        for indices in session.chunks(len(texts)):
            part = [texts[position] for position in indices.tolist()]
            answers[indices.cpu().numpy(), 0] = session.scores(part, number.expand(len(part))).cpu().numpy()
        seen.append(answers)
        return answers

    tokens = [piece for piece, feature in zip(parts.pieces, parts.feature, strict=True) if feature >= 0]
    explainer = LimeTextExplainer(
        kernel_width=100 * width, split_expression=lambda text: tokens, bow=by == "type", mask_string=hide or "",
        class_names=["answer"], random_state=random_state(session, row), **_selection(session, settings),
    )  # fmt: skip
    size = len(parts.names)
    explained = explainer.explain_instance(
        "".join(parts.pieces), predict, labels=(0,), num_features=_most(settings, size), num_samples=settings.passes,
        model_regressor=_ridge(settings),
    )  # fmt: skip
    return _fitted(explained.local_exp[0], explained.intercept[0], explained.score, size, seen[0], settings, width)


def original_tabular(session: Session, row: int, table: TableSamples, settings: Settings, width: float) -> Fitted:
    """Run lime's tabular explainer on one row, from the same statistics instead of the training data."""
    explainer = tabular_explainer(table.summary, width, random_state(session, row), **_selection(session, settings))
    number = torch.tensor(row, device=session.inputs.device)
    seen: list[np.ndarray] = []

    def predict(batch: np.ndarray) -> np.ndarray:
        values = torch.from_numpy(batch).to(session.inputs)
        parts = [session.scores(values[part], number.expand(len(part))).cpu() for part in session.chunks(len(values))]
        seen.append(torch.cat(parts).numpy())
        return seen[0]

    size = len(table.summary.columns)
    explained = explainer.explain_instance(
        table.rows[row].numpy(), predict, num_features=_most(settings, size), num_samples=settings.passes,
        model_regressor=_ridge(settings),
    )  # fmt: skip
    return _fitted(explained.local_exp[1], explained.intercept[1], explained.score, size, seen[0], settings, width)


def tabular_explainer(summary: TrainingSummary, width: float, random: object, **selection: str) -> LimeTabularExplainer:
    """Return lime's explainer with its statistics set to a summary's, in regression mode: it explains one number."""
    from lime.discretize import StatsDiscretizer
    from lime.lime_tabular import LimeTabularExplainer

    columns = summary.columns
    ends = np.array([[column.low for column in columns], [column.high for column in columns]])
    categorical = [number for number, column in enumerate(columns) if column.words is not None]
    numeric = [number for number, column in enumerate(columns) if column.words is None]
    cut = summary.bins is not None and bool(numeric)
    discretizer = "quartile"
    if cut:
        stats = {
            "bins": {number: columns[number].borders for number in numeric},
            "means": {number: columns[number].means for number in numeric},
            "stds": {number: [std + 1e-11 for std in columns[number].stds] for number in numeric},
            "mins": {number: [columns[number].low, *columns[number].borders] for number in numeric},
            "maxs": {number: [*columns[number].borders, columns[number].high] for number in numeric},
        }
        discretizer = StatsDiscretizer(ends, categorical, summary.names, data_stats=stats, random_state=random)
    explainer = LimeTabularExplainer(
        ends, mode="regression", feature_names=summary.names, categorical_features=categorical,
        kernel_width=width, discretize_continuous=cut, discretizer=discretizer, random_state=random, **selection,
    )  # fmt: skip
    scaler = cast(Any, explainer.scaler)  # it is fitted: its numbers are arrays
    for number, column in enumerate(columns):
        if column.binary:
            explainer.feature_values[number] = list(range(len(column.share)))
            explainer.feature_frequencies[number] = np.asarray(column.share)
        else:
            scaler.mean_[number], scaler.scale_[number] = column.mean, column.std or 1.0
    return explainer
