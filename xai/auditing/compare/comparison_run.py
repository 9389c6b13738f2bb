"""The comparison: read what every version predicts once, run each check of the table, and keep what makes it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xai.auditing.audit_data import AuditData
from xai.auditing.audit_run import about_data, chosen_checks, made_with, run_checks
from xai.auditing.compare.versions import A, B, Ensemble, read_ensemble
from xai.base.arguments import whole_number
from xai.base.digest import tensor_digest
from xai.base.errors import names_errors
from xai.base.json_values import as_plain
from xai.methods import COMPARISONS
from xai.model.model import Model
from xai.results.audit_result import AuditResult

__all__ = ["about_versions", "compare"]


@names_errors("compare")
def compare(
    a: Model,
    b: Model,
    data: AuditData,
    checks: Sequence[str] | None = None,
    *,
    replicas: Sequence[Model] = (),
    rows: int = 10_000,
    seed: int = 0,
    **settings: Mapping[str, object],
) -> AuditResult:
    """Return where predictions, errors, confidence and explanations changed from A to B, beyond noise.

    Replicas show how much a mere retraining changes each number: B must differ more than they do. No p-value is below 1
    / (replicas + 2). Without replicas, differences of scores are tested over rows alone, and other changes can only
    warn: nothing says how much of them retraining explains.

    Args:
        a: The model as it was.
        b: The model as it is now, with the same classes and kind of input, and its own preparation of the same raw
            inputs.
        data: Held-out rows (N, ...) with their labels; its training rows are not read.
        checks: Names of `xai.methods.COMPARISONS`, all by default.
        replicas: Models made as A was, with other seeds.
        rows: At most so many are used, drawn at random.
        seed: Of all draws: rows, resampling, and the rows that are explained.
        **settings: Keyword arguments by check, such as `explanations={"sample": 8}`.

    Returns:
        The findings in the order of the checks, with what they were made from.

    Raises:
        InputError: Versions that do not answer the same question, an unknown check, or data that does not fit.

    >>> import torch
    >>> a, b = Model(torch.nn.Linear(2, 2)), Model(torch.nn.Linear(2, 2))
    >>> result = compare(a, b, AuditData(torch.rand(40, 2), [0, 1] * 20), ["predictions"])
    >>> result.findings[0].check
    'predictions.changed'
    """
    chosen = chosen_checks(COMPARISONS, checks, settings)
    seed = whole_number("seed", seed)
    ensemble = read_ensemble(a, b, data, replicas, rows=rows, seed=seed)
    findings, seconds = run_checks(COMPARISONS, chosen, (ensemble,), a.network, seed, settings)
    options = {"checks": chosen, "rows": rows, "seed": seed, **{name: dict(value) for name, value in settings.items()}}
    about = about_versions(ensemble), about_data(ensemble.data)
    return AuditResult(findings, *about, as_plain(options), made_with(), seconds)


def about_versions(ensemble: Ensemble) -> dict[str, object]:
    """Return what a comparison says of its versions: whose weights and which answers it is about."""
    a, b = ensemble.models[A], ensemble.models[B]
    names = [a.name, b.name]
    if a.name == b.name:  # two trainings of one recipe differ by their folders alone
        names = [model.name if model.source is None else model.source.resolve().name for model in (a, b)]
    versions = zip(
        [*names, *(model.name for model in ensemble.models[2:])], ensemble.models, ensemble.splits, strict=True
    )
    facts = [
        {"name": name, "weights": model.digest(), "answers": tensor_digest(split.prediction)}
        for name, model, split in versions
    ]
    return {
        "name": f"{names[A]} and {names[B]}", "task": a.task, "input": a.input.kind, "classes": a.classes or [],
        "A": facts[A], "B": facts[B], "replicas": facts[2:],
    }  # fmt: skip
