"""An audit or a comparison made again from what its report says it was made from, and compared number by number."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.audit_run import about_data, about_model, audit, made_with
from xai.auditing.compare.comparison_run import about_versions, compare
from xai.auditing.compare.versions import read_ensemble
from xai.auditing.differences import Difference, Recheck, differences_between, numbers_in
from xai.auditing.model_card import declared_card, filled_card
from xai.auditing.power import power
from xai.base.arguments import real_number, whole_number
from xai.base.errors import InputError, XaiError, describe_error
from xai.base.json_values import as_plain
from xai.model.card import ModelCard, read_card
from xai.model.model import Model
from xai.results.audit_result import AuditResult
from xai.results.finding import Finding

__all__ = ["draw_parts", "other_versions", "remake", "with_threads"]

OPTIONS = ("checks", "rows", "seed")  # arguments that a report names
About = tuple[dict[str, object], dict[str, object]]  # what a result says of its models, and of its data


class Making(NamedTuple):
    """How one kind of result is made again, from its models, the data and options; and its stated power.

    about: what it would say of models and data, at little cost. make: the result.
    """

    about: Callable[[Sequence[Model], AuditData, int, int], About]
    make: Callable[..., AuditResult]
    power: Callable[[], dict[str, object]]


def _about_audit(models: Sequence[Model], data: AuditData, rows: int, seed: int) -> About:
    prepared = prepare(models[0], data, rows=rows, seed=seed)
    return about_model(models[0], prepared), about_data(prepared)


def _about_comparison(models: Sequence[Model], data: AuditData, rows: int, seed: int) -> About:
    ensemble = read_ensemble(models[0], models[1], data, models[2:], rows=rows, seed=seed)
    return about_versions(ensemble), about_data(ensemble.data)


def _audit(models: Sequence[Model], data: AuditData, options: dict[str, Any]) -> AuditResult:
    return audit(models[0], data, **options)


def _compare(models: Sequence[Model], data: AuditData, options: dict[str, Any]) -> AuditResult:
    return compare(models[0], models[1], data, replicas=models[2:], **options)


MAKINGS = {"audit": Making(_about_audit, _audit, power), "compare": Making(_about_comparison, _compare, dict)}


def remake(
    result: AuditResult,
    models: Sequence[Model],
    data: AuditData,
    *,
    sample: float = 1.0,
    seed: int | None = None,
    tolerance: float = 0.0,
) -> Recheck:
    """Return where a result made again, from models, data and the options that it names, comes out otherwise.

    models: the model of an audit; of a comparison A, B and the replicas, in their order. sample: the share of the
    checks that are made again, drawn at random; the chance to catch one altered number is that share. seed: of that
    draw; by default nobody can predict it. Other weights, answers or rows are found first, and then nothing more is
    computed.
    """
    _check_draw(sample, seed)
    making = MAKINGS["compare" if result.compared else "audit"]
    options = dict(result.options)
    notes = other_versions(result.versions)
    total = sum(map(_numbers, result.findings))
    try:
        with with_threads(result.versions.get("threads")):
            about = making.about(models, data, options["rows"], options["seed"])
            found = [
                *differences_between(result.model, about[0], "model"),
                *differences_between(result.data, about[1], "data"),
            ]
            checks = _checks(result)
            if found:
                notes = (*notes, "the model or the data are others: no finding was computed again")
                return Recheck(tuple(found), total, 0, 1.0, (), ("weights", "answers", "data"), notes)
            drawn = draw_parts(checks, sample, seed)
            fresh = making.make(models, data, {**options, "checks": drawn})
    except (XaiError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, XaiError) and error.argument not in OPTIONS:
            raise
        return Recheck((Difference("options", options, describe_error(error)),), 0, 0, 1.0, (), (), notes)
    reported = [finding for finding in result.findings if finding.check.partition(".")[0] in drawn]
    found = _otherwise(result, reported, fresh, tolerance)
    found += differences_between(result.power, making.power(), "power")
    if result.card:
        card, further = _card(result, models[0])
        found += differences_between(result.card, card, "card")
        notes += further
    recomputed = sum(map(_numbers, reported))
    covered = ("weights", "answers", "data", "findings")
    return Recheck(tuple(found), total, recomputed, len(drawn) / len(checks), tuple(drawn), covered, notes)


def _otherwise(
    result: AuditResult, reported: Sequence[Finding], fresh: AuditResult, tolerance: float
) -> list[Difference]:
    """Return where the findings of a fresh result are not those that were reported."""
    raw = any("raw" in finding.details for finding in result.findings)
    before = [asdict(finding) for finding in reported]
    after = [asdict(finding) for finding in (fresh if raw else fresh.without_raw_data()).findings]
    found = list(differences_between(before, after, "findings", tolerance))
    if [item["check"] for item in before] != [item["check"] for item in after] and not found:
        found.append(Difference("findings", "another order", "the order of the checks"))
    return found


def _card(result: AuditResult, model: Model) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the model card that follows from the findings of a result, and notes on it.

    A model that comes without a card, such as a pipeline in a file, cannot contradict what the report says of it.
    """
    declared, notes = read_card(model.card), ()
    if declared == ModelCard() and any(declared_card(result.card).values()):
        declared, notes = (
            read_card(declared_card(result.card)),
            ("the model has no card: what its makers say stays unchecked",),
        )
    return as_plain(filled_card(declared, result.findings, result.data)), notes


def _numbers(finding: Finding) -> int:
    return numbers_in([finding.score, finding.threshold, finding.details])


def draw_parts(parts: Sequence[str], share: float, seed: int | None) -> list[str]:
    """Return a share of the parts, at least one, drawn so that each is as likely, in their order."""
    _check_draw(share, seed)
    drawing = random.SystemRandom() if seed is None else random.Random(seed)
    chosen = set(drawing.sample(range(len(parts)), math.ceil(share * len(parts))))
    return [part for number, part in enumerate(parts) if number in chosen]


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
def with_threads(count: object) -> Generator[None]:
    """Run the body with as many threads as the report was made with: sums depend on it in their last bits."""
    before = torch.get_num_threads()
    text = str(count)
    wanted = int(text) if text.isdecimal() and 0 < int(text) <= 1024 else before
    torch.set_num_threads(wanted)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_draw(share: float, seed: int | None) -> None:
    if real_number("sample", share, 0) > 1:
        raise InputError("sample", expected="a share above 0, at most 1", got=share)
    if seed is not None:
        whole_number("seed", seed)


def _checks(result: AuditResult) -> list[str]:
    """Return the checks that the options name, and those that have findings: an added one is no check of the audit."""
    named = [str(name) for name in result.options["checks"]]
    return list(dict.fromkeys([*named, *result.checks]))
