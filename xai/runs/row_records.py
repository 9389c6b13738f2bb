"""One line per explanation, as Parquet holds it: what the model answered, what was found, and the largest values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.base.json_values import as_plain, visible_text
from xai.evidence.verdict import verdict
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.finding import Finding
from xai.runs.chunks import Loaded

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TOP", "label_name", "rows_schema", "rows_table"]

TOP = 5  # largest values of a row that stand in its line


def rows_schema(checks: Sequence[str]) -> pa.Schema:
    """Return the columns of a run with these checks."""
    import pyarrow as pa

    figures = dict(zip(FIGURES, (pa.string, pa.float64, pa.float64), strict=True))
    feature = pa.struct([("name", pa.string()), ("value", pa.float64())])
    columns = {
        "row": pa.int64(), "id": pa.string(), "label": pa.string(), "predicted": pa.string(),
        "probability": pa.float64(), "prediction": pa.list_(pa.float32()), "correct": pa.bool_(),
        "method": pa.string(), "target": pa.string(), "verdict": pa.string(),
        **{f"{check}_{what}": kind() for check in checks for what, kind in figures.items()},
        "total": pa.float64(), "zero_map": pa.bool_(), "saturated": pa.bool_(), "diagnostics": pa.string(),
        "top": pa.list_(feature), "error": pa.string(), "shard": pa.int64(), "position": pa.int32(),
    }  # fmt: skip
    return pa.schema(list(columns.items()))


FIGURES = ("status", "score", "p")


def rows_table(
    model: Model,
    loaded: Loaded,
    made: Mapping[str, tuple[Explanation | None, list[int]]],
    errors: Mapping[str, Mapping[int, str]],
    checks: Sequence[str],
    number: int,
    start: int,
) -> pa.Table:
    """Return the lines of one shard, method by method.

    Args:
        model: The model.
        loaded: The rows of the shard.
        made: By method, the explanation of the rows that could be explained, and their numbers in the shard.
        errors: By method, what was wrong with the others.
        checks: The checks that were made.
        number: Of the shard.
        start: The number of its first row.
    """
    import pyarrow as pa

    schema, lines = rows_schema(checks), []
    labels = [label_name(model, label, loaded.named) for label in loaded.labels]
    for method, (explanation, rows) in made.items():
        lines_by_row = {} if explanation is None else dict(zip(rows, _lines(model, explanation, checks), strict=True))
        for row, name in enumerate(loaded.ids):
            line = lines_by_row.get(row, {"error": errors[method].get(row)})
            correct = None
            if labels[row] is not None and "predicted" in line and model.task in ("classification", "binary"):
                correct = line["predicted"] == labels[row]
            about = {"row": start + row, "id": visible_text(name), "label": labels[row], "correct": correct}
            lines.append({"method": method, "shard": number, **about, **line})
    return pa.Table.from_pylist(lines, schema=schema)


def label_name(model: Model, label: object, named: bool) -> str | None:
    """Return a label as a word: the name of its class, or the value of a regression; None where there is none.

    named: a number is the name of a class where one is called so.
    """
    plain = as_plain(label)
    if plain is None or plain != plain:
        return None
    classes = model.classes or []
    if model.task not in ("classification", "binary") or not isinstance(plain, Real):
        return visible_text(str(plain))
    number = int(plain) if float(plain).is_integer() else plain
    if (named and str(number) in classes) or not 0 <= number < len(classes):
        return str(number)
    return classes[number]


def _lines(model: Model, explanation: Explanation, checks: Sequence[str]) -> list[dict[str, object]]:
    """Return what stands in the lines of an explanation's rows."""
    prediction = explanation.prediction.detach().float().cpu()
    best = prediction.argmax(1).tolist()
    shares = model.task != "regression"
    lines = []
    tops, totals = _largest(model, explanation)
    for row, numbers in enumerate(prediction.tolist()):
        diagnosis = explanation.diagnostics[row] if explanation.diagnostics else {}
        findings = explanation.evidence[row] if explanation.evidence else ()
        lines.append(
            {
                "predicted": _predicted(model, explanation, numbers, best[row]),
                "probability": numbers[best[row]] if shares else None,
                "prediction": numbers,
                "target": explanation.target_name(row),
                "verdict": verdict(findings) if findings else None,
                **_figures(findings, checks),
                "total": totals[row],
                "zero_map": diagnosis.get("zero_map"),
                "saturated": diagnosis.get("saturated"),
                "diagnostics": json.dumps(as_plain(diagnosis)),
                "top": tops[row],
                "position": row,
            }
        )
    return lines


def _predicted(model: Model, explanation: Explanation, numbers: list[float], best: int) -> str:
    if model.task == "regression":
        return ", ".join(f"{value:.6g}" for value in numbers)
    if model.task == "multilabel":
        return ", ".join(explanation.class_name(index) for index, share in enumerate(numbers) if share > 0.5)
    return explanation.class_name(best)


def _figures(findings: Sequence[Finding], checks: Sequence[str]) -> dict[str, object]:
    by_name = {finding.check: finding for finding in findings}
    found = {}
    for check in checks:
        finding = by_name.get(check)
        if finding is not None:
            p = finding.details.get("p_value")
            values = (finding.status, _number(finding.score), _number(p))
            found |= {f"{check}_{what}": value for what, value in zip(FIGURES, values, strict=True)}
    return found


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _largest(model: Model, explanation: Explanation) -> tuple[list[list[dict[str, object]]], list[float]]:
    """Return the largest values of each row, by size, with their names, and the sum of all its values."""
    parts = list(explanation.values)
    totals = [float(part.double().sum()) for part in parts] if len({part.shape for part in parts}) > 1 else None
    if totals is not None:
        return [_top(part.reshape(1, -1), explanation, row)[0] for row, part in enumerate(parts)], totals
    values = torch.stack(parts) if not isinstance(explanation.values, Tensor) else explanation.values
    totals = values.flatten(1).double().sum(1).tolist()
    if model.input.drawing == "map" and explanation.over in ("input", "layer"):
        heat = explanation.heatmap()
        width = heat.shape[2]
        return _top(heat.flatten(1), explanation, 0, lambda index: f"y {index // width}, x {index % width}"), totals
    return _top(values.flatten(1), explanation, 0), totals


def _top(
    values: Tensor, explanation: Explanation, first: int, called: Callable[[int], str] | None = None
) -> list[list[dict[str, object]]]:
    """Return the largest of values (N, D), whose first row is that of this number; called: the name of an index."""
    count = min(TOP, values.shape[1])
    positions = values.abs().topk(count, dim=1).indices
    numbers = values.gather(1, positions).double().tolist()
    found = []
    for row, (indices, largest) in enumerate(zip(positions.tolist(), numbers, strict=True), start=first):
        named = _names(explanation, row, values.shape[1]).__getitem__ if called is None else called
        words = [named(position) for position in indices]
        found.append(
            [{"name": visible_text(str(word)), "value": value} for word, value in zip(words, largest, strict=True)]
        )
    return found


def _names(explanation: Explanation, row: int, count: int) -> Sequence[object]:
    """Return what values are called across rows: by columns where they are columns, else as the row has it."""
    if len(explanation.names) == count:
        return explanation.names
    return explanation.value_names(row) if explanation.row_names is not None else range(count)
