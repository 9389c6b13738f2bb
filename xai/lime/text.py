"""LIME for texts: words or characters are taken out, and a surrogate says what each contributed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xai.base.errors import InputError, names_errors
from xai.inputs.text import PADDING, TextInput, to_texts
from xai.lime.neighborhood import fit_masks, note_fits
from xai.lime.original import original_text
from xai.lime.rounds import Fitted
from xai.lime.settings import Settings, check_settings
from xai.lime.tokens import Parts, cut
from xai.model.model import Model
from xai.model.session import Case
from xai.results.explanation import Explanation

__all__ = ["lime_text"]


@names_errors("lime_text")
def lime_text(
    model: Model,
    texts: object,
    target: object = None,
    *,
    units: object = "words",
    by: str = "type",
    hide: str | None = None,
    samples: int | None = None,
    most_samples: int = 5000,
    top: int = 5,
    confidence: float = 0.95,
    surrogate: str = "ridge",
    features: int | None = None,
    penalty: float = 1.0,
    kernel_width: float | None = None,
    of: str = "probability",
    engine: str = "xai",
    seed: int = 0,
    exact: bool = False,
    batch_size: int | None = None,
) -> Explanation:
    """Return one weight per word: how much its presence adds to the target, in a surrogate fitted around the text.

    texts: a string or a list of strings, for a model with a TextInput. units: "words", "characters", a regular
    expression or a tokenizer (see `xai.lime.tokens.cut`). by: "type" (all places of a word together) or "position".
    hide: None takes a part out, a string such as "[MASK]" stands in its place. The other settings are those of
    `xai.lime.settings.Settings`. of: "probability", "log_probability" or "output". values: a list of (d,) per text,
    in units of `of`, named by `row_names`, with `standard_error` beside it (sampling only); `segments` (N, L) holds
    the feature of each character. Diagnostics as for `lime_image`.
    Raises InputError, TargetError or NetworkError. Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> def positive(texts):
    ...     return [[0.1, 0.9] if "good" in text else [0.8, 0.2] for text in texts]
    >>> e = lime_text(Model.from_callable(positive, input=TextInput()), "a good film", samples=200, penalty=0.0)
    >>> e.row_names[0], [round(abs(value), 2) for value in e.values[0].tolist()]
    (('a', 'good', 'film'), [0.0, 0.7, 0.0])
    """
    operation = "lime_text"
    settings = check_settings(
        samples=samples, most_samples=most_samples, top=top, confidence=confidence, surrogate=surrogate,
        features=features, penalty=penalty, kernel_width=kernel_width, engine=engine,
    )  # fmt: skip
    if not isinstance(model.input, TextInput):
        raise InputError("model", expected="one with a TextInput", got=f"input {model.input.kind}")
    if by not in ("type", "position"):
        raise InputError("by", expected="'type' or 'position'", got=repr(by))
    if hide is not None and not isinstance(hide, str):
        raise InputError("hide", expected="None or a string", got=repr(hide))
    given = model.prepare(texts)
    if given.dtype == torch.int64:  # numbers of words: what is hidden are the words that they stand for
        try:
            given = model.input.texts(given)
        except InputError as error:
            wanted = "numbers of words, with padding (0) behind them alone"
            raise InputError("inputs", expected=wanted, got=f"others ({error})") from error
    run = {"of": of, "seed": seed, "passes": settings.passes, "exact": exact, "batch_size": batch_size}
    with model.explaining(operation, given, target, **run) as case:
        parts = [cut(text, units, by) for text in to_texts(case.inputs)]
        if engine == "lime":
            fits = [original_text(case, row, part, by, hide, settings) for row, part in enumerate(parts)]
        else:
            fits = [_fit(case, row, part, hide, units, settings) for row, part in enumerate(parts)]
        names = tuple(part.names for part in parts)
        whole = [fit.intercept + float(fit.weights.sum()) for fit in fits]
        note_fits(case, fits, case.scores(case.inputs, case.rows).tolist(), whole, names)
        owners = torch.full(case.inputs.shape, -1, dtype=torch.int64)
        for row, part in zip(owners, parts):
            row[: len(part.owners())] = torch.tensor(part.owners())
        errors = [fit.standard_error for fit in fits]
        return case.explanation(
            operation,
            [fit.weights.to(torch.float32) for fit in fits],
            "tokens",
            standard_error=None if errors[0] is None else [error.to(torch.float32) for error in errors],
            segments=owners,
            row_names=names,
            baseline="removed" if hide is None else hide,
            options={
                "units": units if isinstance(units, str) else "given", "by": by, "hide": hide, "of": of,
                **settings.options(),
            },
        )  # fmt: skip


def _fit(case: Case, row: int, parts: Parts, hide: str | None, units: object, settings: Settings) -> Fitted:
    answer = _answer(case, row, parts, hide, units)
    return fit_masks(len(parts.names), "sizes", answer, settings, case.generator(row))


def _answer(case: Case, row: int, parts: Parts, hide: str | None, units: object) -> Callable[[Tensor], Tensor]:
    """Return the function from masks (n, d) to the network's answers (n,)."""
    numbers = _word_numbers(case.model.input, parts, hide, units)
    make = _by_number(*numbers, case.model.input.length) if numbers else _by_string(parts, hide)

    def answer(masks: Tensor) -> Tensor:
        batch, lengths = make(masks)
        # Neighbors of one length are not padded, so that no time is spent on padding.
        order = lengths.argsort(descending=True, stable=True)
        answers = torch.empty(len(masks), dtype=torch.float64)
        number = torch.tensor(row, device=case.inputs.device)
        for indices in case.chunks(len(masks)):
            chosen = order[indices.cpu()]
            if isinstance(batch, Tensor):
                part = batch[chosen, : max(1, int(lengths[chosen[0]]))].to(case.inputs.device)
            else:
                part = [batch[place] for place in chosen.tolist()]
            answers[chosen] = case.scores(part, number.expand(len(chosen))).cpu()
        return answers

    return answer


def _by_string(parts: Parts, hide: str | None) -> Callable[[Tensor], tuple[list[str], Tensor]]:
    def make(masks: Tensor) -> tuple[list[str], Tensor]:
        texts = [parts.text(on, hide or "") for on in masks.tolist()]
        return texts, torch.tensor([len(text) for text in texts])

    return make


def _by_number(words: Tensor, owner: Tensor, mask: int | None, most: int | None) -> Callable:
    """Return a maker of numbers of words (n, L), the kept ones in front; mask: what stands for a hidden word."""

    def make(masks: Tensor) -> tuple[Tensor, Tensor]:
        kept = masks[:, owner]  # (n, words)
        if mask is not None:
            batch = torch.where(kept, words, mask)[:, :most]
            return batch, torch.full((len(batch),), batch.shape[1])
        # Each kept word goes to its place among the kept ones, every other one to a column that is cut off.
        count = kept.cumsum(1)
        place = torch.where(kept, count - 1, len(words))
        batch = torch.full((len(masks), len(words) + 1), PADDING)
        batch.scatter_(1, place, words.expand(len(masks), -1))
        return batch[:, : min(len(words), most or len(words))], count[:, -1].clamp_max(most or len(words))

    return make


def _word_numbers(
    input: TextInput, parts: Parts, hide: str | None, units: object
) -> tuple[Tensor, Tensor, int | None] | None:
    """Return each word's number and feature where the network's words are the features: then no string is needed.

    That holds where both are cut by the same pattern, one that a word's neighbors cannot change.
    """
    if not input.vocabulary or units not in ("words", input.pattern) or input.pattern != r"\w+":
        return None
    pieces = [(piece, number) for piece, number in zip(parts.pieces, parts.feature) if number >= 0]
    numbers = [input.numbers(piece) for piece, _ in pieces]
    mask = None if hide is None else input.numbers(hide)
    if any(len(found) != 1 for found in numbers) or (mask is not None and len(mask) != 1):
        return None
    words = torch.tensor([found[0] for found in numbers])
    owner = torch.tensor([number for _, number in pieces])
    return words, owner, None if mask is None else mask[0]
