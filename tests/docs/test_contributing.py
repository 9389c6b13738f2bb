"""CONTRIBUTING is enough: its blocks, put where it says, make a method, a kind of input and a check."""

from __future__ import annotations

import ast
import re
import runpy
import sys
import textwrap
import tomllib
import typing
from pathlib import Path
from types import ModuleType

import pytest
import torch

import xai
from tests import test_contract, test_kinds, test_public_names
from tests.house import ROOT
from tests.test_docstrings import docstring_of, named_in, parameters_of
from xai import attribution, evidence, inputs, methods
from xai.attribution import gradient_methods
from xai.evidence import verify as verifying
from xai.methods import METHODS, all_methods
from xai.reports.sentences import METHOD_SENTENCES, MethodSentences, sentences_of

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
METHOD, CHECK = "gradient_times_input", "strongest_part"


def blocks(title: str) -> list[str]:
    """Return the blocks of code of a section, in their order."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return [textwrap.dedent(code) for code in re.findall(r"^ *```\w+\n(.*?)^ *```", section, re.S | re.M)]


def run(code: str, names: dict | None = None) -> dict:
    """Run a block; return the names that are known after it."""
    known = {"__name__": "contributed", **(names or {})}
    exec(compile(code, "CONTRIBUTING.md", "exec", dont_inherit=True), known)
    return known


def module(monkeypatch: pytest.MonkeyPatch, name: str, code: str) -> ModuleType:
    """Return a block as the file that it is said to be."""
    made = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, made)
    exec(compile(code, name, "exec", dont_inherit=True), vars(made))
    assert made.__doc__, "a file begins with what it is"
    return made


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put the method where CONTRIBUTING says; return its blocks."""
    function, entry, stub, words, closed_form = blocks("Add a method")
    made = run(function, vars(gradient_methods))[METHOD]
    monkeypatch.setattr(gradient_methods, METHOD, made, raising=False)
    added = eval(entry, dict(vars(attribution)))
    monkeypatch.setitem(METHODS, added.name, added)
    monkeypatch.setitem(vars(xai), METHOD, made)
    monkeypatch.setitem(METHOD_SENTENCES, METHOD, MethodSentences(**tomllib.loads(words)["methods"][METHOD]))
    monkeypatch.setitem(test_public_names.FUNCTIONS, METHOD, made)
    return [function, entry, stub, words, closed_form]


def test_a_method_keeps_the_contract(joined: list[str], capfd: pytest.CaptureFixture) -> None:
    for network in ("plain", "dict_output", "recurrent", "int8"):  # of the last its entry says that it has no gradient
        test_contract.test_keeps_its_promises(METHOD, network, capfd)
    test_contract.test_pairs_classes_and_layouts(METHOD)
    test_contract.test_leaves_no_trace_after_a_fault(METHOD, RuntimeError("planted"), 1)
    for kind in METHODS[METHOD].inputs:
        test_kinds.test_a_method_takes_the_kinds_that_it_lists_and_names_the_others(METHOD, kind)


def test_a_method_is_public_and_says_what_it_means(joined: list[str]) -> None:
    made = xai.gradient_times_input
    test_public_names.test_every_function_says_its_name_in_its_errors(METHOD)
    test_public_names.test_a_bare_network_in_place_of_a_model_is_named(METHOD)
    assert set(parameters_of(made)) <= named_in(docstring_of(made))
    assert run(joined[2])[METHOD] is made
    assert re.fullmatch(rf"from ([\w.]+) import {METHOD} as {METHOD}\n", joined[2])
    assert all_methods()[METHOD].load() is made


def test_a_method_has_its_closed_form_and_its_words(joined: list[str]) -> None:
    form = "test_gradient_times_input_is_weight_times_input_of_a_linear_network"
    run(joined[4])[form]()
    for part in ("pixel", "column"):
        said = sentences_of(METHOD, part)
        assert all(said)
        assert f"this {part}" in said.look


def test_a_kind_of_input_is_one_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file, tried, known, stub = blocks("Add a kind of input")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "spectrogram", raising=False)
    Path("spectrogram.py").write_text(file)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        run(tried)
    said = ast.literal_eval(capsys.readouterr().out)
    assert list(said) == ["low", "middle", "high"]
    assert all(said.values())
    page = Path("spectrogram.html").read_text()
    assert "A new kind" in page
    assert "speech" in page
    # As a part of the package: a model folder may name it, and it is public.
    made = module(monkeypatch, "xai.inputs.spectrogram", file).SpectrogramInput
    ((name, home),) = eval(f"{{{known}}}").items()
    monkeypatch.setitem(inputs.INPUT_KINDS, name, home)
    assert made in typing.get_args(runpy.run_path(str(ROOT / "xai" / "inputs" / "known.py"))["KnownInput"])
    assert runpy.run_path(str(ROOT / "xai" / "__init__.py"))["_HOMES"][name] == home
    assert run(stub)[name] is made


def test_a_check_tells_the_right_map_from_the_decoy(monkeypatch: pytest.MonkeyPatch) -> None:
    file, entry, test = blocks("Add a check")
    module(monkeypatch, "xai.evidence.strongest_part", file)
    added = eval(entry, dict(vars(evidence)))
    assert added.asked
    monkeypatch.setitem(methods.ASKED_CHECKS, added.name, added)
    monkeypatch.setitem(verifying.KNOWN, added.name, added)
    run(test)["test_the_map_of_the_patch_passes_and_that_of_the_decoy_does_not"]()
