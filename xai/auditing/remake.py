"""An audit made again from what its report says it was made from, and compared number by number."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import torch

from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.compare.ensemble import read_pool
from xai.auditing.compare.run import about_pool, compare
from xai.auditing.differences import Difference, Recheck, differences_between, numbers_in
from xai.auditing.power import power
from xai.auditing.run import about_data, about_model, audit, made_with
from xai.base.arguments import real_number, whole_number
from xai.base.errors import InputError, XaiError
from xai.model.model import Model
from xai.results.audit_result import AuditResult

__all__ = ["draw_parts", "other_versions", "remake_audit", "remake_comparison", "with_threads"]


def remake_audit(
    result: AuditResult,
    model: Model,
    data: AuditData,
    *,
    sample: float = 1.0,
    seed: int | None = None,
    tolerance: float = 0.0,
) -> Recheck:
    """Return where an audit made again, from the model, the data and the options that it names, comes out otherwise.

    sample: the share of the checks that are made again, drawn at random; the chance to catch one altered number is that
    share. seed: of that draw; by default nobody can foresee it. Other weights, answers or rows are found first, and
    then nothing more is computed.
    """

    def about(rows: int, seed: int) -> tuple[dict, dict]:
        prepared = prepare(model, data, rows=rows, seed=seed)
        return about_model(model, prepared), about_data(prepared)

    def made(**options: object) -> AuditResult:
        return audit(model, data, **options)

    return _remake(result, about, made, sample=sample, seed=seed, tolerance=tolerance)


def remake_comparison(
    result: AuditResult,
    a: Model,
    b: Model,
    data: AuditData,
    replicas: Sequence[Model] = (),
    *,
    sample: float = 1.0,
    seed: int | None = None,
    tolerance: float = 0.0,
) -> Recheck:
    """Return the same of a comparison, from both models, the data and the replicas, in their order."""

    def about(rows: int, seed: int) -> tuple[dict, dict]:
        pool = read_pool(a, b, data, replicas, rows=rows, seed=seed)
        return about_pool(pool), about_data(pool.data)

    def made(**options: object) -> AuditResult:
        return compare(a, b, data, replicas=replicas, **options)

    return _remake(result, about, made, sample=sample, seed=seed, tolerance=tolerance)


def _remake(
    result: AuditResult,
    about: Callable[[int, int], tuple[dict, dict]],
    made: Callable[..., AuditResult],
    *,
    sample: float,
    seed: int | None,
    tolerance: float,
) -> Recheck:
    """Return where what a result is about, or what is made again, comes out otherwise.

    about: from rows and seed to what a result says of its models and its data. made: from options to a result.
    """
    options = dict(result.options)
    notes = other_versions(result.versions)
    try:
        with with_threads(result.versions.get("threads")):
            models, rows = about(options["rows"], options["seed"])
            found = [
                *differences_between(result.model, models, "model"),
                *differences_between(result.data, rows, "data"),
            ]
            checks = _checks(result)
            total = numbers_in([finding.details for finding in result.findings]) + sum(
                numbers_in([finding.score, finding.threshold]) for finding in result.findings
            )
            if found:
                notes = (*notes, "the model or the data are others: no finding was computed again")
                return Recheck(tuple(found), total, 0, 1.0, (), ("weights", "answers", "data"), notes)
            drawn = draw_parts(checks, sample, seed)
            fresh = made(**{**options, "checks": drawn})
    except (XaiError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, XaiError) and not _names_options(error):
            raise
        return Recheck((Difference("options", options, f"{type(error).__name__}: {error}"),), 0, 0, 1.0, (), (), notes)
    raw = any("raw" in finding.details for finding in result.findings)
    fresh = fresh if raw else fresh.without_raw_data()
    before = [asdict(item) for item in result.findings if item.check.partition(".")[0] in drawn]
    after = [asdict(item) for item in fresh.findings]
    found = list(differences_between(before, after, "findings", tolerance))
    found += differences_between(result.power, {} if result.compared else power(), "power")
    if [item["check"] for item in before] != [item["check"] for item in after] and not found:
        found.append(Difference("findings", "another order", "the order of the checks"))
    recomputed = sum(numbers_in({key: item[key] for key in ("score", "threshold", "details")}) for item in before)
    covered = ("weights", "answers", "data", "findings")
    return Recheck(tuple(found), total, recomputed, len(drawn) / len(checks), tuple(drawn), covered, notes)


def draw_parts(parts: Sequence[str], share: float, seed: int | None) -> list[str]:
    """Return a share of the parts, at least one, drawn so that each is as likely, in their order."""
    share = real_number("sample", share, 0)
    if share > 1:
        raise InputError("sample", expected="a share above 0, at most 1", got=share, operation="recheck")
    drawing = random.SystemRandom() if seed is None else random.Random(whole_number("seed", seed))
    chosen = set(drawing.sample(range(len(parts)), math.ceil(share * len(parts))))
    return [part for place, part in enumerate(parts) if place in chosen]


def other_versions(reported: dict[str, str]) -> tuple[str, ...]:
    """Return a note where a report was made with other versions than are installed here."""
    here = made_with()
    other = [
        f"{name} {version} (here {here[name]})"
        for name, version in reported.items()
        if name != "threads" and name in here and here[name] != version
    ]
    return (f"made with {', '.join(other)}: last digits may differ; see tolerance",) if other else ()


@contextmanager
def with_threads(count: object) -> Iterator[None]:
    """Run the body with as many threads as the report was made with: sums depend on it in their last bits."""
    before = torch.get_num_threads()
    wanted = int(count) if str(count).isdecimal() and 0 < int(count) <= 1024 else before
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _checks(result: AuditResult) -> list[str]:
    """Return the checks that the options name, and those that have findings: an added one is no check of the audit."""
    named = [str(name) for name in result.options["checks"]]
    return list(dict.fromkeys([*named, *result.checks]))


def _names_options(error: XaiError) -> bool:
    """Say whether an error is about what the report asks for rather than about the given model or data."""
    return any(f"{call}: {name}:" in str(error) for call in ("audit", "compare") for name in ("checks", "rows", "seed"))
