"""Which method to trust on this model: every method put to the same checks, over the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from xai.base.arguments import whole_number
from xai.base.errors import InputError, XaiError, names_errors, one_line
from xai.base.name_lists import chosen_names
from xai.evidence.pooled import pooled_finding
from xai.evidence.verdict import VERDICTS, remarks, verdict
from xai.evidence.verify import verify
from xai.methods import CHECKS, all_methods
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.results.method_ranking import MethodRanking, RankedMethod

__all__ = ["in_order", "rank_methods", "ranked", "reason_for"]

MADE_WITH = ("faithfulness", "randomization", "stability", "completeness")
TIED = 0.02  # correlations as near as this are one, and the cheaper method comes first


@names_errors("rank_methods")
def rank_methods(
    model: Model,
    inputs: object,
    methods: Sequence[str] | None = None,
    target: object = None,
    *,
    checks: Sequence[str] = MADE_WITH,
    options: dict[str, dict[str, object]] | None = None,
    seed: int = 0,
) -> MethodRanking:
    """Return which methods are supported on this model and which are not, over all rows together, with their cost.

    Each method explains the same rows and is put to the same checks. What is supported over all rows comes first, by
    how well its claims predict what hiding does; among equals the cheaper one. A method that cannot explain this model
    says why.

    Args:
        model: The model.
        inputs: Rows to explain, at least two: one row alone is often too little to show anything.
        methods: Names of `xai list methods`; by default all that give a map of such inputs.
        target: What is explained of each row, as for a method; by default the predicted class.
        checks: Names of checks; faithfulness must be among them.
        options: Keyword arguments by method.
        seed: Of the checks, and of methods that draw.

    Raises:
        InputError: For an unknown method or check, fewer than two rows, or checks without faithfulness.

    >>> import torch
    >>> network = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    >>> found = rank_methods(Model(network), torch.rand(4, 8), ["saliency", "integrated_gradients"])
    >>> sorted(item.method for item in found.methods)
    ['integrated_gradients', 'saliency']
    """
    seed = whole_number("seed", seed)
    known = {name: item for name, item in all_methods().items() if item.kind in ("attribution", "surrogate")}
    # By default those that say something of the same thing: of the inputs, not of a layer.
    usual = [name for name, item in known.items() if item.takes(model.input.kind) and not item.of_layer]
    chosen, checks = usual if methods is None else chosen_names("methods", methods), chosen_names("checks", checks)
    for argument, asked, allowed in (("methods", chosen, known), ("checks", checks, CHECKS)):
        wrong = [name for name in asked if name not in allowed]
        if wrong:
            raise InputError(argument, expected=f"among {', '.join(allowed)}", got=repr(wrong[0]))
    if "faithfulness" not in checks:
        raise InputError("checks", expected="faithfulness among them", got=", ".join(checks) or "none")
    batch = model.prepare(inputs)
    if len(batch) < 2:
        raise InputError("inputs", expected="at least two rows", got=f"{len(batch)}")
    found = [_tried(model, inputs, name, target, checks, (options or {}).get(name, {}), seed) for name in chosen]
    # A method that was not asked for by name and cannot be made is no line of the table.
    found = [item for item in found if methods is not None or not item.failed]
    listed = in_order(found)
    return MethodRanking(tuple(listed), reason_for(listed), len(batch), model.digest(), seed)


def ranked(explanations: Sequence[Explanation], passes: int) -> RankedMethod:
    """Return what was found of one method; explanations: its verified rows, each a batch of one or all as one batch."""
    rows = [row for item in explanations for row in item.evidence if row]
    lead = [finding for row in rows for finding in row if finding.check == "faithfulness"]
    whole = explanations[0].pooled if len(explanations) == 1 else ()
    pooled = next((item for item in whole if item.check == "faithfulness"), None) or pooled_finding(lead)
    words = Counter(verdict(row) for row in rows)
    counts = Counter(remark for row in rows for remark in remarks(row))
    return RankedMethod(
        explanations[0].method, pooled, {word: words[word] for word in VERDICTS}, dict(counts.most_common()), passes
    )


def in_order(found: Sequence[RankedMethod]) -> list[RankedMethod]:
    """Return methods with the one to trust first at the top."""
    states = {"pass": 0, "warn": 1, "fail": 3}

    def key(item: RankedMethod) -> tuple[int, float, int]:
        if item.failed:
            return 4, 0.0, item.passes
        if item.pooled is None:
            return 2, 0.0, item.passes
        return states[item.pooled.status], -round((item.pooled.score or 0.0) / TIED), item.passes

    return sorted(found, key=key)


def reason_for(listed: Sequence[RankedMethod]) -> str:
    """Return the sentence that recommends the first method, or says that none is supported."""
    best = listed[0] if listed else None
    if best is None or best.pooled is None or not best.supported:
        return "No method's claims were shown on these rows: trust none of the maps alone."
    low, high = best.pooled.details["low"], best.pooled.details["high"]
    cost = f"about {best.passes:,} pass{'es' * (best.passes > 1)} of the network a row"
    return (
        f"Trust {best.method} first: over {best.pooled.details['rows']} rows what it claims correlates "
        f"{best.pooled.score:.2f} ({low:.2f} to {high:.2f}) with what was measured, at {cost}."
    )


def _tried(
    model: Model, inputs: object, name: str, target: object, checks: Sequence[str], options: dict, seed: int
) -> RankedMethod:
    entry = all_methods()[name]
    if entry.kind == "surrogate":
        options = {"seed": seed, **options}
    try:
        made = entry.load()(model, inputs, target, **options)
        return ranked([verify(model, made, list(checks), seed=seed)], entry.passes)
    except XaiError as error:  # no convolution for Grad-CAM, no background for LIME of a table
        return RankedMethod(name, None, dict.fromkeys(VERDICTS, 0), {}, entry.passes, one_line(error))
