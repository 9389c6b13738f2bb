"""Noise around a method: the mean, the mean square or the variance of its values over noisy copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from xai.attribution.sampled_gradients import mean_of_samples, over_of_means, per_item
from xai.base.arguments import real_number, whole_number
from xai.base.errors import InputError, describe, names_errors
from xai.methods import METHODS
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["smoothgrad"]

STATISTICS = ("mean", "square", "variance")
Values = Callable[[Tensor, Tensor], Tensor]


@names_errors("smoothgrad")
def smoothgrad(
    model: Model,
    inputs: object,
    target: object = None,
    *,
    noise: float = 0.15,
    samples: int = 32,
    statistic: str = "mean",
    method: str = "gradient",
    options: Mapping[str, object] | None = None,
    layer: str | None = None,
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return the mean gradient over copies of the input under normal noise, with its standard error.

    `statistic` makes it SmoothGrad squared or VarGrad, and `method` puts the noise around another method than the
    gradient. Squares and variances say where, without a sign.

    Args:
        model: What is explained.
        inputs: A batch that the model's input takes, (N, ...).
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        noise: Its standard deviation, as a share of the input's range; 0 is the method without noise.
        samples: Copies of each input, at least 2.
        statistic: Of the copies: "mean"; "square", the mean of the squares (SmoothGrad squared); or "variance"
            (VarGrad), which has no standard error.
        method: Whose values are taken: "gradient", or an attribution method by name whose values have the inputs'
            shape, such as "integrated_gradients".
        options: Keyword arguments of that method.
        layer: Whose output to explain in place of the inputs; of the gradient only.
        seed: Of the noise; the same gives the same numbers.
        exact: Run the network as it is, never a faster form of it.
        batch_size: How many evaluations at a time; None chooses it.

    Returns:
        values: (N, ...), signed, in output units per input unit (or those of `method`; squared where `statistic` is);
        `standard_error` alike.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Sources: Smilkov et al. 2017, arXiv:1706.03825; Hooker et al. 2019, arXiv:1806.10758; Adebayo et al. 2018,
    arXiv:1810.03307.

    >>> model = Model(torch.nn.Linear(2, 1, bias=False), task="regression")
    >>> with torch.no_grad():
    ...     _ = model.network.weight.copy_(torch.tensor([[2.0, -3.0]]))
    >>> smoothgrad(model, [[1.0, 1.0]]).values
    tensor([[ 2., -3.]])
    >>> smoothgrad(model, [[1.0, 1.0]], statistic="square").values
    tensor([[4., 9.]])
    """
    samples = whole_number("samples", samples, 2)
    noise = real_number("noise", noise, least=0)
    if statistic not in STATISTICS:
        raise InputError("statistic", expected=f"one of {', '.join(STATISTICS)}", got=repr(statistic))
    method_options = _checked(method, options, layer)
    run = {"passes": samples, "exact": exact, "batch_size": batch_size, "layer": layer, "differentiable": True}
    with model.explaining("smoothgrad", inputs, target, seed=seed, **run) as session:
        fields: dict[str, Any] = {}
        values = _noisy(
            session, noise, _gradient(session) if method == "gradient" else _of(session, method, method_options, fields)
        )
        if statistic == "variance":
            made = _variance(session, samples, values)
        else:
            power = 2 if statistic == "square" else 1
            strata = torch.zeros(len(session), samples, dtype=torch.long, device=session.inputs.device)
            made, error = mean_of_samples(session, strata, lambda rows, number: values(rows, number) ** power)
            fields["standard_error"] = error
        recorded: dict[str, object] = {"noise": noise, "samples": samples}
        if statistic != "mean":
            recorded |= {"statistic": statistic, "claim": "region"}
        if method != "gradient":
            recorded |= {"claim": METHODS[method].claim, "method": method, "options": method_options} | recorded
        over = "input" if statistic == "variance" else over_of_means(session)
        return session.explanation("smoothgrad", made, over, options=recorded, **fields)


def _checked(method: str, options: Mapping[str, object] | None, layer: str | None) -> dict[str, object]:
    """Return the keyword arguments of the method in the noise, where there can be such a method."""
    known = [name for name, entry in METHODS.items() if entry.kind == "attribution" and name != "smoothgrad"]
    if method not in known:
        raise InputError("method", expected=f"one of {', '.join(known)}", got=describe(method))
    if options is not None and not isinstance(options, Mapping):
        raise InputError("options", expected="a dictionary of keyword arguments", got=describe(options))
    if method == "gradient" and options:
        raise InputError("options", expected="none, since the gradient has none", got=describe(options))
    if method != "gradient" and layer is not None:
        raise InputError("layer", expected=f"none, or method 'gradient' instead of {method!r}", got=repr(layer))
    return dict(options or {})


def _noisy(session: Session, noise: float, explain: Values) -> Values:
    """Return what gives the values of rows under their next noise, from what explains a batch (n, ...) of rows (n,)."""
    # Of words, those of the row alone: how long the texts beside it are changes nothing.
    positions = [slice(None) if session.words is None else session.words.own(row) for row in range(len(session))]
    vectors = [row[position] for row, position in zip(session.inputs, positions, strict=True)]
    scale = noise * torch.stack([row.max() - row.min() for row in vectors])
    generators = [session.generator(row) for row in session.rows.tolist()]
    shape, dtype = session.inputs.shape[1:], session.inputs.dtype

    def values(rows: Tensor, number: Tensor) -> Tensor:
        # One draw at a time, in order: the numbers must not depend on how samples are cut into batches.
        draws = torch.zeros(len(rows), *shape, dtype=dtype)
        for position, row in enumerate(rows.tolist()):
            draws[position, positions[row]] = torch.randn(vectors[row].shape, generator=generators[row], dtype=dtype)
        noisy = draws.to(session.inputs.device).mul_(per_item(scale[rows], session.inputs))
        if session.present is not None:
            noisy.mul_(session.present[rows][:, :, None])  # padding stays padding
        return explain(noisy.add_(session.inputs[rows]), rows)

    return values


def _gradient(session: Session) -> Values:
    return lambda batch, rows: session.gradient(batch, rows)[1]


def _of(session: Session, method: str, options: dict[str, object], fields: dict[str, Any]) -> Values:
    """Return what explains noisy inputs by another method; its baseline becomes a field of the explanation."""
    if not session.raw_inputs.is_floating_point():
        raise InputError("method", expected="'gradient' for texts, whose words have no noise", got=repr(method))
    model, targets = _without_limits(session.model), session.target.labels()

    def values(batch: Tensor, rows: Tensor) -> Tensor:
        made = METHODS[method].load()(model, batch, [targets[row] for row in rows.tolist()], **options)
        if not isinstance(made.values, Tensor) or made.values.shape != batch.shape:
            wanted = "one whose values have the inputs' shape"
            raise InputError("method", expected=wanted, got=f"{method!r}, over {made.over}")
        fields["baseline"] = made.baseline
        if made.background is not None:
            session.background_values = made.background
        return made.values

    return values


def _without_limits(model: Model) -> Model:
    """Return the model that also takes pixels which noise has moved out of their range."""
    loose = model.input.unlimited()
    if loose is model.input:
        return model
    other = model.with_network(model.network)
    other.input = loose
    return other


def _variance(session: Session, samples: int, values: Values) -> Tensor:
    """Return the variance of the samples of each row, of all of them as the whole, from their first one on."""
    total = torch.zeros(session.inputs.shape, dtype=torch.float64, device=session.inputs.device)
    square, first = torch.zeros_like(total), torch.zeros_like(total)
    for indices in session.chunks(len(session) * samples):
        rows, number = indices // samples, indices % samples
        part = values(rows, number).double()
        first[rows[number == 0]] = part[number == 0]
        part -= first[rows]  # sums of small numbers lose less
        total.index_add_(0, rows, part)
        square.index_add_(0, rows, part.square())
    return (square / samples - (total / samples).square()).clamp_min_(0).to(session.inputs.dtype)
