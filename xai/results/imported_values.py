"""Explanations whose values were made elsewhere: by another package, or by hand.

A tensor, an array, nested lists, what captum returns, and what shap returns (known by its fields `values` and
`base_values`) are put in the form that our own have, or refused with what would have been right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from xai.base.arrays import all_finite, to_tensor
from xai.base.errors import InputError, XaiError, describe
from xai.base.specs import CLAIMS

if TYPE_CHECKING:
    from xai.results.explanation import Explanation

__all__ = ["explanation_of"]

# How words may have been cut: as they stand, the same word once, and letters.
CUTS = (("words", "position"), ("words", "type"), ("characters", "position"))
Placed = tuple[list[Tensor], str, dict[str, Any]]


def explanation_of(
    model: Any,
    inputs: object,
    values: object,
    target: object,
    *,
    claim: str,
    method: str,
    baseline: object,
    names: Sequence | None,
    over: str | None,
    of: str | None,
    layer: str | None,
    remake: Callable | None,
) -> Explanation:
    """Return the explanation; see `Explanation.of`."""
    if not hasattr(model, "explaining"):
        raise InputError("model", expected="an xai.Model", got=describe(model))
    if claim not in CLAIMS:
        raise InputError("claim", expected=f"one of {', '.join(CLAIMS)}", got=repr(claim))
    if not isinstance(method, str) or not method:
        raise InputError("method", expected="the name of what made the values", got=describe(method))
    if remake is not None and not callable(remake):
        raise InputError("remake", expected="a function (model, inputs, target) -> values", got=describe(remake))
    from_shap = hasattr(values, "base_values") and hasattr(values, "values")
    starts = getattr(values, "base_values", None) if from_shap else None
    if from_shap and names is None:
        names = _names_of(values)
    rows = _rows_of(getattr(values, "values") if from_shap else values)  # noqa: B009 - of an object without a type
    with model.explaining("Explanation.of", inputs, target, of=of or "output", layer=layer) as session:
        if len(rows) != len(session):
            raise InputError("values", expected=f"those of {len(session)} rows", got=f"of {len(rows)}")
        rows = [row.to(session.inputs.device, _dtype(session.inputs)) for row in rows]
        rows, over, fields = _as_asked(session, *_placed(session, rows, names), over)
        options: dict[str, Any] = {"claim": claim, "elsewhere": True}
        if "units" in fields:
            options["units"] = fields.pop("units")
        fields["baseline"] = _baseline(session, baseline, options)
        if starts is not None:
            of = _note_sum(session, rows, starts, of)
        if of is not None:
            options["of"] = of
        if names is not None and over != "tokens":
            fields["names"] = tuple(map(str, names))
        alike = over in ("input", "layer")
        return session.explanation(
            method, torch.stack(rows) if alike else rows, over, options=options, remake=remake, **fields
        )


def _dtype(inputs: Tensor) -> torch.dtype:
    return inputs.dtype if inputs.is_floating_point() else torch.float32


def _names_of(values: Any) -> Sequence | None:
    """Return the names that shap gives to columns, or the tokens of each text."""
    names = getattr(values, "feature_names", None)
    if names is None:
        data = getattr(values, "data", None)
        texts = isinstance(data, Sequence | np.ndarray) and len(data) and not isinstance(data[0], str)
        names = data if texts and all(_strings(row) for row in data) else None
    return None if names is None else list(names)


def _strings(row: object) -> bool:
    several = isinstance(row, Sequence | np.ndarray) and not isinstance(row, str) and len(row) > 0
    return several and all(isinstance(item, str) for item in row)


def _rows_of(values: Any) -> list[Tensor]:
    """Return the values of each row as numbers, all finite."""
    if isinstance(values, tuple) and len(values) == 1 and getattr(values[0], "ndim", 0) > 1:
        values = values[0]  # captum gives one for each of several inputs, also where there is one
    ragged = isinstance(values, np.ndarray) and values.dtype == object
    if ragged or isinstance(values, list | tuple):
        rows = [to_tensor(row, f"values, row {number}") for number, row in enumerate(values)]
    else:
        whole = to_tensor(values, "values")
        rows = list(whole) if whole.ndim else []
    if not rows or any(not row.ndim or not row.numel() for row in rows):
        raise InputError("values", expected="some for each row", got=describe(values))
    wrong = next((number for number, row in enumerate(rows) if not all_finite(row)), None)
    if wrong is not None:
        raise InputError("values", expected="finite numbers", got=f"NaN or infinity in row {wrong}")
    return rows


def _placed(session: Any, rows: list[Tensor], names: Sequence | None) -> Placed:
    """Return the values as an explanation has them, what they are over, and the fields that say where each stands.

    Of values for each class, which have an axis more, those of the target are taken.
    """
    ways = list(_ways(session, names))
    found = next((placed for way in ways if (placed := way(rows)) is not None), None)
    outputs = session.prediction.shape[1]
    if found is None and all(row.ndim > 1 and row.shape[-1] == outputs for row in rows):
        chosen = [_of_target(session, number, row) for number, row in enumerate(rows)]
        found = next((placed for way in ways if (placed := way(chosen)) is not None), None)
    if found is None:
        shapes = list(dict.fromkeys(tuple(row.shape) for row in rows))
        raise InputError("values", expected=_wanted(session), got=f"{' and '.join(map(str, shapes[:3]))} for a row")
    return found


def _of_target(session: Any, row: int, values: Tensor) -> Tensor:
    target = session.target
    chosen = values[..., target.index[row]]
    return chosen if target.against is None else chosen - values[..., target.against[row]]


def _ways(session: Any, names: Sequence | None) -> Iterator[Callable[[list[Tensor]], Placed | None]]:
    """Yield the ways in which values may belong to a row: each returns them placed, or None where they do not fit."""
    kind, inputs = session.kind, session.inputs
    shape = tuple(inputs.shape[1:])
    numbers = inputs.is_floating_point()
    if numbers:
        yield lambda rows: (rows, "input", {}) if _alike(rows) == shape else None
    if session.layer is not None:
        return
    sides = len(kind.axes(inputs))
    if numbers and sides > 1:
        behind = (*shape[1:], shape[0])  # channels, as pictures are kept
        yield lambda rows: ([row.movedim(-1, 0) for row in rows], "input", {}) if _alike(rows) == behind else None
        yield lambda rows: (rows, "layer", {}) if len(_alike(rows)) == sides else None
        yield lambda rows: ([row[0] for row in rows], "layer", {}) if _is_one_map(_alike(rows), sides) else None
        return
    if numbers:
        yield lambda rows: _in_parts(kind.parts(inputs), rows, shape[0])
        return
    if names is not None and inputs.dtype == torch.int32:
        if len(names) != len(inputs) or not all(map(_strings, names)):
            raise InputError("names", expected="the tokens of each text", got=describe(names))
        tokens = iter(names)
        cut = kind.parts(inputs, (lambda text: list(next(tokens)), "position"))
        yield lambda rows: _in_parts(cut, rows)
        return
    if inputs.dtype == torch.int32 and hasattr(getattr(kind, "reader", None), "of_tokens"):
        yield lambda rows: _in_words(kind.reader.of_tokens(inputs, rows))
    for how in CUTS if inputs.dtype == torch.int32 else (None,):
        try:
            cut = kind.parts(inputs, how)
        except XaiError:  # a text without a word
            continue
        yield lambda rows, cut=cut, how=how: _in_parts(cut, rows)


def _alike(rows: list[Tensor]) -> tuple[int, ...]:
    """Return the shape that all rows have, () where they differ."""
    shapes = {tuple(row.shape) for row in rows}
    return shapes.pop() if len(shapes) == 1 else ()


def _is_one_map(shape: tuple[int, ...], sides: int) -> bool:
    return len(shape) == sides + 1 and shape[0] == 1


def _in_parts(parts: Any, rows: list[Tensor], positions: int | None = None) -> Placed | None:
    """Return one value for each part of a row; of padded rows those of padding may be there, and are left out."""
    counts, lengths = parts.counts(), [len(row) if row.ndim == 1 else -1 for row in rows]
    if lengths != counts and (positions is None or set(lengths) != {positions}):
        return None
    rows = [row[:count] for row, count in zip(rows, counts, strict=True)]
    fields = {"segments": parts.labels, "row_names": parts.names or None}
    return rows, parts.over, {**fields, "units": parts.cut} if parts.over == "tokens" else fields


def _in_words(found: tuple[list[Tensor], Any] | None) -> Placed | None:
    """Return values of a tokenizer's tokens as those of words, special tokens among them."""
    if found is None:
        return None
    rows, parts = found
    return rows, "tokens", {"segments": parts.labels, "row_names": parts.names, "units": "words"}


def _wanted(session: Any) -> str:
    kind, inputs = session.kind, session.inputs
    shape = tuple(inputs.shape[1:])
    if session.layer is not None:
        return f"values of the shape {shape} that {session.layer!r} puts out for each row"
    if not inputs.is_floating_point():
        counts = kind.parts(inputs, CUTS[0] if inputs.dtype == torch.int32 else None).counts()
        return f"for each text one number per word ({', '.join(map(str, counts[:5]))}{', ...' * (len(counts) > 5)})"
    wanted = f"values of the inputs' shape {shape} for each row"
    sides = len(kind.axes(inputs))
    if sides > 1:
        return f"{wanted}, or a map {'(D, H, W)' if sides == 3 else '(H, W)'}"
    return wanted if len(shape) < 2 else f"{wanted}, or one number for each of {shape[0]} positions"


def _as_asked(
    session: Any, rows: list[Tensor], found: str, fields: dict[str, Any], over: str | None
) -> tuple[list[Tensor], str, dict[str, Any]]:
    """Return the values over what the caller says that they are over; columns are inputs as well as features."""
    if over == "features" and found == "input" and all(len(row.shape) == 1 for row in rows):
        return rows, over, fields
    if over is not None and over != found:
        raise InputError("over", expected=f"{found!r} for values of this shape", got=repr(over))
    return rows, found, fields


def _baseline(session: Any, baseline: object, options: dict[str, Any]) -> str | float | None:
    """Return the name of what the values are compared with; of texts, the string that stands for a word."""
    if baseline is None:
        return None
    if session.inputs.is_floating_point():
        return session.baseline(baseline)[1]
    if not isinstance(baseline, str) or session.inputs.dtype != torch.int32:
        raise InputError("baseline", expected="none, or of strings one in place of a word", got=describe(baseline))
    options["hide"] = baseline
    return baseline


def _note_sum(session: Any, rows: list[Tensor], starts: object, of: str | None) -> str:
    """Note where sums begin and by what share they miss the answer; return which answer they are about.

    Where the caller does not say whether the values explain outputs or probabilities, it is what they add up to.
    """
    start = to_tensor(starts, "base_values").to(session.inputs.device, torch.float64)
    if start.shape != (len(rows),):
        count, outputs = len(rows), session.prediction.shape[1]
        try:  # a number, one for each class, or one for each row and class
            start = start.reshape(-1, 1) if start.shape == (count, 1) and outputs > 1 else start
            start = session.target.select(start.expand(count, outputs), None)
        except RuntimeError as error:
            wanted = f"a number, or those of {count} rows and {outputs} outputs"
            raise InputError("base_values", expected=wanted, got=str(tuple(start.shape))) from error
    total = torch.stack([row.double().sum() for row in rows])
    answers = {of or "output": session.scores(session.inputs, session.rows)}
    if of is None:
        answers["probability"] = session.target.select(session.prediction, None).double()
    errors = {
        name: ((start + total - answer).abs() / (answer - start).abs().clamp_min(1e-12))
        for name, answer in answers.items()
    }
    best = min(errors, key=lambda name: float(errors[name].median()))
    session.note("intercept", start)
    session.note("completeness_error", errors[best])
    return best
