"""Attention: does the answer change when no token may attend to those that a map of attention marks?"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from xai.attribution.attention_tokens import AttendedTokens
from xai.attribution.attention_weights import read_attention, without_tokens
from xai.base.arguments import draw_count, whole_number
from xai.base.errors import XaiError, names_errors
from xai.base.resizing import pooled
from xai.base.statistics import ALPHA
from xai.evidence.untestable import untestable_rows
from xai.methods import all_methods
from xai.model.model import Model
from xai.model.session import Session
from xai.network.gradients import variable_of
from xai.results.attention_verdict import CHECK, attention_verdict, too_few
from xai.results.explanation import Explanation
from xai.results.finding import Finding

__all__ = ["attention"]

TIED = 0.01  # of the largest change of a score: changes nearer than this are equal


@names_errors("attention")
def attention(
    model: Model,
    explanation: Explanation,
    *,
    positions: int = 32,
    permutations: int = 999,
    seed: int = 0,
    batch_size: int | None = None,
) -> list[Finding]:
    """Return one finding per row: do answers change as the map says when tokens can no longer be attended to?

    The test of `alignment` for networks whose attention is inside: one token after another (all of a word's) gets no
    weight in any layer and head, the other weights grow to fill its place, and the change of the scores is held
    against the map in rank (Spearman), among `permutations` shuffles. pass: p at most 0.05, and without the token that
    the map marks most the answer's probabilities change by 0.1 (of a regression, by a tenth of the score); warn: by
    less. fail: p above 0.05. The token itself stays, and what it carries beside attention.

    Args:
        model: whose answer is explained.
        explanation: the maps, of images, texts, series or tables whose parts are the network's tokens.
        positions: the most tokens that are tried, evenly along the map's order; they always hold its largest.
        permutations: at least 19.
        seed: of these.
        batch_size: evaluations at once.

    Raises:
        InputError: for fewer than 3 positions, or fewer than 19 permutations.
    """
    positions = whole_number("positions", positions, 3)
    permutations = draw_count("permutations", permutations, 19)
    settings = {"batch_size": batch_size, "differentiable": True}
    with model.explaining(CHECK, explanation.inputs, list(explanation.target), **settings) as session:
        tokens = AttendedTokens(session, explanation.options.get("reshape"))
        try:
            count = read_attention(session, session.rows[:1], tokens.locate)[0].weights.shape[-1]
        except XaiError as error:
            return untestable_rows(CHECK, explanation, ALPHA, f"the network's attention is not read: {error}")
        found = []
        for row in range(len(session)):
            claimed, hidden = _parts(session, tokens, explanation, row, count)
            order = claimed.argsort(descending=True, stable=True)
            kept = torch.linspace(0, len(order) - 1, min(positions, len(order))).round().long()
            claimed, hidden = claimed[order[kept]], hidden[order[kept]]
            few = too_few(claimed[None], "token")
            if few is not None:
                found.append(few)
                continue
            change, scores, flipped = _measured(session, row, hidden)
            finding = attention_verdict(
                claimed[None], change[None], flipped[None], permutations=permutations, seed=seed, ranked=scores[None],
                noun="token", measure="the answer",
            )  # fmt: skip
            found.append(_with_class_remark(finding, explanation))
        return found


def _parts(
    session: Session, tokens: AttendedTokens, explanation: Explanation, row: int, count: int
) -> tuple[Tensor, Tensor]:
    """Return what the map gives to each part of a row (P,), and which of the tokens are each part's, (P, T) of bool."""
    before, grid = tokens.found
    values = explanation.values[row].detach().double().cpu()
    if session.words is not None:
        owner = session.words.parts.owner[row].cpu()
        of_part = torch.arange(len(values))[:, None] == owner
    else:
        sides = tokens.sides(session.inputs)
        if values.ndim == len(sides) + 1:  # channels of an image, numbers of a step
            values = values.sum(0 if len(sides) > 1 else 1)
        values = pooled(values[None], grid).flatten()
        of_part = torch.eye(len(values), dtype=torch.bool)
        present = session.present
        if present is not None and present.shape[1] == len(values):
            values, of_part = values[present[row].cpu()], of_part[present[row].cpu()]
    hidden = torch.zeros(len(values), count, dtype=torch.bool)
    hidden[:, before : before + of_part.shape[1]] = of_part
    return values, hidden.to(session.inputs.device)


def _measured(session: Session, row: int, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what changes without each of the parts hidden (P, T): the answer, the score, the likeliest class; (P,)."""
    whole = torch.cat([hidden.new_zeros(1, hidden.shape[1]), hidden])  # the first time nothing is taken away
    fewest = session.model.memory.rows.fewest
    scores, answers = [], []
    for part in whole.split(session.plan.batch_size):
        rows = torch.full((len(part),), row, device=hidden.device)
        missing = max(0, fewest - len(part))  # rows that a network wants beside: see `Rows`
        taken = torch.cat([part, part[-1:].expand(missing, -1)])
        with without_tokens(session.plan.network, taken):
            score, answer = session.score_and_answer(variable_of(session.inputs[rows]), rows)
        scores.append(score.detach().double().cpu())
        answers.append(answer.detach().double().cpu())
    score, answer = torch.cat(scores), torch.cat(answers)
    by_score = (score[1:] - score[0]).abs()
    by_class = (answer[1:] - answer[0]).abs()
    task = session.model.task
    if task == "regression":
        change = by_score / score[0].abs().clamp_min(1e-12)
    else:
        change = by_class.amax(1) if task == "multilabel" else by_class.sum(1) / 2
    # What hardly changes anything beside the largest change is no order: it counts as equal.
    steps = (by_score / (TIED * by_score.max()).clamp_min(1e-300)).round()
    return change, steps, answer[1:].argmax(1) != answer[0].argmax()


def _with_class_remark(finding: Finding, explanation: Explanation) -> Finding:
    entry = all_methods().get(explanation.method)
    if entry is None or not entry.class_blind:
        return finding
    text = f"{finding.text} The map is the same for every class: it does not say why this one was answered."
    return replace(finding, text=text, details={**finding.details, "class_blind": True})
