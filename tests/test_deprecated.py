"""Old names of arguments and attributes: they work, warn at the caller's line, and never win over the new name."""

from __future__ import annotations

import doctest
import inspect
import json
import pickle
import sys
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import pandas as pd
import pytest
import torch

import xai
from xai.base.deprecated import RenamedKeys, renamed_arguments, renamed_attribute
from xai.base.errors import InputError
from xai.base.renamed_columns import RenamedColumns
from xai.results.audit_result import AuditResult
from xai.results.finding import Finding

KEYS = {"steady": "reliability", "place": "replacement"}


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


def test_old_keys_find_the_new_values_and_warn_at_the_line_that_reads() -> None:
    made = RenamedKeys({"low": 0.1, "ways": {"blur": {"steady": 0.5}}, "lines": [{"place": 1}]}, KEYS)
    assert made == {"low": 0.1, "ways": {"blur": {"reliability": 0.5}}, "lines": [{"replacement": 1}]}
    for read in (lambda: made["ways"]["blur"]["steady"], lambda: made["ways"]["blur"].get("steady")):
        with pytest.warns(DeprecationWarning, match="the key 'steady' is now 'reliability'") as caught:
            assert read() == 0.5
        assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="replacement"):
        assert "place" in made["lines"][0]
    with pytest.raises(KeyError, match="steady"):
        made["steady"]
    assert made.get("steadier", 2) == 2


@pytest.mark.parametrize(
    "copied", [lambda item: pickle.loads(pickle.dumps(item)), deepcopy, lambda item: Finding(**item.to_dict())]
)
def test_old_keys_of_findings_outlive_copies_and_files(copied: Callable) -> None:
    details = {"steady": 0.9, "ways": {"blur": {"place": "its blur"}}}  # as an older version wrote them
    made = copied(Finding("faithfulness", "pass", 0.5, 0.3, "none", "Supported.", details))
    assert json.loads(json.dumps(made.to_dict()))["details"] == {
        "reliability": 0.9,
        "ways": {"blur": {"replacement": "its blur"}},
    }
    with pytest.warns(DeprecationWarning, match="reliability"):
        assert made.details["steady"] == 0.9
    assert type(Finding("sparseness", "pass", 0.5, 0.3, "none", "Few.", {"steady": 1}).details) is dict


def test_old_keys_of_options(tmp_path: Path) -> None:
    made = xai.guided_backprop(xai.Model(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())), torch.ones(1, 2))
    assert made.options["run"]["relus"] == 1
    run = {**made.options["run"], "rectifiers": made.options["run"]["relus"]}
    del run["relus"]
    again = xai.Explanation.load(replace(made, options={**made.options, "run": run}).save(tmp_path / "old.safetensors"))
    assert again.options == made.options
    with pytest.warns(DeprecationWarning, match="relus"):
        assert again.options["run"]["rectifiers"] == 1


def test_old_names_of_audit_data_and_of_saved_audits(tmp_path: Path) -> None:
    rows = [[0.0, 1.0], [1.0, 0.0]]
    with pytest.warns(DeprecationWarning, match=r"AuditData\(given=\) is now AuditData\(total=\)"):
        data = xai.AuditData(rows, [1, 0], given=9, numbers=[3, 5])
    with pytest.warns(DeprecationWarning, match=r"AuditData.given is now AuditData.total"):
        assert data.given == data.total == 9
    with pytest.warns(DeprecationWarning, match=r"AuditData.places is now AuditData.positions"):
        assert data.places([5]) == data.positions([5]) == [1]
    older = AuditResult((), {"name": "m"}, {"name": "d", "given": {"held_out": 9, "train": 0}}, {}, {}, {})
    again = AuditResult.load(older.save(tmp_path / "audit.json"))
    assert json.loads((tmp_path / "audit.json").read_text())["data"] == {
        "name": "d",
        "total": {"held_out": 9, "train": 0},
    }
    with pytest.warns(DeprecationWarning, match="total"):
        assert again.data["given"]["held_out"] == 9


def test_old_columns_find_the_new_ones_and_warn_at_the_line_that_reads() -> None:
    frame = RenamedColumns({"position": [0, 1], "source": ["a", "b"]}, {"place": "position"})
    with pytest.warns(DeprecationWarning, match="the column 'place' is now 'position'") as caught:
        assert frame["place"].tolist() == [0, 1]
    assert caught[0].filename == __file__
    for other in (frame[frame["position"] > 0], frame.copy(), frame[["source"]]):
        assert type(other) is pd.DataFrame
    for copied in (pickle.loads(pickle.dumps(frame)), deepcopy(frame)):
        assert frame.equals(copied)
    with pytest.raises(KeyError, match="places"):
        frame["places"]


def test_old_keys_of_diagnostics(tmp_path: Path) -> None:
    model = xai.Model(torch.nn.Linear(2, 2), classes=["a", "b"], input=xai.TabularInput(["x", "y"]))
    made = xai.kernel_shap(model, torch.rand(1, 2))
    older = replace(made, diagnostics=({"unsettled": ["x", "y"]},))
    again = xai.Explanation.load(older.save(tmp_path / "old.safetensors"))
    assert again.diagnostics == ({"undecided": ["x", "y"]},)
    with pytest.warns(DeprecationWarning, match="undecided"):
        assert again.diagnostics[0]["unsettled"] == ["x", "y"]
