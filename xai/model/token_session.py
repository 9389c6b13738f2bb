"""The vectors of words, in place of the texts: what can change a little, and go on a path."""

from __future__ import annotations

from functools import partial
from typing import cast

from torch import Tensor

from xai.inputs.base import Input
from xai.inputs.baselines import make_baseline
from xai.inputs.tensor import Activations
from xai.model.batch_rows import check_one_length
from xai.model.session import Session
from xai.model.word_vectors import Words, embed

__all__ = ["TokenSession"]


class TokenSession(Session):
    """A session whose inputs are the vectors (N, L, D) that the network's embedding turns texts (`made_from`) into."""

    @classmethod
    def of_texts(cls, session: Session) -> TokenSession:
        """Return the session of texts' vectors; raises InputError where no embedding reads their words."""
        model, raw = session.model, session.inputs
        run, rows = partial(model.forward_on, model.network), model.memory.rows
        with rows.with_padding():  # the vector of a position does not depend on the others
            inputs, words = embed(model.network, model.input, raw, run, session.plan.batch_size, rows.wide_enough)
        return cls.over(session, inputs=inputs, made_from=raw, words=words)

    @property
    def _words(self) -> Words:
        if self.words is None:
            raise ValueError("TokenSession.of_texts makes a session with words")
        return self.words

    @property
    def kind(self) -> Input:
        """Return the kind of vectors, of which nothing is known."""
        return Activations()

    @property
    def present(self) -> Tensor:
        """Return which positions hold a word, (N, L)."""
        return self._words.present

    def _forward(self, batch: Tensor | list[str], rows: Tensor) -> Tensor:
        network = self.plan.network
        vectors = cast(Tensor, batch)  # never texts: those were turned into these
        alike = self.model.memory.rows.alike(self._words.numbers[rows])
        check_one_length(alike)
        return self._words.run(network, vectors, rows, partial(self.model.forward_on, network), alike)

    def _baseline(self, name: object) -> tuple[Tensor, str | float]:
        """Return a baseline of vectors: that of a token such as "padding" or "mask", or 0; others are of the words.

        Padding and special tokens keep their vectors: they are no part of the text.
        """
        words = self._words
        token = words.tokens.get(name) if isinstance(name, str) else None
        known = (*self.kind.baselines(self.inputs), *words.tokens)
        start, called = make_baseline(name if token is None else token, self.inputs, (1,), known, words.replaceable)
        return start, called if token is None else str(name)

    def _finish(self, values: Tensor | list[Tensor], over: str, fields: dict) -> tuple[Tensor | list, str, dict]:
        if over == "input" and isinstance(values, Tensor):
            values, over = self._words.of_words(values, self.rows), "tokens"
        if over != "tokens":
            return values, over, fields
        names = self._words.names()
        of_rows = [part[: len(row)] for part, row in zip(values, names, strict=True)]
        return of_rows, over, {"segments": self._words.owners(), "row_names": names, **fields}
