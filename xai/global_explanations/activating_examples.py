"""The real examples that excite a unit most, and least: what it looks for, in the data's own words."""

from __future__ import annotations

from collections.abc import Sequence

from xai.base.arguments import whole_number
from xai.base.errors import LayerError, describe, names_errors
from xai.global_explanations.layer_values import unit_values
from xai.model.model import Model
from xai.results.global_results import Examples

__all__ = ["activating_examples"]

OPERATION = "activating_examples"


@names_errors("activating_examples")
def activating_examples(
    model: Model,
    inputs: object,
    layer: str,
    units: Sequence[int] | None = None,
    *,
    count: int = 9,
    batch_size: int | None = None,
) -> Examples:
    """Return the inputs that excite each unit of a layer most and least, with how far from its mean they lie.

    A channel's activation is its mean over positions, a recurrent state's its largest over the steps that are there; an
    activation function is read before it. A unit that looks for something leaves the mean far behind on few inputs; the
    extremes of noise over N inputs lie about sqrt(2 log N) standard deviations away.

    Args:
        model: Whose units are looked at.
        inputs: Any that the model takes, (N, ...).
        layer: The layer, by name.
        units: Numbers of channels or states, all by default.
        count: How many inputs at either end.
        batch_size: How many inputs at a time; None chooses it.

    Raises:
        InputError: An argument cannot be.
        LayerError: There is no such layer, or it has no units.
        NetworkError: The network fails, or puts out something else than scores.

    >>> import torch
    >>> model = Model(torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.Linear(2, 2)))
    >>> activating_examples(model, torch.rand(20, 1), "0", [1], count=3).most.shape
    torch.Size([1, 3])
    """
    count = whole_number("count", count, 1)
    with model.explaining(OPERATION, inputs, 0, batch_size=batch_size, differentiable=model.input.embedded) as session:
        values = unit_values(session, layer).double().cpu()  # (N, U)
        chosen = list(range(values.shape[1])) if units is None else list(units)
        wrong = [unit for unit in chosen if not isinstance(unit, int) or not 0 <= unit < values.shape[1]]
        if wrong or not chosen:
            wanted = f"numbers from 0 to {values.shape[1] - 1}"
            raise LayerError("units", expected=wanted, got=describe(wrong[0] if wrong else chosen))
        values = values[:, chosen]
        order = values.argsort(dim=0, descending=True, stable=True)  # (N, U)
        shown = min(count, len(session))
        most, least = order[:shown].T, order.flip(0)[:shown].T
        return Examples(
            layer=layer,
            units=tuple(chosen),
            most=most,
            most_values=values.T.gather(1, most),
            least=least,
            least_values=values.T.gather(1, least),
            mean=values.mean(0),
            deviation=values.std(0, correction=0),
            rows=len(session),
            inputs=session.inputs if session.words is None else session.words.raw,
            model_digest=model.digest(),
        )
