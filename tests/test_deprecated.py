"""Old names of arguments and attributes: they work, warn at the caller's line, and never win over the new name."""

from __future__ import annotations

import doctest
import inspect
import sys
import warnings
from dataclasses import FrozenInstanceError, dataclass, fields
from typing import NamedTuple

import msgspec
import pytest

from xai.base.deprecated import renamed_arguments, renamed_attribute
from xai.base.errors import InputError


@renamed_arguments(goals="labels", least="minimum")
def score(inputs: int, labels: int, *, minimum: int = 0) -> tuple[int, int, int]:
    """Return what it was given.

    >>> score(1, 2)
    (1, 2, 0)
    """
    return inputs, labels, minimum


@dataclass
class Answers:
    labels: int
    goals = renamed_attribute("goals", "labels")


@renamed_arguments(goals="labels")
@dataclass(frozen=True)
class Frozen:
    labels: int
    goals = renamed_attribute("goals", "labels")


class Named(NamedTuple):
    labels: int
    goals = renamed_attribute("goals", "labels")


class Settings(msgspec.Struct):
    labels: int
    goals = renamed_attribute("goals", "labels")


def here() -> int:
    return inspect.currentframe().f_back.f_lineno


def test_new_names_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score(1, labels=2, minimum=3) == score(1, 2, minimum=3) == (1, 2, 3)
        assert Frozen(2).labels == Frozen(labels=2).labels == Answers(2).labels == 2


def test_old_arguments_work_and_warn_at_the_line_of_the_call() -> None:
    with pytest.warns(DeprecationWarning, match="is now") as caught:
        made, line = score(1, goals=2, least=3), here()
    assert made == (1, 2, 3)
    assert [str(warning.message) for warning in caught] == [
        "score(goals=) is now score(labels=); the old name will be removed in the next minor version",
        "score(least=) is now score(minimum=); the old name will be removed in the next minor version",
    ]
    assert {(warning.filename, warning.lineno) for warning in caught} == {(__file__, line)}


def test_old_arguments_of_a_class() -> None:
    with pytest.warns(DeprecationWarning, match=r"Frozen\(goals=\) is now Frozen\(labels=\)") as caught:
        made, line = Frozen(goals=2), here()
    assert made == Frozen(2)
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)
    assert isinstance(made, Frozen)
    assert str(inspect.signature(Frozen)) == "(labels: 'int') -> None"


@pytest.mark.parametrize("call", [lambda: score(1, 2, goals=2), lambda: score(1, labels=2, goals=2)])
def test_old_and_new_together_are_refused(call) -> None:
    with pytest.raises(InputError, match="score: labels: expected labels or its old name goals, got both"):
        call()


def test_an_argument_that_never_was_is_refused_as_ever() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'goal'"):
        score(1, goal=2)


def test_what_is_decorated_looks_as_before() -> None:
    assert list(inspect.signature(score).parameters) == ["inputs", "labels", "minimum"]
    assert score.__name__ == "score"
    found = {test.name: len(test.examples) for test in doctest.DocTestFinder().find(sys.modules[__name__])}
    assert found[f"{__name__}.score"] == 1


@pytest.mark.parametrize("names", [{"old": "nothing"}, {"inputs": "labels"}])
def test_a_wrong_table_is_found_at_once(names: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="cannot rename"):
        renamed_arguments(**names)(lambda inputs, labels: None)
    with pytest.raises(TypeError, match="cannot rename"):
        renamed_arguments(goals="labels")(type("Empty", (), {}))


@pytest.mark.parametrize("kind", [Answers, Frozen, Named, Settings])
def test_old_attributes_work_and_warn_at_the_line_that_reads(kind: type) -> None:
    made = kind(2)
    with pytest.warns(DeprecationWarning, match=rf"{kind.__name__}.goals is now {kind.__name__}.labels") as caught:
        read, line = made.goals, here()
    assert read == 2
    assert (caught[0].filename, caught[0].lineno) == (__file__, line)
    assert "goals" not in repr(made)


@pytest.mark.parametrize("kind", [Answers, Settings])
def test_writing_an_old_attribute_writes_the_new_one(kind: type) -> None:
    made = kind(2)
    with pytest.warns(DeprecationWarning, match="goals") as caught:
        made.goals = 3
    assert made.labels == 3
    assert caught[0].filename == __file__


def test_an_old_attribute_is_no_field_and_thaws_nothing() -> None:
    assert [field.name for field in fields(Frozen)] == ["labels"]
    with pytest.raises(FrozenInstanceError):
        Frozen(2).goals = 3
    with pytest.warns(DeprecationWarning, match="goals"), pytest.raises(AttributeError):
        Named(2).goals = 3
