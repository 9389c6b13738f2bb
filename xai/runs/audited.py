"""The audit of a run's data: the model on rows that the run explained, with the labels that it read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from xai.auditing.audit_data import FEWEST_ROWS, AuditData
from xai.auditing.audit_run import audit, chosen_checks
from xai.base.errors import InputError
from xai.base.json_values import visible_text
from xai.inputs.code_points import to_texts
from xai.inputs.streams import MOST_DRAWN, draw_numbers
from xai.methods import MODEL_CHECKS
from xai.model.model import Model
from xai.results.audit_result import AuditResult
from xai.runs.shard_values import read_inputs
from xai.runs.store import Run
from xai.runs.worker import one_thread, values_path

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["audit_checks", "audit_of_run"]


def audit_checks(asked: bool | Sequence[str], keep_inputs: bool) -> list[str] | None:
    """Return the checks of the audit that was asked for, None where there is to be none; raises InputError early."""
    if asked is False or asked is None:
        return None
    if not keep_inputs:
        raise InputError("audit", expected="keep_inputs=True: it reads what the run kept", got="keep_inputs=False")
    names = None if asked is True else [asked] if isinstance(asked, str) else list(asked)
    return chosen_checks(MODEL_CHECKS, names, {})


def audit_of_run(model: Model, run: Run, checks: Sequence[str], seed: int) -> AuditResult:
    """Return the audit of a run's rows, and write it into the run's folder; one that is there already is read.

    Of the rows that were explained and have a label of the model's, at most 10,000 are drawn at random. Findings call
    rows by their numbers in the run. Raises InputError where there are fewer than 20 such rows.
    """
    present = run.audit
    if present is not None and _is_same(present, checks, seed):
        return present
    lines = run.to_frame({"method": run.methods[0]}, ["row", "label", "error", "shard", "position"])
    labelled = _labelled(model, lines)
    if len(labelled) < FEWEST_ROWS:
        got = f"{len(labelled)} of {len(lines)} rows; the run itself is whole"
        raise InputError(
            "audit", expected=f"at least {FEWEST_ROWS} explained rows with a label of the model's", got=got
        )
    drawn = labelled.iloc[draw_numbers(len(labelled), MOST_DRAWN, seed).tolist()]
    data = AuditData(
        _inputs(run, drawn), _as_numbers(model, drawn["label"].tolist()), name=run.manifest.data.name,
        numbers=drawn["row"].tolist(), total=len(labelled),
    )  # fmt: skip
    with one_thread():
        result = audit(model, data, checks, seed=seed)
    result = replace(result, seconds={})  # the same bytes whoever makes it
    result.save(run.audit_path)
    return result


def _is_same(present: AuditResult, checks: Sequence[str], seed: int) -> bool:
    return (present.options.get("checks"), present.options.get("seed")) == (list(checks), seed)


def _labelled(model: Model, lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of rows that can be audited: explained, with a label that is one of the model's."""
    kept = lines["error"].isna() & lines["label"].notna() & lines["position"].notna()
    if model.task in ("classification", "binary"):
        known = {visible_text(name) for name in model.classes or []}
        kept &= lines["label"].isin(known) if known else lines["label"].str.fullmatch(r"[0-9]+").fillna(False)
    return lines[kept]


def _as_numbers(model: Model, labels: list[str]) -> object:
    """Return labels as the audit takes them from the words of a run's lines."""
    if model.task in ("classification", "binary"):
        indices = {visible_text(name): index for index, name in enumerate(model.classes or [])}
        return torch.tensor([indices[label] if indices else int(label) for label in labels])
    try:
        return torch.tensor([json.loads(label) for label in labels], dtype=torch.float64)
    except (ValueError, TypeError) as error:
        raise InputError("audit", expected="labels that are numbers", got=f"such as {labels[0]!r}") from error


def _inputs(run: Run, lines: pd.DataFrame) -> Tensor | list[str]:
    """Return the inputs of some rows, in their order, from the shards that hold them."""
    parts = []
    for shard in lines["shard"].unique().tolist():  # rising, as rows do
        positions = lines["position"][lines["shard"] == shard].astype(int).tolist()
        parts.append(read_inputs(values_path(run.folder, shard), run.methods[0], positions))
    if run.manifest.model.input == "text" and parts[0].dtype == torch.int32:
        return [text for part in parts for text in to_texts(part)]
    if len({part.shape[1:] for part in parts}) > 1:
        raise InputError("audit", expected="rows of one shape", got="several; the run itself is whole")
    return torch.cat(parts)
