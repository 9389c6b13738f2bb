"""The promises that every method keeps, on every network of the zoo. A method joins by its line in xai/methods.py."""

from __future__ import annotations

import random
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.house import ROOT
from tests.kinds import bad_inputs_for, forms_for, inputs_for, kind_of, model_for
from tests.matrix import NAMED, SLICED, cells, error_of, matrix, usual
from tests.trace_state import differences, state_of
from tests.zoo import ZOO
from xai.base.errors import NetworkError, XaiError
from xai.methods import CHECKS, METHODS
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.visualization import objectives

# Settings that make a method quick; one that is not named here runs with its defaults.
QUICK: dict[str, dict[str, object]] = {
    "integrated_gradients": {"steps": 6},
    "smoothgrad": {"samples": 4},
    "conductance": {"steps": 3},
    "internal_influence": {"steps": 3},
    "gradient_shap": {"samples": 4},
    "kernel_shap": {"samples": 100},
    "lime_image": {"samples": 40, "segments": "grid"},
    "lime_tabular": {"samples": 40, "background": torch.randn(50, 4, generator=torch.Generator().manual_seed(5))},
    "lime_text": {"samples": 40},
    "lime_series": {"samples": 40},
    "lime_segments": {"samples": 40},
    "visualize": {"steps": 2},
}
EXPLAINERS = [name for name, spec in METHODS.items() if spec.kind != "visualization"]


def call(name: str, model: Model, batch: object, **settings: object):
    """Run a method on a batch, whatever it is called with."""
    settings = {**QUICK.get(name, {}), **settings}
    if METHODS[name].kind == "visualization":
        settings.pop("target", None)
        layer = _looked_at(model.network)
        made = METHODS[name].load()(model, [objectives.channel(layer, k) for k in range(2)], **settings)
        return made.image, made
    made: Explanation = METHODS[name].load()(model, batch, **settings)
    if kind_of(name) == "image" and not METHODS[name].of_layer:
        return made.heatmap(), made
    return torch.nn.utils.rnn.pad_sequence(list(made.values), batch_first=True), made


def _looked_at(network: nn.Module) -> str:
    """Return the layer whose units are visualized: the last convolution, else the last linear layer."""
    layers = [
        [layer for layer, module in network.named_modules() if isinstance(module, kind)]
        for kind in (nn.Conv2d, nn.Linear)
    ]
    found = layers[0] or layers[1]
    return "conv2" if not found or "conv2" in found else found[-1]


@pytest.mark.parametrize(("name", "network"), cells())
def test_keeps_its_promises(name: str, network: str, capfd: pytest.CaptureFixture) -> None:
    """No trace, also of a named error; the same call the same bits; a row alone as in a batch."""
    model, batch = model_for(name, network), inputs_for(name)
    kept = batch.clone() if isinstance(batch, torch.Tensor) else list(batch)
    for parameter in model.network.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.ones_like(parameter)
    before = state_of(model.network)
    words = error_of(name, network)
    if words is not None:
        with pytest.raises(XaiError, match=f"{name}.*expected.*{words}"):
            call(name, model, batch)
        assert differences(before, state_of(model.network)) == []
        return
    values, explanation = call(name, model, batch)
    assert differences(before, state_of(model.network)) == []
    assert torch.equal(batch, kept) if isinstance(batch, torch.Tensor) else batch == kept
    assert torch.isfinite(values).all()
    assert not values.requires_grad
    assert capfd.readouterr() == ("", "")  # no progress bar where nobody watches
    torch.rand(3), np.random.rand(3), random.random()  # noqa: NPY002 - other users of the global state
    assert torch.equal(values, call(name, model, batch)[0])
    if METHODS[name].kind == "visualization":
        return  # its batch is made of objectives; see tests/visualization
    alone, _ = call(name, model, batch[:1], target=[explanation.target[0]], batch_size=1)
    tolerance = 0.05 if network == "bfloat16" else 1e-4
    scale = float(values[0].abs().max())
    same = values[0][..., : alone[0].shape[-1]]
    assert torch.allclose(same, alone[0], atol=tolerance * scale + 1e-9)
    assert len(explanation[1]) == 1


def test_the_matrix_has_a_row_for_each_network_and_its_exceptions_are_cells() -> None:
    """Its cells are held by the test above; the build of the documentation shows it."""
    assert len(ZOO) >= 70
    assert {network for _, network in NAMED} <= set(ZOO)
    assert {name for name, _ in NAMED} | set(SLICED) | set(SLICED.values()) <= set(METHODS)
    rows = dict(line.strip("| ").split(" | ", 1) for line in matrix().splitlines()[2:])
    assert list(rows) == list(ZOO)
    for network, row in rows.items():
        stopped = {name for name in METHODS if error_of(name, network) is not None}
        results = len(METHODS) - len(stopped) if stopped else "all"
        assert row.split(" |")[0] == f"{results} of {len(METHODS)}"
        assert all(name in row for name in stopped)


def test_the_build_of_the_documentation_writes_the_matrix(tmp_path: Path) -> None:
    docs = ROOT / "docs"
    runpy.run_path(str(docs / "_build_steps" / "architectures_page.py"))["write"](tmp_path)
    assert matrix() in (tmp_path / "architectures.md").read_text()
    assert "architectures_page.write(HERE)" in (docs / "conf.py").read_text()
    assert "architectures" in (docs / "index.md").read_text().splitlines()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("fault", [RuntimeError("planted"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_leaves_no_trace_after_a_fault(name: str, fault: BaseException, at: int) -> None:
    model = model_for(name, usual(name, "mixed_modes"))
    calls = iter(range(1, 10_000))

    def fail(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        if next(calls) >= at:
            raise fault

    model.network.conv2.register_forward_hook(fail)
    before = state_of(model.network)
    with pytest.raises((NetworkError, KeyboardInterrupt)):
        call(name, model, inputs_for(name))
    assert differences(before, state_of(model.network)) == []


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS[name].needs_gradient])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_leaves_no_trace_after_a_fault_in_the_backward_pass(name: str, at: int) -> None:
    model = model_for(name, usual(name, "mixed_modes"))
    calls = iter(range(1, 10_000))

    def fail(*arguments: object) -> None:
        if next(calls) >= at:
            raise RuntimeError("planted")

    for layer in (model.network.linear, model.network.conv1):
        layer.register_full_backward_hook(fail)
    before = state_of(model.network)
    with pytest.raises(XaiError):
        call(name, model, inputs_for(name), batch_size=1)
    assert differences(before, state_of(model.network)) == []


@pytest.mark.parametrize("name", EXPLAINERS)
class TestBadInputIsNamed:
    @pytest.mark.parametrize(
        "target", [3, -1, 1.5, "no such class", (0, 0), (0, 1, 2), [0], [0, 1, 2, 0], True, object(), [(0, 1), 2, 1]]
    )
    def test_target(self, name: str, target: object) -> None:
        with pytest.raises(XaiError, match="target: expected"):
            call(name, model_for(name, usual(name)), inputs_for(name), target=target)

    def test_inputs(self, name: str) -> None:
        for batch in bad_inputs_for(name):
            with pytest.raises(XaiError, match="expected"):
                call(name, model_for(name, usual(name)), batch)

    @pytest.mark.parametrize("size", [0, -1, True])
    def test_batch_size(self, name: str, size: int) -> None:
        with pytest.raises(XaiError, match="batch_size: expected"):
            call(name, model_for(name, usual(name)), inputs_for(name), batch_size=size)


@pytest.mark.parametrize("name", EXPLAINERS)
def test_pairs_classes_and_layouts(name: str) -> None:
    """Why a rather than b; a target per row; HWC, frames and non-contiguous inputs are the same inputs."""
    model = model_for(name, usual(name))
    model.classes = ["x", "y", "z"]
    batch = inputs_for(name)
    maps, by_name = call(name, model, batch, target="y")
    assert by_name.target == (1, 1, 1)
    assert by_name.target_name() == "y"
    _, pairs = call(name, model, batch, target=(0, 2))
    assert pairs.target == ((0, 2),) * 3
    assert pairs.target_name() == "x rather than z"
    for form in forms_for(name):
        assert torch.allclose(maps, call(name, model, form, target="y")[0], atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_a_network_without_gradient_is_named_or_explained(name: str) -> None:
    model = Model.from_callable(lambda x: np.full((len(x), 2), 0.5), input=model_for(name, usual(name)).input)
    if METHODS[name].needs_gradient or METHODS[name].access == "specific":  # a function has no layers either
        with pytest.raises(XaiError):
            call(name, model, inputs_for(name))
    else:
        values, _ = call(name, model, inputs_for(name))
        assert torch.allclose(values, torch.zeros_like(values), atol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_works_inside_no_grad_and_inference_mode(name: str) -> None:
    model = model_for(name, usual(name))
    expected, _ = call(name, model, inputs_for(name))
    with torch.no_grad():
        assert torch.equal(call(name, model, inputs_for(name))[0], expected)
    with torch.inference_mode():
        assert torch.equal(call(name, model, inputs_for(name))[0], expected)


def test_every_method_has_its_words() -> None:
    from xai.reports.sentences import CHECK_SENTENCES, METHOD_SENTENCES

    assert set(METHOD_SENTENCES) == set(EXPLAINERS)
    assert set(CHECK_SENTENCES) == set(CHECKS)
    for spec in METHODS.values():
        assert spec.load().__doc__
