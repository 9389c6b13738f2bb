"""The explanations that an audit makes: one method for each kind of input, quick enough for many rows."""

from __future__ import annotations

from torch import Tensor

from xai.attribution.gradient_methods import integrated_gradients
from xai.attribution.occlusion import occlusion
from xai.auditing.kinds import kind_of, made_for, texts_of
from xai.auditing.verdicts import Untestable
from xai.base.errors import InputError, NetworkError
from xai.model.model import Model
from xai.results.explanation import Explanation

__all__ = ["differentiable", "explain", "passes_of", "targets_of"]

STEPS, SAMPLES = 16, 500


def differentiable(model: Model, inputs: Tensor) -> bool:
    """Say whether the model's score has a gradient in its inputs (N, ...)."""
    if not inputs.is_floating_point():
        return False
    try:
        with model.explaining("audit", inputs[:1], 0 if model.task == "regression" else None) as session:
            session.gradient(session.inputs, session.rows)
    except NetworkError:
        return False
    return True


def explain(
    model: Model,
    inputs: Tensor,
    target: object,
    *,
    seed: int,
    background: Tensor | None = None,
    gradient: bool = True,
) -> Explanation:
    """Return the explanation of a few rows: integrated gradients of images and series, LIME of tables and texts.

    Images and series of a function without a gradient are explained by occlusion. background: rows of a table that say
    what is usual, by default the inputs. gradient: False where another model that is compared with this one has none.
    Raises InputError for a kind of input that none of these is for.
    """
    try:
        method = made_for(EXPLAINERS, kind_of(model, inputs))
    except Untestable as error:
        raise InputError(str(error)) from error
    return method(model, inputs, target, seed, inputs if background is None else background, gradient)


def _lime_table(
    model: Model, inputs: Tensor, target: object, seed: int, background: Tensor, gradient: bool
) -> Explanation:
    from xai.lime.tabular import lime_tabular

    return lime_tabular(model, inputs, target, background=background.numpy(), samples=SAMPLES, seed=seed)


def _lime_text(
    model: Model, inputs: Tensor, target: object, seed: int, background: Tensor, gradient: bool
) -> Explanation:
    from xai.lime.text import lime_text

    # As strings, so that what is explained can be read.
    return lime_text(model, texts_of(model, inputs), target, samples=SAMPLES, seed=seed)


def _gradients(
    model: Model, inputs: Tensor, target: object, seed: int, background: Tensor, gradient: bool
) -> Explanation:
    if gradient and differentiable(model, inputs):
        return integrated_gradients(model, inputs, target, steps=STEPS)
    return occlusion(model, inputs, target)


EXPLAINERS = {
    "table": _lime_table, "text": _lime_text, "image": _gradients, "grid": _gradients, "series": _gradients,
    "steps": _gradients, "numbers": _gradients,
}  # fmt: skip


def passes_of(model: Model) -> int:
    """Return about how many evaluations of the network one explanation by `explain` takes."""
    return SAMPLES if model.input.tabular or model.input.drawing == "text" else STEPS


def targets_of(prediction: Tensor, task: str) -> list[int]:
    """Return the predicted class of each row, or the first value of a regression."""
    if task == "regression":
        return [0] * len(prediction)
    return prediction.argmax(1).tolist()
