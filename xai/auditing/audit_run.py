"""The audit: prepare the data once, run each check of the table, and keep what makes it again."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Mapping, Sequence

import torch
from torch import nn

import xai
from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.model_card import filled_card
from xai.auditing.power import power
from xai.auditing.split import Prepared
from xai.auditing.verdicts import say_where_unweighted
from xai.base.arguments import check_options, whole_number
from xai.base.digest import tensor_digest
from xai.base.errors import InputError, names_errors
from xai.base.json_values import as_plain
from xai.base.name_lists import chosen_names
from xai.base.progress import track
from xai.methods import MODEL_CHECKS, ModelCheck
from xai.model.card import read_card
from xai.model.model import Model
from xai.network.guard import same_random_state
from xai.results.audit_result import AuditResult
from xai.results.finding import Finding

__all__ = ["about_data", "about_model", "audit", "chosen_checks", "made_with", "run_checks"]


@names_errors("audit")
def audit(
    model: Model,
    data: AuditData,
    checks: Sequence[str] | None = None,
    *,
    rows: int = 10_000,
    seed: int = 0,
    threshold: float | None = None,
    **settings: Mapping[str, object],
) -> AuditResult:
    """Return what the checks of `xai.methods.MODEL_CHECKS` find about a trained model on labelled data.

    The same seed, model and data give the same findings.

    Args:
        model: A trained model.
        data: Held-out rows (N, ...) with their labels, and what else is known of them.
        checks: Names, by default all but those that are only made when asked for.
        rows: At most so many of each part of the data are used, drawn at random.
        seed: Of all draws: rows, perturbations, and the simple models that learn beside the model.
        threshold: Of two classes, the probability from which the second is called, where that is not when it is the
            larger one.
        **settings: Keyword arguments by check, such as `bias={"least": 50}`.

    Returns:
        The findings in the order of the checks, with what they were made from.

    Raises:
        InputError: An unknown check, or data that does not fit the model.

    >>> import torch
    >>> model = Model(torch.nn.Linear(2, 2))
    >>> result = audit(model, AuditData(torch.rand(40, 2), [0, 1] * 20), ["performance"])
    >>> result.findings[0].check
    'performance.skill'
    """
    chosen = chosen_checks(MODEL_CHECKS, checks, settings)
    seed, declared = whole_number("seed", seed), read_card(model.card)
    prepared = prepare(model, data, rows=rows, seed=seed, threshold=threshold)
    findings, seconds = run_checks(MODEL_CHECKS, chosen, (model, prepared), model.network, seed, settings)
    parts = (prepared.held_out, prepared.train)
    if any(part is not None and part.weights is not None for part in parts):
        findings = say_where_unweighted(findings)
    check_settings = {name: dict(value) for name, value in settings.items()}
    called = {} if threshold is None else {"threshold": float(threshold)}
    options = {"checks": chosen, "rows": rows, "seed": seed, **check_settings, **called}
    about = about_model(model, prepared), about_data(prepared)
    card = as_plain(filled_card(declared, findings, about[1]))
    return AuditResult(findings, *about, as_plain(options), made_with(), seconds, power(), card=card)


def chosen_checks(
    table: Mapping[str, ModelCheck], checks: Sequence[str] | None, settings: Mapping[str, object]
) -> list[str]:
    """Return the names of the checks to make; raises InputError for one that is not in the table, or none."""
    by_default = [name for name, check in table.items() if not check.asked]
    chosen = by_default if checks is None else chosen_names("checks", checks)
    unknown = [name for name in [*chosen, *settings] if name not in table]
    if unknown or not chosen:
        wanted = f"among {', '.join(table)}"
        raise InputError("checks", expected=wanted, got=repr(unknown[0]) if unknown else "none")
    for name, options in settings.items():
        check_options(name, options, table[name].load())
    return chosen


def run_checks(
    table: Mapping[str, ModelCheck],
    chosen: Sequence[str],
    arguments: tuple[object, ...],
    network: nn.Module,
    seed: int,
    settings: Mapping[str, Mapping[str, object]],
) -> tuple[tuple[Finding, ...], dict[str, float]]:
    """Return the findings of each chosen check on the same arguments, and how many seconds it took."""
    findings: list[Finding] = []
    seconds: dict[str, float] = {}
    for name in track(chosen, str, len(chosen)):
        started = time.perf_counter()
        with same_random_state(network):  # what is imported on the way may draw from the global state
            found = table[name].load()(*arguments, seed=seed, **settings.get(name, {}))
        findings += [Finding(**as_plain(finding.to_dict())) for finding in found]
        seconds[name] = time.perf_counter() - started
    return tuple(findings), seconds


def about_model(model: Model, prepared: Prepared) -> dict[str, object]:
    """Return what an audit says of a model: whose weights and which answers it is about."""
    return {
        "name": model.name, "task": model.task, "input": model.input.kind, "weights": model.digest(),
        "answers": tensor_digest(prepared.held_out.prediction), "classes": model.classes or [],
    }  # fmt: skip


def about_data(prepared: Prepared) -> dict[str, object]:
    """Return what an audit says of its data."""
    held_out, train = prepared.held_out, prepared.train
    return {
        "name": prepared.name, "digest": prepared.digest, "held_out": len(held_out),
        "train": 0 if train is None else len(train), "total": prepared.sizes,
        "protected": list(map(str, held_out.groups.columns)),
    }  # fmt: skip


def made_with() -> dict[str, str]:
    """Return the versions, and the number of threads, on which the last digits of a number depend."""
    packages = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "matplotlib", "jinja2")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"xai-toolkit": xai.__version__, **versions, "threads": str(torch.get_num_threads())}
