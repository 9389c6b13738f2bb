"""A slice of `make fuzz`: nasty values in every argument of the public functions end in no bare error."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz import CALLS, NASTY, arguments_of, bare_error, calls


@pytest.mark.parametrize("name", CALLS)
def test_calls_that_are_right_are_right(name: str) -> None:
    assert bare_error(name, {}) is None


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(calls())
def test_nasty_values_end_in_no_bare_error(call: tuple[str, dict[str, str]]) -> None:
    name, nasty = call
    assert bare_error(name, nasty) is None


# What the whole run found: kept, since a slice need not find it again.
FOUND = [
    ("Explanation.interval", {"confidence": "type"}),
    ("Explanation.save", {"path": "surrogate"}),
    ("ImageInput", {"range": "iterator"}),
    ("ImageInput", {"window": "scalar array"}),
    ("attribute", {"methods": "empty tensor"}),
    ("gradcam", {"target": "sparse tensor"}),
    ("kernel_shap", {"segments": "path"}),
    ("lime_segments", {"inputs": "sparse tensor"}),
    ("lime_tabular", {"background": "large array"}),
    ("lime_tabular", {"background": "tensor"}),
    ("lime_tabular", {"labels": "sparse tensor"}),
    ("lime_text", {"units": "type"}),
    ("load", {"folder": "long text"}),
    ("nearest_examples", {"labels": "true"}),
    ("objectives.direction", {"vector": "meta tensor"}),
    ("read_images", {"paths": "empty frame"}),
    ("saliency", {"inputs": "meta tensor"}),
    ("save_model", {"folder": "surrogate"}),
    ("visualize", {"constraints": "iterator"}),
    ("lime_tabular", {"background": "meta tensor"}),
    ("alignment", {"permutations": "huge"}),
    ("audit of data", {"numbers": "huge"}),
    ("concept_sensitivity", {"controls": "huge"}),
    ("run", {"workers": "huge"}),
    ("visualize", {"copies": "huge"}),
    ("audit of data", {"total": "array of texts"}),
    ("audit of data", {"train_total": "complex tensor"}),
    ("audit of data", {"train_total": "series"}),
    ("kernel_widths", {"method": "network"}),
]


@pytest.mark.parametrize(("name", "nasty"), FOUND)
def test_what_was_found_stays_mended(name: str, nasty: dict[str, str]) -> None:
    assert bare_error(name, nasty) is None


def test_a_bare_error_is_noticed() -> None:
    assert {"none", "infinity", "surrogate", "meta tensor"} <= set(NASTY)
    assert "batch_size" in arguments_of("saliency")
    CALLS["broken"] = (lambda number: [][number], lambda: {"number": 0})
    try:
        assert isinstance(bare_error("broken", {}), IndexError)
    finally:
        del CALLS["broken"]
