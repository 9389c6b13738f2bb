"""A model on inputs drawn at random: does it run, and does every method work on it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from xai.base.errors import NetworkError, XaiError
from xai.methods import all_methods
from xai.model.model import Model

__all__ = ["Trial", "try_methods", "try_network"]

# Few passes: what is asked is whether a method works, not what it finds.
QUICK: dict[str, dict[str, object]] = {
    "integrated_gradients": {"steps": 4},
    "smoothgrad": {"samples": 2},
    "gradient_shap": {"samples": 2},
    "lime_image": {"samples": 64},
    "lime_text": {"samples": 64},
    "lime_series": {"samples": 64},
}
OF_A_KIND = ("lime_segments",)  # for a user's kinds of input; other kinds have a method of the same result


@dataclass(frozen=True)
class Trial:
    """What became of one method: `says` is its summary, or why it does not work."""

    method: str
    works: bool
    says: str


def try_network(model: Model, blank: Tensor) -> dict[str, object]:
    """Return facts about a model after two passes on a batch.

    Raises:
        NetworkError: It answers with numbers that are not finite, or differently the second time.
    """
    first, again = model.predict(blank), model.predict(blank)
    if not bool(torch.isfinite(first).all()):
        raise NetworkError("network", expected="finite answers", got="NaN or infinity", operation="check")
    if not torch.equal(first, again):
        raise NetworkError("network", expected="the same answer twice", got="two answers", operation="check")
    return {
        "name": model.name,
        "takes": f"{model.input.kind}, {' x '.join(map(str, blank.shape[1:]))}",
        "answers": f"{model.task}, {first.shape[1]} {'classes' if model.classes else 'outputs'}",
        "parameters": f"{sum(parameter.numel() for parameter in model.network.parameters()):,}",
    }


def try_methods(model: Model, blank: Tensor) -> Iterator[Trial]:
    """Yield a trial per method that takes the model's kind of input, each with few passes.

    blank: a batch of inputs; numbers in it are drawn at random.
    """
    rows = _drawn(model, blank)
    for name, spec in all_methods().items():
        if spec.kind not in ("attribution", "surrogate") or not spec.takes(model.input.kind) or name in OF_A_KIND:
            continue
        settings = {"background": rows} if name == "lime_tabular" else {}
        try:
            spec.load()(model, rows[:1], **settings, **QUICK.get(name, {}))
        except XaiError as error:
            yield Trial(name, False, str(error))
        else:
            yield Trial(name, True, spec.summary)


def _drawn(model: Model, blank: Tensor) -> Tensor:
    """Return rows to try on: drawn between 0 and 1; the batch itself where it holds words or categories."""
    if not blank.is_floating_point() or model.input.categorical:
        return blank
    return torch.rand(blank.shape, generator=torch.Generator().manual_seed(0)).to(blank)
