"""What all LIME functions can be asked: declared, documented and checked in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np

from xai.base.arguments import whole_number
from xai.base.errors import InputError
from xai.lime.selection import SURROGATES

__all__ = ["ENGINES", "LimeSettings", "Run", "Settings", "SurrogateSettings", "check_settings", "read_settings"]

ENGINES = ("xai", "lime")
LEAST = 10


class SurrogateSettings(TypedDict, total=False):
    """Keyword arguments of every LIME function.

    Args:
        samples: How many samples to draw around each input. None, the default: as many as the ranking needs, at most
            `most_samples`.
        most_samples: The most samples where `samples` is None: 1,000 for images, else 5,000.
        top: How many of the largest weights have to stand in a stable order before sampling stops; 5.
        confidence: At which confidence that order has to be stable; 0.95.
        surrogate: "ridge" (default), "lasso" or "forward" (selection; both refit the selected features by ridge), or
            "tree".
        features: The most features that may have a weight; None is all ("ridge", "tree") or 10 ("lasso", "forward").
            Half of the samples select them, the other half fits, so that their intervals are valid.
        penalty: Of the ridge, 1; divided by the number of samples, so that weights and intervals are those that ever
            more samples lead to.
        kernel_width: How far the neighborhood reaches, in the distance of the function; None is its default.
        of: What is explained: "probability" (default, as in lime), "log_probability" or "output" (logits, where the
            network puts out logits).
        seed: Of the samples; 0. The same seed gives the same numbers, for a row alone as in a batch.
        exact: True runs the network as it is, never a faster form of it; False.
        batch_size: Samples in one forward pass; None chooses it.
    """

    samples: int | None
    most_samples: int
    top: int
    confidence: float
    surrogate: str
    features: int | None
    penalty: float
    kernel_width: float | None
    of: str
    seed: int
    exact: bool
    batch_size: int | None


class LimeSettings(SurrogateSettings, total=False):
    """Those, and that of the functions that the original library has too.

    Args:
        engine: "xai" (default), or "lime" to run the original library; there, `penalty` is not divided.
    """

    engine: str


class Run(TypedDict):
    """What `Model.explaining` is told of a LIME call."""

    of: str
    seed: int
    passes: int
    exact: bool
    batch_size: int | None


@dataclass(frozen=True)
class Settings:
    """How a surrogate is fitted, checked: those of `LimeSettings` that do not say how the network is run."""

    samples: int | None
    most_samples: int
    top: int
    confidence: float
    surrogate: str
    features: int | None
    penalty: float
    kernel_width: float | None
    engine: str

    def options(self) -> dict[str, object]:
        """Return the keyword arguments that make the explanation again."""
        return dict(vars(self))

    @property
    def passes(self) -> int:
        """Return the most samples that a row may take."""
        return self.samples or self.most_samples


def read_settings(
    function: str, declared: type[SurrogateSettings], /, **asked: Unpack[LimeSettings]
) -> tuple[Settings, Run]:
    """Return what was asked of a function about the fit, and about how the network is run.

    Args:
        function: Its name.
        declared: What it can be asked, `SurrogateSettings` or `LimeSettings`.
        asked: What it was.

    Raises:
        InputError: A value cannot be.
        TypeError: A name is not among those declared.

    >>> settings, run = read_settings("lime_tabular", LimeSettings, samples=500, of="output")
    >>> settings.samples, settings.most_samples, run["of"], run["passes"]
    (500, 5000, 'output', 500)
    """
    for name in asked:
        if name not in declared.__annotations__:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
    fit: dict[str, Any] = {name: value for name, value in asked.items() if name not in Run.__annotations__}
    settings = check_settings(**fit)
    run = Run(
        of=asked.get("of", "probability"), seed=asked.get("seed", 0), passes=settings.passes,
        exact=asked.get("exact", False), batch_size=asked.get("batch_size"),
    )  # fmt: skip
    return settings, run


def check_settings(
    *,
    samples: int | None = None,
    most_samples: int = 5000,
    top: int = 5,
    confidence: float = 0.95,
    surrogate: str = "ridge",
    features: int | None = None,
    penalty: float = 1.0,
    kernel_width: float | None = None,
    engine: str = "xai",
) -> Settings:
    """Return the settings, or raise InputError for one that cannot be."""
    counts = {
        "samples": (samples, LEAST),
        "most_samples": (most_samples, LEAST),
        "top": (top, 1),
        "features": (features, 1),
    }
    for name, (value, least) in counts.items():
        if value is None and name in ("samples", "features"):
            continue
        whole_number(name, value, least)
    if not _number(confidence) or not 0 < confidence < 1:
        raise InputError("confidence", expected="a share between 0 and 1", got=repr(confidence))
    if not _number(penalty) or not 0 <= penalty < float("inf"):
        raise InputError("penalty", expected="a number from 0", got=repr(penalty))
    if kernel_width is not None and (not _number(kernel_width) or not 0 < kernel_width < float("inf")):
        raise InputError("kernel_width", expected="a number above 0", got=repr(kernel_width))
    for name, value, known in (("surrogate", surrogate, SURROGATES), ("engine", engine, ENGINES)):
        if value not in known:
            raise InputError(name, expected=f"one of {', '.join(known)}", got=repr(value))
    whole = [None if value is None else int(value) for value in (samples, features)]
    return Settings(
        whole[0], int(most_samples), int(top), float(confidence), surrogate, whole[1], float(penalty),
        None if kernel_width is None else float(kernel_width), engine,
    )  # fmt: skip


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
