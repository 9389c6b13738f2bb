"""The check for known vulnerabilities fails for one, and not for want of a network."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / ".ci" / "vulnerabilities.py"


@pytest.fixture
def check(tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("vulnerabilities", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_needed_to_run_is_asked_for_and_no_more(check: ModuleType) -> None:
    versions = check.needed()
    assert {"torch", "numpy", "jinja2", "markupsafe"} <= set(versions)
    assert not {"pytest", "sphinx", "hypothesis"} & set(versions)


def test_a_vulnerability_fails_and_one_that_is_accepted_does_not(
    check: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    found = {"a": ["GHSA-1"]}
    assert check.main(lambda versions: found, {"a": "1.0"}) == 1
    assert "a 1.0: GHSA-1: not accepted" in capsys.readouterr().out
    monkeypatch.setattr(check, "accepted", lambda: {"GHSA-1": "not called"})
    assert check.main(lambda versions: found, {"a": "1.0"}) == 0
    assert check.main(lambda versions: {}, {"a": "1.0"}) == 0


def test_without_an_answer_it_says_so_and_does_not_fail(check: ModuleType, capsys: pytest.CaptureFixture) -> None:
    def silent(versions: object) -> dict:
        raise OSError("no route")

    assert check.main(silent, {"a": "1.0"}) == 0
    assert "does not answer here (no route)" in capsys.readouterr().out


def test_an_answer_that_never_comes_is_not_waited_for(check: ModuleType) -> None:
    stop = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer in 0\.01 s"):
        check.in_time(lambda versions: stop.wait(), {"a": "1.0"}, 0.01)
    stop.set()
    assert check.in_time(lambda versions: dict(versions), {"a": "1.0"}) == {"a": "1.0"}


def test_to_accept_takes_a_reason(check: ModuleType, tmp_path: Path) -> None:
    assert check.accepted() is not None
    (tmp_path / "accepted.toml").write_text('[accepted]\nGHSA-1 = ""\n')
    with pytest.raises(ValueError, match="GHSA-1: expected a reason"):
        check.accepted(tmp_path / "accepted.toml")
