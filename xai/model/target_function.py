"""A target that is no class: a function of what the network puts out, with a name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from xai.base.errors import TargetError, XaiError, describe, describe_error
from xai.results.named_target import NamedTarget

__all__ = ["Answer", "Class", "Layer", "Recorded", "TargetFunction", "class_number", "column", "of_class", "takes_row"]

Class = int | str | None
Layer = tuple[str, bool]  # by name; read before it where it is an activation function?
Recorded = Mapping[Layer, Tensor]


class Answer:
    """What a target may ask of the row that is explained: its number, what the network puts out for it, class names."""

    def __init__(self, row: int, classes: list[str], ask: Callable[[], Any], run: Callable[[object], Any], known: dict):
        self.row, self.classes = row, classes
        self.run = run  # what the network puts out for another input, one row
        self._ask, self._known = ask, known

    @property
    def output(self) -> Any:
        """Return what the network puts out for the row, a batch of one."""
        return self._ask()

    def once(self, name: object, make: Callable[[], Any]) -> Any:
        """Return what is the same for other rows of this call, made for the first one."""
        if name not in self._known:
            self._known[name] = make()
        return self._known[name]


@dataclass(frozen=True, eq=False, repr=False)
class TargetFunction(NamedTarget):
    """A number for each row of a batch, from what the network puts out for it.

    Args:
        name: What a sentence calls it.
        written: What a command or a file calls it, None where it has no such name.
        read: From the output for n rows, and what `layers` put out in that pass, to the numbers (n,).
        layers: Whose output is read beside the network's own.
        inner: Is the number read from those layers alone?
        fix: Where what the number is of depends on the row that is explained (the class that a pixel has, say), it
            returns the function for that row, and is asked once, before anything is changed.
    """

    read: Callable[[Any, Recorded], Tensor] | None = None
    layers: tuple[Layer, ...] = ()
    inner: bool = False
    fix: Callable[[Answer], TargetFunction] | None = None

    def __sub__(self, other: object) -> TargetFunction:
        """Return why this rather than the other."""
        if not isinstance(other, TargetFunction):
            return NotImplemented
        name = f"{self} rather than {other}"
        written = f"{self.written}-{other.written}" if self.written and other.written else None
        if self.fix is not None or other.fix is not None:
            return TargetFunction(name, written, fix=lambda answer: self.fixed(answer) - other.fixed(answer))
        return TargetFunction(
            name,
            written,
            read=lambda output, recorded: self.values(output, recorded) - other.values(output, recorded),
            layers=tuple(dict.fromkeys(self.layers + other.layers)),
            inner=self.inner and other.inner,
        )

    def fixed(self, answer: Answer) -> TargetFunction:
        """Return the function for the row that is explained."""
        return self if self.fix is None else self.fix(answer)

    def values(self, output: Any, recorded: Recorded) -> Tensor:
        """Return the number of each row, (n,), connected to the graph; raises TargetError where it gives none."""
        if self.read is None:
            raise ValueError(f"{self.name}: a target that depends on the row is fixed first")
        try:
            found = self.read(output, recorded)
        except XaiError:
            raise
        except Exception as error:  # of a function that a caller wrote
            got = describe_error(error)
            raise TargetError("target", expected="a function of what the network puts out", got=got) from error
        if not isinstance(found, Tensor) or found.ndim != 1 or not found.is_floating_point():
            wanted = f"{self.name} to be one number for each row, a floating tensor of shape (N,)"
            raise TargetError("target", expected=wanted, got=describe(found))
        return found


def of_class(
    number: Class,
    scores: Callable[[Any], Tensor],
    position: str,
    written: str | None,
    *,
    noun: str = "class",
) -> TargetFunction:
    """Return the score of a class at some position, of `scores`(output) -> (n, K).

    A class by name is looked up, and None is the class with the highest score in the row that is explained.
    """

    def of(number: int, called: str) -> TargetFunction:
        def read(output: Any, recorded: Recorded) -> Tensor:
            return column(scores(output), number, noun)

        return TargetFunction(f"{called}{position}", _and(written, number), read=read)

    def fix(answer: Answer) -> TargetFunction:
        likeliest = number is None
        chosen = int(scores(answer.output)[0].argmax()) if likeliest else class_number(number, answer.classes, noun)
        called = answer.classes[chosen] if chosen < len(answer.classes) else f"{noun} {chosen}"
        return answer.once((of, position, chosen), lambda: of(chosen, called))

    shown = "the likeliest class" if number is None else number if isinstance(number, str) else f"{noun} {number}"
    return TargetFunction(f"{shown}{position}", _and(written, number), fix=fix)


def _and(written: str | None, number: Class) -> str | None:
    if written is None or number is None:
        return written
    return f"{written}{'' if written.endswith(':') else ','}{number}"


def class_number(number: object, classes: list[str], noun: str = "class") -> int:
    """Return the number of a class given by number or name; raises TargetError where it is neither."""
    if isinstance(number, str) and number in classes:
        return classes.index(number)
    if isinstance(number, str):
        known = ", ".join(classes[:12]) or "a number, since the model names none"
        raise TargetError("target", expected=f"a {noun} ({known})", got=repr(number))
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise TargetError("target", expected=f"the number or name of a {noun}", got=describe(number))
    return number


def column(scores: Tensor, number: int, noun: str) -> Tensor:
    """Return one column of scores (n, K); raises TargetError where there is none."""
    if not 0 <= number < scores.shape[1]:
        raise TargetError("target", expected=f"a {noun} from 0 to {scores.shape[1] - 1}", got=number)
    return scores[:, number]


def takes_row(read: Callable) -> bool:
    """Say whether a function asks for a second argument."""
    try:
        parameters = inspect.signature(read).parameters.values()
    except (TypeError, ValueError):  # written in C
        return False
    needed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(item.kind in needed and item.default is item.empty for item in parameters) > 1
