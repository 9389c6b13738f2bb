"""What the units of a layer do on the straight path from a baseline: conductance and internal influence."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from xai.attribution.gradient_methods import note_completeness
from xai.attribution.sampled_gradients import per_item
from xai.base.arguments import whole_number
from xai.base.errors import InputError, LayerError, describe, names_errors
from xai.base.quadrature import gauss_legendre
from xai.model.map_layers import map_layer
from xai.model.model import Model
from xai.model.session import Session
from xai.network.gradients import gradient_of, variable_of
from xai.network.hooks import check_reached, recording
from xai.results.explanation import Explanation

__all__ = ["conductance", "internal_influence"]


@names_errors("conductance")
def conductance(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    unit: int | tuple[int, ...] | list[int] | None = None,
    baseline: object = "zero",
    steps: int = 50,
    batch_size: int | None = None,
) -> Explanation:
    """Return how much of the output's change from a baseline to the input passes through each unit of a layer.

    The values are the integral of the gradient at the layer along what the layer puts out on the path, by the
    trapezoid rule. Where the network reads its input only through the layer, they add up to the output at the input
    minus that at the baseline; `completeness_error` says how far off they are. With a `unit` they are what each input
    value sends through it, by Gauss-Legendre quadrature: over the values they add up to the unit's conductance, over
    all units of a layer to integrated gradients.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose units; None is the layer that `gradcam` reads, or without feature maps the last hidden units.
        unit: One of them, by its place in what the layer puts out: of feature maps (C, H, W) a channel with all its
            positions, or (channel, row, column); of tokens (T, C) a token, or (token, channel).
        baseline: Where the path begins: "zero", "mean", "noise", "blur", a number, or a tensor like the inputs.
        steps: Pieces of the path.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: like what the layer puts out, (N, ...), signed, in output units; of a unit like the inputs.

    Raises:
        InputError: An argument cannot be.
        LayerError: The layer does not exist, is not reached, or none is named and there are no hidden units.

    Source: Dhamdhere, Sundararajan, Yan 2019, arXiv:1805.12233.

    >>> class Product(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = torch.nn.Linear(2, 2, bias=False)
    ...     def forward(self, x):
    ...         return self.hidden(x).prod(1)
    >>> network = Product()
    >>> with torch.no_grad():
    ...     _ = network.hidden.weight.copy_(torch.eye(2))
    >>> conductance(Model(network, task="regression"), [[2.0, 3.0]], layer="hidden").values
    tensor([[3., 3.]])
    >>> conductance(Model(network, task="regression"), [[2.0, 3.0]], layer="hidden", unit=0).values
    tensor([[3., 0.]])
    """
    steps = whole_number("steps", steps, 1)
    place = None if unit is None else _place(unit)
    with model.explaining("conductance", inputs, target, batch_size=batch_size, differentiable=True) as session:
        path = _Path(session, layer, baseline)
        if place is not None:
            return _through(path, place, steps)
        points = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        before: tuple[Tensor, Tensor] | None = None
        for indices, here in path.walked(points):
            values, gradient, numbers = *here, indices
            if before is not None:  # the last point of the batch before, from which the path goes on
                values, gradient = (torch.cat([old, new]) for old, new in zip(before, here, strict=True))
                numbers = torch.cat([indices[:1] - 1, indices])
            contributions = (values[1:] - values[:-1]).double() * (gradient[1:] + gradient[:-1]).double() / 2
            same = numbers[1:] % (steps + 1) != 0  # else a row ends here and the next one begins
            path.total(contributions).index_add_(0, numbers[1:][same] // (steps + 1), contributions[same])
            before = values[-1:], gradient[-1:]
        made = path.sums.to(session.inputs.dtype)
        start = session.scores(path.start, session.rows)
        note_completeness(session, made, session.scores(session.inputs, session.rows) - start)
        return path.explanation("conductance", made, steps)


@names_errors("internal_influence")
def internal_influence(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    layer: str | None = None,
    baseline: object = "zero",
    steps: int = 50,
    batch_size: int | None = None,
) -> Explanation:
    """Return the mean gradient of the output at each unit of a layer, on the path from a baseline to the input.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        layer: Whose units; None is the layer that `gradcam` reads, or without feature maps the last hidden units.
        baseline: Where the path begins: "zero", "mean", "noise", "blur", a number, or a tensor like the inputs.
        steps: Points of the Gauss-Legendre rule along the path.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: like what the layer puts out, (N, ...), signed, in output units per unit of activation.

    Raises:
        InputError: An argument cannot be.
        LayerError: The layer does not exist, is not reached, or none is named and there are no hidden units.

    Source: Leino et al. 2018, arXiv:1802.03788.

    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1, bias=False))
    >>> made = internal_influence(Model(network, task="regression"), [[2.0, 3.0]], layer="0")
    >>> torch.allclose(made.values, network[1].weight)
    True
    """
    steps = whole_number("steps", steps, 1)
    with model.explaining("internal_influence", inputs, target, batch_size=batch_size, differentiable=True) as session:
        path = _Path(session, layer, baseline)
        points, weights = map(torch.from_numpy, gauss_legendre(steps))
        for indices, (_, gradient) in path.walked((points + 1) / 2):
            weighted = gradient.double() * per_item((weights / 2).to(gradient.device)[indices % steps], gradient)
            path.total(weighted).index_add_(0, indices // steps, weighted)
        return path.explanation("internal_influence", path.sums.to(session.inputs.dtype), steps)


def _place(unit: int | tuple[int, ...] | list[int]) -> tuple[int, ...]:
    place = tuple(unit) if isinstance(unit, tuple | list) else (unit,)
    if not place or any(isinstance(item, bool) or not isinstance(item, Integral) for item in place):
        raise InputError("unit", expected="a channel, or a channel and a position", got=describe(unit))
    return tuple(map(int, place))


def _through(path: _Path, place: tuple[int, ...], steps: int) -> Explanation:
    """Return what each value of the inputs sends through a unit of the layer on the path."""
    session, total = path.session, torch.zeros_like(path.session.inputs, dtype=torch.float64)
    points, weights = map(torch.from_numpy, gauss_legendre(steps))
    for indices, batch in path.batches((points + 1) / 2):
        rows, variable = indices // steps, variable_of(batch)
        with recording(session.plan.network, [path.layer]) as recorded, session.model.memory.rows.padded(len(batch)):
            score = session.score(variable, rows)
        check_reached(recorded, [path.layer])
        values = recorded[path.layer]
        sizes = values.shape[1 : len(place) + 1]
        if len(sizes) < len(place) or any(not -size <= at < size for at, size in zip(place, sizes, strict=True)):
            raise InputError("unit", expected=f"a place within {tuple(values.shape[1:])} of {path.layer}", got=place)
        slope = gradient_of(score, values, keep_graph=True)
        passed = (values * slope.detach())[(slice(None), *place)]  # only the unit itself is followed further
        along = gradient_of(passed, variable).double() * (session.inputs - path.start)[rows].double()
        total.index_add_(0, rows, along * per_item((weights / 2).to(along.device)[indices % steps], along))
    options: dict[str, object] = {"layer": path.layer, "unit": list(place), "baseline": path.name, "steps": steps}
    # They add up to the unit's part, not to the output.
    options["claim"] = "sensitivity"
    values = total.to(session.inputs.dtype)
    return session.explanation("conductance", values, "input", baseline=path.name, options=options)


class _Path:
    """The straight path of every row, and the sums over it that are like what the layer puts out."""

    def __init__(self, session: Session, layer: str | None, baseline: object) -> None:
        self.session = session
        self.start, self.name = session.baseline(baseline)
        self.axes: dict[str, Any] = {}
        if len(session.kind.axes(session.inputs)) == 2:
            layer, self.axes = self._maps(layer)
        self.layer = _last_hidden(session) if layer is None else layer
        self.sums = torch.zeros(0)

    def _maps(self, layer: str | None) -> tuple[str, dict[str, Any]]:
        """Return the layer that Grad-CAM would read, and in which axes its rows and columns lie."""
        session = self.session
        try:
            found = map_layer(session, layer)
        except (InputError, LayerError):
            if layer is None:
                raise
            return layer, {}
        return found.name, found.named_axes()

    def walked(self, points: Tensor) -> Iterator[tuple[Tensor, tuple[Tensor, Tensor]]]:
        """Yield numbers (n,) of row and point, and what the layer puts out there and its gradient, (n, ...)."""
        for indices, batch in self.batches(points):
            yield indices, self.session.gradient_at(batch, indices // len(points), self.layer)

    def batches(self, points: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield numbers (n,) of row and point, and the inputs there, (n, ...)."""
        session, count = self.session, len(points)
        way = session.inputs - self.start
        points = points.to(way)
        for indices in session.chunks(len(session) * count):
            rows = indices // count
            yield indices, self.start[rows] + per_item(points[indices % count], way) * way[rows]

    def total(self, like: Tensor) -> Tensor:
        """Return the sums, made when the layer's shape is known."""
        if not self.sums.numel():
            self.sums = torch.zeros(len(self.session), *like.shape[1:], dtype=torch.float64, device=like.device)
        return self.sums

    def explanation(self, method: str, values: Tensor, steps: int) -> Explanation:
        options = {"layer": self.layer, "baseline": self.name, "steps": steps}
        run = {"explains": self.layer, "baseline_of": "inputs", **self.axes}
        return self.session.explanation(method, values, "layer", baseline=self.name, names=(), options=options, run=run)


def _last_hidden(session: Session) -> str:
    """Return the layer whose output the last layer with weights reads: the last hidden units."""
    leaves = [layer for layer in session.trace.layers if layer.leaf]
    last = max((position for position, layer in enumerate(leaves) if layer.parameters), default=0)
    if last == 0 or session.kind.embedded:  # of words, what stands there may be their own vectors
        raise LayerError("layer", expected="the name of one (the network has no hidden units)", got="none")
    return leaves[last - 1].name
