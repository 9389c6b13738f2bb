"""LIME for texts: words or characters are taken out, and a surrogate says what each contributed."""

from __future__ import annotations

from typing import Unpack

import torch

from xai.base.errors import InputError, names_errors
from xai.inputs.text import TextInput
from xai.lime.original import original_text
from xai.lime.parts import explain_parts
from xai.lime.rounds import Fitted
from xai.lime.settings import LimeSettings, read_settings
from xai.methods import METHODS
from xai.model.model import Model
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
    **settings: Unpack[LimeSettings],
) -> Explanation:
    """Return one weight per word: how much its presence adds to the target, in a surrogate fitted around the text.

    Args:
        model: With a TextInput.
        texts: A string or a list of strings.
        target: A class, one per row, or (a, b) for a rather than b; None is the predicted class.
        units: What is taken out: "words", "characters", a regular expression or a tokenizer (see
            `xai.inputs.tokens.cut`).
        by: "type" (all places of a word together) or "position".
        hide: None takes a part out, a string such as "[MASK]" stands in its place.
        settings: Those of every LIME function, see `xai.lime.settings.LimeSettings`: samples, most_samples (5,000),
            top, confidence, surrogate, features, penalty, kernel_width (0.25 of cosine distance), of, engine, seed,
            exact, batch_size.

    Returns:
        values: a list of (d,) per text, in units of `of`, named by `row_names`, with `standard_error` beside it
        (sampling only); `segments` (N, L) holds the feature of each character. Diagnostics as for `lime_image`.

    Raises:
        InputError: An argument cannot be.
        TargetError: There is no such target.
        NetworkError: The network fails, or puts out something else than scores.

    Source: Ribeiro, Singh, Guestrin 2016, arXiv:1602.04938.

    >>> def positive(texts):
    ...     return [[0.1, 0.9] if "good" in text else [0.8, 0.2] for text in texts]
    >>> from xai.inputs.text import TextInput
    >>> e = lime_text(Model.from_callable(positive, input=TextInput()), "a good film", samples=200, penalty=0.0)
    >>> e.row_names[0], [round(abs(value), 2) for value in e.values[0].tolist()]
    (('a', 'good', 'film'), [0.0, 0.7, 0.0])
    """
    fit, run = read_settings("lime_text", LimeSettings, **settings)
    if not METHODS["lime_text"].takes(model.input.kind):
        raise InputError("model", expected="one with a TextInput", got=f"input {model.input.kind}")
    if by not in ("type", "position"):
        raise InputError("by", expected="'type' or 'position'", got=repr(by))
    if hide is not None and not isinstance(hide, str):
        raise InputError("hide", expected="None or a string", got=repr(hide))
    prepared = model.prepare(texts)
    if prepared.dtype == torch.int64:  # numbers of words: what is hidden are the words that they stand for
        try:
            prepared = TextInput.of(model.input).texts(prepared)
        except InputError as error:
            wanted = "numbers of words, with padding (0) behind them alone"
            raise InputError("inputs", expected=wanted, got=f"others ({error})") from error
    with model.explaining("lime_text", prepared, target, **run) as session:
        parts = model.input.parts(session.inputs, (units, by))

        def original(row: int) -> Fitted:
            return original_text(session, row, parts.texts[row], by, hide, fit)

        return explain_parts(
            session,
            "lime_text",
            parts,
            model.input.hiding(session.inputs, parts, hide),
            fit,
            neighborhood="sizes",
            original=original if fit.engine == "lime" else None,
            baseline="removed" if hide is None else hide,
            options={"units": parts.cut, "by": by, "hide": hide, "of": run["of"], **fit.options()},
        )
