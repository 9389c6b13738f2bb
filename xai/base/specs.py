"""What is said of a method or check in one place: session, checks, command line, reports and docs read it from there.

An entry stands in the `__init__.py` of its family, which imports no torch: a function is named, and loaded when it is
called.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["ANY", "CLAIMS", "KINDS", "MOVABLE", "SEQUENCES", "Check", "Method", "ModelCheck"]

ANY = ("image", "tabular", "tensor")
SEQUENCES = ("sequence", "text")
KINDS = MOVABLE = ANY + SEQUENCES  # what can change a little: words as vectors
CLAIMS = ("additive", "sensitivity", "region")  # what a map may say: see `Method`


@dataclass(frozen=True, kw_only=True)
class _Named:
    """An entry that names a function: "module:function"."""

    function: str

    def load(self) -> Callable:
        """Import and return the function that the entry names."""
        module, _, name = self.function.partition(":")
        return getattr(importlib.import_module(module), name)


@dataclass(frozen=True, kw_only=True)
class Method(_Named):
    """One method: where it lives, its labels, what it claims, what it takes and what it costs.

    The defaults are those of a map for one answer that looks into the network.

    function: "module:function", called like the method. kind: "attribution", "surrogate", "visualization", or "model"
    (a call and a result of its own). claim: what its values say, and what checks test: "additive" (signed parts that
    add up, against its own baseline), "sensitivity" (how fast the output changes), "region" (where, at its own grain);
    None where it gives no map. scope: does it explain one prediction (local) or the model (global)? access: model
    "specific" or "agnostic". stage: "intrinsic" or "post hoc". inputs: kinds of input. passes: about how many
    evaluations of the network a row or image takes by default. of_layer: are its values always those of a layer?
    checks: those that are made of its maps beside the usual ones. class_blind: is its map the same for every class?
    Then it can show where the network looks, but never why this class was answered.
    """

    kind: Literal["attribution", "surrogate", "visualization", "model"] = "attribution"
    claim: Literal["additive", "sensitivity", "region"] | None = None
    scope: Literal["local", "global"] = "local"
    access: Literal["specific", "agnostic"] = "specific"
    stage: Literal["intrinsic", "post hoc"] = "post hoc"
    inputs: tuple[str, ...]
    needs_gradient: bool
    passes: int
    summary: str
    of_layer: bool = False
    checks: tuple[str, ...] = ()
    class_blind: bool = False

    @property
    def name(self) -> str:
        """Return how the method is called: by the name of its function."""
        return self.function.partition(":")[2]

    def takes(self, kind: str) -> bool:
        """Say whether it explains a kind of input; one that is not in `KINDS` is a batch of numbers, as tensors are."""
        return (kind if kind in KINDS else "tensor") in self.inputs


@dataclass(frozen=True, kw_only=True)
class Check(_Named):
    """One check on an explanation: where it lives, its labels, its cost, and the question it answers.

    passes: evaluations per row of its own by default. repeats: how often it makes the explanation again. contradicts:
    does a failure say that the map is wrong, or is it a remark beside the verdict? asked: is it only made when it is
    named?
    """

    scope: Literal["local", "global"] = "local"
    access: Literal["specific", "agnostic"]
    stage: Literal["intrinsic", "post hoc"] = "post hoc"
    passes: int
    repeats: int
    contradicts: bool
    question: str
    asked: bool = False

    @property
    def name(self) -> str:
        """Return how the check is called: by the name of its function."""
        return self.function.partition(":")[2]


@dataclass(frozen=True, kw_only=True)
class ModelCheck(_Named):
    """One check of an audit or a comparison: where it lives, its chapter's title, its question, and what it costs.

    stage: "intrinsic" where it reads a simple model directly. passes: about how many evaluations of the network for
    each held-out row. explained: rows that it explains; verified: and whether it checks those explanations, which is
    what costs. asked: is it only made when it is named, since it takes long?
    """

    name: str
    title: str
    question: str
    scope: Literal["local", "global"] = "global"
    stage: Literal["intrinsic", "post hoc"] = "post hoc"
    passes: int = 0
    explained: int = 0
    verified: bool = False
    asked: bool = False
