"""Concepts: does a class depend on something that people can name, and show examples of?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from xai.base.arguments import draw_count, whole_number
from xai.base.errors import InputError, TargetError, describe, names_errors
from xai.base.statistics import ALPHA, holm, rank_p_value
from xai.global_explanations.layer_values import flat
from xai.model.model import Model
from xai.results.finding import Finding
from xai.results.global_results import Concepts

__all__ = ["concept_sensitivity", "concept_vector"]

OPERATION = "concept_sensitivity"
DRAWS = 5
LEAST_ACCURACY = 0.75
LEAST = 10  # examples of a concept: fewer do not hold out any to test its direction on


@names_errors("concept_sensitivity")
def concept_sensitivity(
    model: Model,
    inputs: object,
    target: int | str,
    concepts: Mapping[str, object],
    others: object,
    layer: str,
    *,
    controls: int = 99,
    seed: int = 0,
    batch_size: int | None = None,
) -> Concepts:
    """Return whether the score of a class rises when a layer moves towards a concept, and whether that is chance.

    A concept's vector is the direction in which a linear classifier tells its examples from others of equal number
    (regularized least squares). `scores`: the share of inputs with a positive derivative along it (Kim's TCAV score).
    `alignment`: the mean cosine of gradient and vector. Both are means over 5 draws of the others. Tested is the
    alignment, against that of concepts drawn from `others`, two-sided, corrected over the concepts (Holm): in a nearly
    linear network the gradient is the same everywhere, and the share 0 or 1 towards any direction. pass: p at most 0.05
    and the classifier right on more than 3 in 4 of held-out examples; warn: significant, but the layer hardly tells the
    concept from others; fail: not significant.

    Args:
        model: What is explained.
        inputs: Examples of the class, (N, ...).
        target: The class, by number or name.
        concepts: Examples of each concept, by name, at least 10.
        others: Random examples, at least as many as of the largest concept and as many again, as negatives and for the
            null.
        layer: Where the concepts are looked for.
        controls: Concepts drawn from the others, at least 19.
        seed: Of all draws; the same gives the same numbers.
        batch_size: How many inputs at a time; None chooses it.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such class.
        LayerError: There is no such layer.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Kim et al. 2018, arXiv:1711.11279.
    """
    controls = draw_count("controls", controls, 19)  # fewer cannot reach p = 0.05
    seed = whole_number("seed", seed)
    if not isinstance(concepts, Mapping) or not concepts or not all(isinstance(name, str) for name in concepts):
        raise InputError("concepts", expected="examples by name", got=describe(concepts))
    if isinstance(target, tuple | list):
        raise TargetError("target", expected="one class", got=describe(target))
    slopes, _, number = _read(model, inputs, target, layer, batch_size, "inputs")
    candidates = _read(model, others, target, layer, batch_size, "others")[1]
    shown = {
        name: _read(model, part, target, layer, batch_size, f"concepts[{name!r}]")[1] for name, part in concepts.items()
    }
    for name, part in shown.items():
        if len(part) < LEAST or part.shape[1] != slopes.shape[1]:
            wanted = f"at least {LEAST} examples with {slopes.shape[1]} numbers in layer {layer!r}"
            raise InputError(f"concepts[{name!r}]", expected=wanted, got=f"{len(part)} with {part.shape[1]}")
        if len(candidates) < 2 * len(part):
            wanted = f"at least {2 * len(part)}, twice the examples of {name!r}"
            raise InputError("others", expected=wanted, got=f"{len(candidates)}")
    center, std = candidates.mean(0), candidates.std(0).clamp_min(1e-6 * float(candidates.std().clamp_min(1e-12)))
    # In standardized units a derivative is multiplied by the standard deviation: no unit counts for its scale alone.
    slopes, candidates = slopes * std, (candidates - center) / std
    found, raw, nulls = [], [], []
    for part in shown.values():
        generator = torch.Generator().manual_seed(seed)  # the same controls for concepts of the same size
        examples = (part - center) / std
        found.append(_score(examples, candidates, slopes, generator))
        null = torch.tensor([_control(len(part), candidates, slopes, generator) for _ in range(controls)]).double()
        nulls.append(null)
        raw.append(rank_p_value(null.abs().numpy(), abs(found[-1].alignment), among=False))
    corrected = holm(raw)
    classes = tuple(model.classes or ())
    called = classes[number] if classes else str(number)
    findings = [
        _finding(name, called, facts, p_value, p_alone, null)
        for name, facts, p_value, p_alone, null in zip(shown, found, corrected, raw, nulls, strict=True)
    ]
    return Concepts(
        layer=layer,
        target=number,
        classes=classes,
        names=tuple(shown),
        scores=torch.tensor([facts.share for facts in found]).double(),
        alignment=torch.tensor([facts.alignment for facts in found]).double(),
        accuracy=torch.tensor([facts.accuracy for facts in found]).double(),
        p_values=torch.tensor(corrected).double(),
        controls=torch.stack(nulls),
        evidence=tuple(findings),
        seed=seed,
        model_digest=model.digest(),
    )


def concept_vector(examples: Tensor, others: Tensor) -> tuple[Tensor, float]:
    """Return the direction (H,) that tells examples (n, H) from others (m, H), of length 1, and the threshold along it.

    Least squares on +1 and -1 with a ridge of the mean squared length of a row, solved over the rows, which are few.
    """
    rows = torch.cat([examples, others])
    targets = torch.cat([torch.ones(len(examples)), -torch.ones(len(others))]).to(rows)
    mean = rows.mean(0)
    centered, wanted = rows - mean, targets - targets.mean()
    products = centered @ centered.T
    ridge = products.diagonal().mean().clamp_min(1e-12)
    weights = centered.T @ torch.linalg.solve(products + ridge * torch.eye(len(rows)).to(rows), wanted)
    length = weights.norm().clamp_min(1e-30)
    threshold = float((weights @ mean - targets.mean()) / length)
    return weights / length, threshold


def _read(
    model: Model, inputs: object, target: object, layer: str, batch_size: int | None, argument: str
) -> tuple[Tensor, Tensor, int]:
    """Return the gradients of the target by a layer and its activations, (N, H) each, and the target's number."""
    batch = model.prepare(inputs, argument)
    with model.explaining(OPERATION, batch, target, batch_size=batch_size, differentiable=True) as session:
        with model.memory.rows.with_padding():  # a layer has one row for each text
            parts = [session.gradient_at(session.inputs[rows], rows, layer) for rows in session.chunks(len(session))]
        values = flat([activation for activation, _ in parts], layer)
        gradients = flat([gradient for _, gradient in parts], layer)
        return gradients.double().cpu(), values.double().cpu(), int(session.target.index[0])


class _Facts(NamedTuple):
    share: float
    alignment: float
    accuracy: float


def _score(
    examples: Tensor, candidates: Tensor, slopes: Tensor, generator: torch.Generator, left_out: Tensor | None = None
) -> _Facts:
    """Return the share of positive derivatives, the cosine, and the accuracy on held-out examples, over draws."""
    count = len(examples)
    held = max(2, count // 3)
    allowed = torch.arange(len(candidates)) if left_out is None else torch.where(~left_out)[0]
    directions = torch.nn.functional.normalize(slopes, dim=1)
    shares, cosines, right = [], [], []
    for _ in range(DRAWS):
        drawn = candidates[allowed[torch.randperm(len(allowed), generator=generator)[:count]]]
        shuffled = examples[torch.randperm(count, generator=generator)]
        vector, threshold = concept_vector(shuffled[held:], drawn[held:])
        along = directions @ vector
        # A derivative of 0 counts half as positive.
        shares.append(float((along > 0).double().mean() + 0.5 * (along == 0).double().mean()))
        cosines.append(float(along.mean()))
        hits = torch.cat([shuffled[:held] @ vector > threshold, drawn[:held] @ vector <= threshold])
        right.append(float(hits.double().mean()))
    return _Facts(sum(shares) / DRAWS, sum(cosines) / DRAWS, sum(right) / DRAWS)


def _control(count: int, candidates: Tensor, slopes: Tensor, generator: torch.Generator) -> float:
    chosen = torch.zeros(len(candidates), dtype=torch.bool)
    chosen[torch.randperm(len(candidates), generator=generator)[:count]] = True
    return _score(candidates[chosen], candidates, slopes, generator, chosen).alignment


def _finding(name: str, called: str, facts: _Facts, p_value: float, raw: float, null: Tensor) -> Finding:
    control = f"{len(null)} random concepts of as many examples, of alignment up to {float(null.abs().max()):.2f}"
    details = {"p_value": raw, "p_corrected": p_value, **facts._asdict()}
    effect = "raises" if facts.alignment >= 0 else "lowers"
    share = facts.share if facts.alignment >= 0 else 1 - facts.share
    claim = (
        f"moving towards {name} {effect} {called} on {share:.0%} of its examples "
        f"(alignment {facts.alignment:+.2f}, p = {p_value:.3f})"
    )
    if p_value > ALPHA:
        text = f"Not supported: {claim}, no more unusual than random concepts."
        return Finding("concept", "fail", p_value, ALPHA, control, text, details)
    if facts.accuracy <= LEAST_ACCURACY:
        text = (
            f"Weak: {claim}, but the layer tells only {facts.accuracy:.0%} of held-out examples of {name} from others."
        )
        return Finding("concept", "warn", p_value, ALPHA, control, text, details)
    text = f"Supported: {claim}; the layer tells {facts.accuracy:.0%} of held-out examples of {name} from others."
    return Finding("concept", "pass", p_value, ALPHA, control, text, details)
