"""LIME for tables: rows are drawn from the training data's statistics around each of many rows in one call."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import torch

from xai.base.errors import InputError, describe, names_errors
from xai.inputs.groups import group_positions
from xai.inputs.streams import is_stream, stack_rows
from xai.lime.neighborhood import fit_stored, note_fits
from xai.lime.original import original_tabular
from xai.lime.rounds import Fitted
from xai.lime.settings import LimeSettings, Settings, read_settings
from xai.lime.table_fit import fit_table
from xai.lime.table_samples import TableSamples
from xai.lime.training_summary import TrainingSummary
from xai.model.model import Model
from xai.model.session import Session
from xai.results.explanation import Explanation

__all__ = ["lime_tabular"]


@names_errors("lime_tabular")
def lime_tabular(
    model: Model,
    rows: object,
    target: object = None,
    *,
    background: object,
    bins: str | None = "quartile",
    labels: object = None,
    shared: bool = False,
    controls: str | None = "auto",
    **settings: Unpack[LimeSettings],
) -> Explanation:
    """Return one weight per column: what being in this row's bin (or category) adds to the target, around the row.

    Args:
        model: Of tables.
        rows: (N, columns), a DataFrame, one row, or a torch Dataset, DataLoader or generator of rows, which is read a
            batch at a time. All rows stand in the explanation: more than memory holds are for `xai.run`.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        background: The training data (DataFrame, array, CSV or Parquet file), or a `TrainingSummary` of it. Of a
            Dataset, DataLoader or generator at most 100,000 rows, drawn at random, are summarized.
        bins: How numeric columns are cut: see `TrainingSummary.of`. With None the weight of a numeric column is per
            standard deviation.
        labels: Of the training data, for bins="entropy": see `TrainingSummary.of`.
        shared: Draw one sample set for all rows: many times faster, and each row's interval stays valid, but errors of
            different rows then go together.
        controls: "columns" or "pairs", control variates that save samples (`xai.lime.control_variates`), or
            None; "auto" is "columns", and None for a shared sample set, where evaluations are cheap.
        settings: Those of every LIME function, see `xai.lime.settings.LimeSettings`: samples, most_samples (5,000),
            top, confidence, surrogate, features, penalty, kernel_width (0.75 sqrt(columns), as in lime), of, engine,
            seed, exact, batch_size.

    Returns:
        values: a list of (columns,) per row in units of `of`, named by `row_names`, with `standard_error` (sampling
        only). Diagnostics as for `lime_image`; `untestable` names columns that never varied.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> from xai.inputs.table import TabularInput
    >>> data = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    >>> model = Model(torch.nn.Linear(2, 2), input=TabularInput(["age", "income"]))
    >>> e = lime_tabular(model, data[:3], background=data, samples=500)
    >>> len(e), e.values[0].shape, e.value_names(0)[0]
    (3, torch.Size([2]), 'age ≤ -0.4807')
    """
    operation = "lime_tabular"
    fit, run = read_settings(operation, LimeSettings, **settings)
    if not isinstance(shared, bool):
        raise InputError("shared", expected="True or False", got=describe(shared))
    if not model.input.in_columns:
        raise InputError("model", expected="one of tables", got=f"input {model.input.kind}")
    if is_stream(rows):
        rows = stack_rows(rows, model.input, "rows")
    with model.explaining(operation, rows, target, **run) as session:
        if session.kind.positions(session.inputs) != session.inputs.shape[1:]:
            raise InputError("rows", expected="shape (N, columns)", got=describe(session.inputs))
        summary = _summary(background, model, session.inputs.shape[1], bins, labels)
        if fit.engine == "lime" and not summary.plain:
            wanted = "the own engine for tables with gaps or groups of columns"
            raise InputError("engine", expected=wanted, got="'lime'")
        table = TableSamples(summary, session.inputs, session.kind.names)
        width = fit.kernel_width or 0.75 * len(summary.columns) ** 0.5
        if controls == "auto":
            controls = None if shared else "columns"
        fits = _fits(session, table, fit, width, shared, controls)
        names = table.row_names()
        here = [
            found.intercept + float(found.weights @ row) for found, row in zip(fits, table.own_features(), strict=True)
        ]
        note_fits(session, fits, session.scores(session.inputs, session.rows).tolist(), here, names)
        errors = [found.standard_error.to(torch.float32) for found in fits if found.standard_error is not None]
        return session.explanation(
            operation,
            [found.weights.to(torch.float32) for found in fits],
            "features",
            standard_error=errors or None,
            names=tuple(summary.names),
            row_names=names,
            segments=session.kind.parts(session.inputs).labels if summary.parts != summary.names else None,
            options={
                "background": summary.to_dict(),
                "shared": shared,
                "controls": controls,
                "of": run["of"],
                **fit.options(),
            },
        )


def _fits(
    session: Session, table: TableSamples, settings: Settings, width: float, shared: bool, controls: str | None
) -> list[Fitted]:
    if settings.engine == "lime":
        return [original_tabular(session, row, table, settings, width) for row in session.rows.tolist()]
    if settings.surrogate == "tree":
        return [_tree(session, row, table, settings, width) for row in session.rows.tolist()]
    return fit_table(session, table, settings, width, shared, controls)


def _tree(session: Session, row: int, table: TableSamples, settings: Settings, width: float) -> Fitted:
    drawn = table.draw(1, -(-settings.passes // 2), session.generator(row))
    number = torch.tensor(row, device=session.inputs.device)
    answers = torch.cat([session.scores(part, number.expand(len(part))).cpu() for part in drawn.values.split(1024)])
    features = table.features(drawn, number.cpu()[None])[0][0, 0].T
    return fit_stored(features, answers, settings, width)


def _summary(background: object, model: Model, columns: int, bins: str | None, labels: object) -> TrainingSummary:
    if isinstance(background, dict):
        background = TrainingSummary.load(background)
    if isinstance(background, str | Path) and Path(background).suffix == ".json":
        background = TrainingSummary.load(background)
    names = list(model.input.names)  # none of a plain tensor
    if not isinstance(background, TrainingSummary):
        if background is None:
            raise InputError("background", expected="training data or a TrainingSummary", got="None")
        try:
            background = TrainingSummary.of(background, bins=bins, labels=labels, like=model.input)
        except InputError as error:
            argument = "background" if error.argument == "data" else error.argument
            raise InputError(argument, expected=error.expected, got=error.got) from error
    if len(background.parts) != columns:
        raise InputError("background", expected=f"{columns} columns", got=f"{len(background.parts)}")
    wanted = list(group_positions(getattr(model.input, "groups", {}), names))
    if names and (background.names != wanted or sorted(background.parts) != sorted(names)):
        raise InputError("background", expected=f"columns {wanted}", got=f"{background.names}")
    return background
