"""Which training rows taught the model what it says of a row: products of the gradients of their losses (TracIn)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from operator import index
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from xai.base.arrays import to_tensor
from xai.base.errors import InputError, LayerError, NetworkError, describe, names_errors
from xai.model.model import Model
from xai.model.session import Session
from xai.network.hooks import find_layer
from xai.results.pair_results import Influence

__all__ = ["training_influence"]

LAYERS = ("last", "all")


@names_errors("training_influence")
def training_influence(
    model: Model,
    inputs: object,
    train: object,
    labels: object,
    target: object = None,
    *,
    layers: str = "last",
    checkpoints: Sequence[Mapping[str, Tensor]] | None = None,
    learning_rate: float | Sequence[float] = 1.0,
    batch_size: int | None = None,
) -> Influence:
    """Return by how much a step of training on each training row lowers the loss of each explained row.

    It is the learning rate times the product of the two rows' gradients, summed over the states of the network that
    training has left (`checkpoints`). A row with a large negative value taught the opposite: look at its label.

    Args:
        model: What is explained: a classification or a regression.
        inputs: The explained rows, (N, ...).
        train: Rows that the network learned from, (T, ...).
        labels: Their classes (T,), by number, or values of a regression, (T,) or (T, K).
        target: Of a classification the class in whose loss is looked at, one or one per row; None is the predicted
            one. Of a regression the true values of the rows.
        layers: "last" (the last linear layer's weights, which takes one pass) or "all" weights that require a
            gradient, which takes a backward pass for each row.
        checkpoints: State dictionaries of the network during training; None is the network as it is.
        learning_rate: Of the steps at all checkpoints, or at each.
        batch_size: How many rows at a time; None chooses it.

    Raises:
        InputError: An argument cannot be.
        LayerError: There is no linear layer that reads one vector of each row.
        NetworkError: The network fails, or has no weights that require a gradient.

    Source: Pruthi et al. 2020, arXiv:2002.08484.

    >>> network = torch.nn.Linear(2, 2)
    >>> rows = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> training_influence(Model(torch.nn.Sequential(network)), rows, rows, [0, 1], [0, 1]).most(0, 1)
    [0]
    """
    if layers not in LAYERS:
        raise InputError("layers", expected="'last' or 'all'", got=repr(layers))
    if model.task not in ("classification", "binary", "regression"):
        raise InputError("model", expected="a classification or a regression", got=model.task)
    states: list[Mapping[str, Tensor] | None] = [None] if checkpoints is None else list(checkpoints)
    rates = _rates(learning_rate, len(states))
    total: Tensor | None = None
    names: tuple[tuple[str, ...], tuple[str, ...]] = (), ()
    for state, rate in zip(states, rates, strict=True):
        at = model if state is None else _restored(model, state)
        asked = _Rows(at, inputs, target, "target", model if state is not None else None, batch_size)
        known = _Rows(at, train, labels, "labels", None, batch_size)
        part = rate * (_by_last(asked, known) if layers == "last" else _by_all(asked, known))
        total = part if total is None else total + part
        names = asked.names(), known.names()
    if total is None:
        raise InputError("checkpoints", expected="at least one", got="none")
    return Influence(total, layers, len(states), *names, model.digest())


class _Rows:
    """Rows with what each should be answered, and their losses."""

    def __init__(
        self,
        model: Model,
        inputs: object,
        truth: object,
        argument: str,
        predictor: Model | None,
        batch_size: int | None,
    ) -> None:
        self.model, self.batch_size = model, batch_size
        self.inputs = model.prepare(inputs, "inputs" if argument == "target" else "train")
        predicted = (predictor or model).predict(self.inputs)
        self.truth = self._truth(truth, argument, predicted)

    def _truth(self, truth: object, argument: str, predicted: Tensor) -> Tensor:
        count = len(self.inputs)
        if self.model.task == "regression":
            if truth is None:
                raise InputError(argument, expected="the true values of the rows", got="none")
            values = to_tensor(truth, argument).to(predicted)
            if values.numel() != predicted.numel():
                raise InputError(argument, expected=f"values of shape {tuple(predicted.shape)}", got=describe(values))
            return values.reshape(predicted.shape)
        if truth is None and argument == "target":
            return predicted.argmax(1)
        several = (
            isinstance(truth, Iterable)
            and not isinstance(truth, type)
            and not isinstance(truth, str)
            and getattr(truth, "ndim", 1) > 0
        )
        labels: list[Any] = list(truth) if isinstance(truth, Iterable) and several else [truth] * count
        classes = self.model.classes or []
        found = [classes.index(item) if isinstance(item, str) and item in classes else item for item in labels]
        try:
            numbers = [_whole(item) for item in found]
        except (TypeError, ValueError, RuntimeError):  # no whole number, a type, a tensor of several numbers
            numbers = []
        if len(numbers) != count or not all(0 <= number < predicted.shape[1] for number in numbers):
            wanted = f"one class from 0 to {predicted.shape[1] - 1} for each of {count} rows"
            raise InputError(argument, expected=wanted, got=describe(truth))
        return torch.tensor(numbers, device=self.inputs.device)

    def names(self) -> tuple[str, ...]:
        """Return what the rows should be answered, in words."""
        classes = self.model.classes or []
        if self.model.task == "regression":
            return tuple(", ".join(f"{value:.4g}" for value in row) for row in self.truth.tolist())
        return tuple(classes[item] if item < len(classes) else str(item) for item in self.truth.tolist())

    def losses(self, session: Session, rows: Tensor) -> Tensor:
        """Return each row's loss (n,): cross entropy, or half the squared error."""
        raw = self.model.forward_on(session.plan.network, self.inputs[rows])
        truth = self.truth[rows]
        if self.model.task == "regression":
            return 0.5 * (raw.reshape(truth.shape) - truth).square().sum(1)
        return cross_entropy(self.model.log_probabilities(raw), truth, reduction="none")


def _whole(item: object) -> int:
    """Return a whole number that is written as one, or as a float or a tensor of one number."""
    plain: Any = item.item() if isinstance(item, Tensor) else item
    return int(plain) if isinstance(plain, float) and plain.is_integer() else index(plain)


def _by_last(asked: _Rows, known: _Rows) -> Tensor:
    """Return the products of the gradients of the last linear layer's weights and biases, (N, T)."""
    (read, pulled), (known_read, known_pulled) = _last(asked), _last(known)
    return (pulled @ known_pulled.T) * (read @ known_read.T)


def _last(rows: _Rows) -> tuple[Tensor, Tensor]:
    """Return what the last linear layer reads, with 1 for the bias, (n, H + 1), and the loss's gradient behind it."""
    parts = []
    with rows.model.explaining("training_influence", rows.inputs, 0, exact=True, batch_size=rows.batch_size) as session:
        linear = [layer.name for layer in session.trace.layers if layer.linear]
        if not linear:
            raise LayerError("layers", expected="'all', since the network has no linear layer", got="'last'")
        layer = find_layer(session.plan.network, linear[-1])
        seen: dict[str, Tensor] = {}

        def keep(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
            seen["read"], seen["output"] = inputs[0].detach(), output.detach().requires_grad_()
            return seen["output"]

        handle = layer.register_forward_hook(keep)
        try:
            for chunk in session.chunks(len(session)):
                loss = rows.losses(session, chunk)
                if seen["read"].shape[:-1] != (len(chunk),):
                    wanted = "'all', since the last linear layer reads several vectors of a row"
                    raise LayerError("layers", expected=wanted, got="'last'")
                (gradient,) = torch.autograd.grad(loss.sum(), seen["output"])
                bias = seen["read"].new_full((len(chunk), int(getattr(layer, "bias", None) is not None)), 1.0)
                parts.append((torch.cat([seen["read"], bias], 1).double(), gradient.double()))
        finally:
            handle.remove()
    return torch.cat([read for read, _ in parts]), torch.cat([pulled for _, pulled in parts])


def _by_all(asked: _Rows, known: _Rows) -> Tensor:
    """Return the products of the gradients of all weights, (N, T); those of the explained rows are held."""
    model = asked.model
    weights = [weight for weight in model.network.parameters() if weight.requires_grad and weight.is_floating_point()]
    if not weights:
        raise NetworkError("network", expected="weights that require a gradient", got="none")
    with model.explaining("training_influence", asked.inputs, 0, exact=True, batch_size=asked.batch_size) as session:
        for weight in weights:
            weight.requires_grad_(True)  # the guard has frozen them, and will again put back what they were
        held = torch.stack([_gradient(asked, session, row, weights) for row in range(len(asked.inputs))])
        products = [held @ _gradient(known, session, row, weights) for row in range(len(known.inputs))]
    return torch.stack(products, 1).double()


def _gradient(rows: _Rows, session: Session, row: int, weights: list[nn.Parameter]) -> Tensor:
    loss = rows.losses(session, torch.tensor([row], device=rows.inputs.device)).sum()
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    pairs = zip(found, weights, strict=True)
    return torch.cat([(weight * 0 if part is None else part).detach().flatten() for part, weight in pairs])


def _restored(model: Model, state: Mapping[str, Tensor]) -> Model:
    network = copy.deepcopy(model.network)
    try:
        network.load_state_dict(dict(state))
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        wanted = "state dictionaries of the model's network"
        raise InputError("checkpoints", expected=wanted, got=describe(state)) from error
    return model.with_network(network)


def _rates(value: object, count: int) -> list[float]:
    rates = [value] * count if isinstance(value, Real) else list(value) if isinstance(value, Sequence) else []
    if len(rates) != count or not all(isinstance(rate, Real) and float(rate) > 0 for rate in rates):
        wanted = f"a number above 0, or one for each of {count} checkpoints"
        raise InputError("learning_rate", expected=wanted, got=describe(value))
    return [float(rate) for rate in rates]
