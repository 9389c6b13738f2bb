"""What all LIME methods can be asked, checked in one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xai.base.arguments import whole_number
from xai.base.errors import InputError
from xai.lime.selection import SURROGATES

__all__ = ["ENGINES", "Settings", "check_settings"]

ENGINES = ("xai", "lime")
LEAST = 10


@dataclass(frozen=True)
class Settings:
    """samples: how many, None for as many as the ranking needs, at most `most_samples`.

    top, confidence: the ranking of the `top` features has to be stable at this confidence. surrogate: "ridge",
    "lasso", "forward" or "tree". features: the most that may have a weight, None for all. penalty: of the ridge.
    kernel_width: how far the neighborhood reaches, None for the default. engine: "xai", or "lime" for the original.
    """

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
