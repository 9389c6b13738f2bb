"""Methods that read the gradient of an output with respect to the input."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from xai.base.arguments import whole_number
from xai.base.errors import InputError, names_errors
from xai.base.quadrature import gauss_legendre
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["gradient", "input_x_gradient", "integrated_gradients", "missed_share", "note_completeness", "saliency"]


INCOMPLETE = 0.01
STEPS, MOST_STEPS = 50, 1600  # where the number is chosen: the first, and the last of its doublings


@names_errors("gradient")
def gradient(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the gradient of the target's output, per input value, with its sign.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose output to explain in place of the inputs.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units per input unit; of texts a list of one number per word, summed
        over its vector.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Simonyan, Vedaldi, Zisserman 2014, arXiv:1312.6034.

    >>> model = Model(torch.nn.Linear(2, 1, bias=False), task="regression")
    >>> with torch.no_grad():
    ...     _ = model.network.weight.copy_(torch.tensor([[2.0, -3.0]]))
    >>> gradient(model, [[1.0, 1.0]]).values
    tensor([[ 2., -3.]])
    """
    settings = {"exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("gradient", inputs, target, one_gradient=True, **settings) as session:
        return session.explanation("gradient", session.gradient_of_inputs(), "input")


@names_errors("saliency")
def saliency(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the absolute gradient of the target's output, per input value.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose output to explain in place of the inputs.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, ...), in output units per input unit, at least 0; of texts a list of one number per word, summed
        over its vector.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Simonyan, Vedaldi, Zisserman 2014, arXiv:1312.6034.

    >>> model = Model(torch.nn.Linear(2, 1, bias=False), task="regression")
    >>> with torch.no_grad():
    ...     _ = model.network.weight.copy_(torch.tensor([[2.0, -3.0]]))
    >>> saliency(model, [[1.0, 1.0]]).values
    tensor([[2., 3.]])
    """
    settings = {"exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("saliency", inputs, target, one_gradient=True, **settings) as session:
        return session.explanation("saliency", session.gradient_of_inputs().abs(), "input")


@names_errors("input_x_gradient")
def input_x_gradient(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the gradient times the input: what each value adds to the output, if the network were linear.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose output to explain in place of the inputs.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many inputs at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units; of texts a list of one number per word.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Shrikumar et al. 2016, arXiv:1605.01713.

    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x[:, 0] * x[:, 1]
    >>> input_x_gradient(Model(Product(), task="regression"), [[2.0, 3.0]]).values
    tensor([[6., 6.]])
    """
    settings = {"exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("input_x_gradient", inputs, target, one_gradient=True, **settings) as session:
        return session.explanation("input_x_gradient", session.gradient_of_inputs() * session.inputs, "input")


@names_errors("integrated_gradients")
def integrated_gradients(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    baseline: object = "zero",
    steps: int | Literal["auto"] = STEPS,
    layer: str | None = None,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the integral of the gradient from a baseline to the input, times their difference.

    The values of a row add up to the output at the input minus the output at the baseline; how far they miss it is
    `completeness_error` in the diagnostics, as a share of that difference, from Gauss-Legendre points on the path.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        baseline: "zero", "mean", "noise", "blur", a number, or a tensor (of the inputs' shape, or one row of it); of
            texts also "padding", its vector.
        steps: Points on the path. "auto" begins with 50 and doubles them, up to 1,600, for each row whose values miss
            their sum by more than 1 %; how many a row took is `steps` in its diagnostics.
        layer: Whose output to explain in place of the inputs; the baseline is then one of that output.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units; of texts a list of one number per word, summed over its vector.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Sundararajan, Taly, Yan 2017, arXiv:1703.01365.

    >>> class Kink(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.relu(torch.relu(x[:, 0]) - 1 - torch.relu(x[:, 1]))
    >>> e = integrated_gradients(Model(Kink(), task="regression"), [[3.0, 1.0]], steps=500)
    >>> e.values.round(decimals=2)
    tensor([[ 1.5000, -0.5000]])
    """
    if isinstance(steps, str) and steps != "auto":
        raise InputError("steps", expected="a whole number from 1, or 'auto'", got=repr(steps))
    first = STEPS if steps == "auto" else whole_number("steps", steps, 1)
    settings = {"passes": first, "exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("integrated_gradients", inputs, target, **settings) as session:
        start, name = session.baseline(baseline)
        difference = session.scores(session.inputs, session.rows) - session.scores(start, session.rows)
        values = _integral(session, start, session.rows, first)
        if steps == "auto":
            _refine(session, start, values, difference)
        note_completeness(session, values, difference)
        options = {"steps": steps, "baseline": name}
        return session.explanation("integrated_gradients", values, "input", baseline=name, options=options)


def _integral(session: Session, start: Tensor, rows: Tensor, steps: int) -> Tensor:
    """Return the integral of the gradient from `start` (N, ...) to the inputs, times their difference, of some rows."""
    path = (session.inputs - start)[rows]
    points, weights = (torch.from_numpy(part).to(path) for part in gauss_legendre(steps))
    points, weights = (points + 1) / 2, weights / 2
    total = torch.zeros_like(path)
    view = (-1,) + (1,) * (path.ndim - 1)
    for indices in session.chunks(len(rows) * steps):
        positions, step = indices // steps, indices % steps
        at = start[rows[positions]] + points[step].view(view) * path[positions]
        gradient = session.gradient(at, rows[positions])[1]
        total.index_add_(0, positions, gradient * weights[step].view(view))
    return total * path


def _refine(session: Session, start: Tensor, values: Tensor, difference: Tensor) -> None:
    """Integrate rows whose values miss their sum again, in place, with twice the steps as long as they do."""
    taken, steps = torch.full((len(values),), STEPS), STEPS
    while steps < MOST_STEPS:
        rows = session.rows[missed_share(values, difference) > INCOMPLETE]
        if not len(rows):
            break
        steps *= 2
        values[rows] = _integral(session, start, rows, steps)
        taken[rows.cpu()] = steps
    session.note("steps", taken.tolist())


def note_completeness(session: Session, values: Tensor, difference: Tensor) -> None:
    """Note by what share the values of each row miss the difference (N,) to the baseline that they should add up to."""
    error = missed_share(values, difference)
    session.note("completeness_error", error)
    session.note("incomplete", (~(error <= INCOMPLETE)).tolist())  # NaN, of a baseline without a score, as well


def missed_share(values: Tensor, difference: Tensor) -> Tensor:
    """Return by what share of the difference (N,) the values of each row (N, ...) miss it, (N,)."""
    return (values.double().flatten(1).sum(1) - difference).abs() / difference.abs().clamp_min(1e-12)
