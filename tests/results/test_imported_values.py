"""Values that were made elsewhere: read in every form, refused where they do not fit, and checked as our own."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients
from torch import nn

import xai
from tests.evidence.planted import SIDE, Planted, planted_image
from xai.base.errors import InputError, TargetError
from xai.evidence.recompute import recompute
from xai.plots.one_row import waterfall

NEEDS_REMAKE = {"randomization", "cascade", "stability"}


@pytest.fixture
def planted() -> xai.Model:
    return xai.Model(Planted(), input=xai.ImageInput((1, SIDE, SIDE)))


def table() -> xai.Model:
    torch.manual_seed(0)
    return xai.Model(nn.Linear(4, 3), input=xai.TabularInput(list("abcd")), classes=["x", "y", "z"])


def texts() -> xai.Model:
    def positive(batch: list[str]) -> np.ndarray:
        good = np.array([0.1 + 0.7 * ("good" in text) for text in batch])
        return np.stack([1 - good, good], 1)

    return xai.Model.from_callable(positive, input=xai.TextInput(), classes=["bad", "good"])


def by_captum(model: xai.Model, inputs: torch.Tensor, target: list[int]) -> torch.Tensor:
    return InputXGradient(model.network).attribute(inputs.clone().requires_grad_(), target=torch.tensor(target))


class TestCaptum:
    def test_a_map_by_captum_has_the_findings_of_our_own(self, planted: xai.Model) -> None:
        image = planted_image()
        ours = xai.verify(planted, xai.input_x_gradient(planted, image, 1))
        given = xai.Explanation.of(
            planted, image, by_captum(planted, image, [1]), 1, method="captum", baseline="zero", remake=by_captum
        )
        assert torch.allclose(given.values, ours.values, atol=1e-6)
        theirs = xai.verify(planted, given)
        for one, other in zip(ours.evidence[0], theirs.evidence[0], strict=True):
            if one.check not in ("agreement", "completeness"):
                assert (one.check, one.status, one.text) == (other.check, other.status, other.text)
        assert theirs.model_digest == planted.digest()

    def test_without_remake_what_needs_one_says_so(self, planted: xai.Model) -> None:
        image = planted_image()
        found = xai.verify(planted, xai.Explanation.of(planted, image, by_captum(planted, image, [1]), 1))
        status = {finding.check: finding.status for finding in found.evidence[0]}
        assert {name for name in NEEDS_REMAKE if status[name] == "untestable"} == NEEDS_REMAKE
        assert (status["faithfulness"], status["deletion"]) == ("pass", "pass")
        assert all("remake" in item.text for item in found.evidence[0] if item.check in NEEDS_REMAKE)

    def test_a_remake_that_ignores_the_model_is_found_out(self, planted: xai.Model) -> None:
        image = planted_image()
        values = by_captum(planted, image, [1])
        e = xai.Explanation.of(planted, image, values, 1, claim="region", remake=lambda model, inputs, target: values)
        (finding,) = xai.verify(planted, e, ["randomization"]).evidence[0]
        assert finding.status == "fail"

    def test_a_tuple_of_one_and_values_for_another_class(self) -> None:
        model, rows = table(), torch.rand(3, 4)
        values = IntegratedGradients(model.network).attribute((rows,), target=2)
        e = xai.Explanation.of(model, rows, values, "z", baseline=torch.zeros(4))
        assert torch.allclose(e.values, xai.integrated_gradients(model, rows, 2).values, atol=1e-5)
        assert e.target == (2, 2, 2)
        assert e.baseline == "given"
        assert torch.equal(e.background, torch.zeros(1, 1, 4))


class TestForms:
    def test_pictures_with_channels_last_and_maps_of_any_grain(self) -> None:
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 5, 2))
        model, images = xai.Model(network, input=xai.ImageInput((3, 6, 5))), torch.rand(2, 3, 6, 5)
        values = torch.rand(2, 3, 6, 5)
        last = xai.Explanation.of(model, images, values.permute(0, 2, 3, 1).numpy())
        assert torch.equal(last.values, values)
        for coarse in (torch.rand(2, 3, 2), torch.rand(2, 1, 3, 2)):
            e = xai.Explanation.of(model, images, coarse, claim="region")
            assert (e.over, e.values.shape, e.heatmap().shape) == ("layer", (2, 3, 2), (2, 6, 5))

    def test_values_for_every_class_are_those_of_the_target(self) -> None:
        model, rows = table(), torch.rand(2, 4)
        values = np.random.default_rng(0).normal(size=(2, 4, 3))
        assert np.allclose(xai.Explanation.of(model, rows, values, [2, 0]).values[1], values[1, :, 0])
        assert np.allclose(xai.Explanation.of(model, rows, values, (2, 1)).values[0], values[0, :, 2] - values[0, :, 1])

    def test_words_and_tokens_stand_where_they_are(self) -> None:
        model = texts()
        e = xai.Explanation.of(model, ["a good film", "bad"], [[0.0, 0.7, 0.0], [0.1]], "good")
        assert (e.over, e.row_names) == ("tokens", (("a", "good", "film"), ("bad",)))
        assert e.segments[0].tolist() == [0, -1, 1, 1, 1, 1, -1, 2, 2, 2, 2]
        e = xai.Explanation.of(model, ["a good film"], [[0, 0.3, 0.4, 0]], "good", names=[["a", "go", "od", " film"]])
        assert e.row_names == (("a", "go", "od", " film"),)
        again = xai.Explanation.of(
            model, ["a good film"], [[0, 0.3, 0.4, 0]], 1, names=[["a", "go", "od", " film"]],
            remake=lambda model, texts, target: [[len(texts[0]), *target, 0, 0]],
        )  # fmt: skip
        assert recompute(model, again).values[0].tolist() == [11, 1, 0, 0]
        assert recompute(model, again).row_names == e.row_names

    def test_steps_of_series_of_several_lengths(self) -> None:
        class Sum(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                total = x.sum((1, 2))
                return torch.stack([-total, total], 1)

        model = xai.Model(Sum(), input=xai.SequenceInput(["a", "b", "c"], length=5))
        series = [torch.rand(5, 3), torch.rand(2, 3)]
        for values in (torch.rand(2, 5), [torch.rand(5), torch.rand(2)]):
            e = xai.Explanation.of(model, series, values, 1)
            assert (e.over, [len(row) for row in e.values]) == ("steps", [5, 2])
        assert xai.Explanation.of(model, torch.rand(1, 5, 3), torch.rand(1, 5, 3), 1).over == "input"


class TestShap:
    def test_names_and_where_sums_begin_are_taken_over(self) -> None:
        model, rows = table(), torch.rand(2, 4)
        weight, bias = model.network.weight.detach(), model.network.bias.detach()
        made = SimpleNamespace(
            values=(rows[:, :, None] * weight.T[None]).numpy(),
            base_values=bias.numpy(),
            data=rows.numpy(),
            feature_names=["p", "q", "r", "s"],
        )
        e = xai.Explanation.of(model, rows, made, 1, method="shap")
        assert e.names == ("p", "q", "r", "s")
        assert e.options["of"] == "output"
        assert e.diagnostics[0]["intercept"] == pytest.approx(float(bias[1]))
        (finding,) = xai.verify(model, e, ["completeness"]).evidence[0]
        assert (finding.status, finding.score < 1e-5) == ("pass", True)
        assert len(waterfall(e).patches) == 4

    def test_values_that_add_up_to_probabilities_are_known_by_that(self) -> None:
        model, rows = table(), torch.rand(2, 4)
        start = np.full((2, 3), 0.2)
        share = (model.predict(rows).numpy() - start)[:, None] * np.array([0.5, 0.2, 0.2, 0.1])[None, :, None]
        e = xai.Explanation.of(model, rows, SimpleNamespace(values=share, base_values=start), 2)
        assert e.options["of"] == "probability"
        assert e.diagnostics[1]["completeness_error"] < 1e-6

    def test_tokens_of_texts_in_arrays_of_arrays(self) -> None:
        values = np.empty(2, dtype=object)
        values[:] = [np.array([[-0.7, 0.7], [0.0, 0.0]]), np.zeros((1, 2))]
        made = SimpleNamespace(
            values=values, base_values=np.full((2, 2), 0.1), data=(["good ", "film"], ["bad"]), feature_names=None
        )
        e = xai.Explanation.of(texts(), ["good film", "bad"], made, 1)
        assert e.row_names == (("good ", "film"), ("bad",))
        assert e.values[0].tolist() == [pytest.approx(0.7), 0.0]


class TestAsOurOwn:
    def test_saved_loaded_copied_drawn_and_reported(self, planted: xai.Model, tmp_path: Path) -> None:
        image = planted_image()
        name = "<b>theirs</b>"
        e = xai.Explanation.of(planted, image, by_captum(planted, image, [1]), 1, method=name, remake=by_captum)
        e = xai.verify(planted, e, ["faithfulness", "stability"])
        assert e[0].remake is by_captum
        loaded = xai.Explanation.load(e.save(tmp_path / "e.safetensors"))
        for other in (loaded, copy.copy(e), pickle.loads(pickle.dumps(e))):
            assert other.remake is None
            assert (other.method, other.options, other.evidence) == (e.method, e.options, e.evidence)
            assert torch.equal(other.values, e.values)
        assert loaded.plot() is not None
        report = xai.Report("Maps", [e])
        for page in (e._repr_html_(), report.html()):
            assert "&lt;b&gt;theirs" in page
            assert name not in page

    def test_a_text_is_drawn_and_counts_as_additive(self) -> None:
        e = xai.Explanation.of(texts(), ["a good film"], [[0.0, 0.7, 0.0]], 1)
        assert "good" in e._repr_html_()
        assert waterfall(e).patches
        region = xai.Explanation.of(texts(), ["a good film"], [[0.0, 0.7, 0.0]], 1, claim="region")
        with pytest.raises(InputError, match="whose values add up"):
            waterfall(region)


class TestRefused:
    @pytest.mark.parametrize(
        ("values", "settings", "said"),
        [
            (torch.rand(3, 4), {}, r"Explanation.of: values: expected those of 2 rows, got of 3"),
            (torch.rand(2, 5), {}, r"values of the inputs' shape \(4,\) for each row, got \(5,\) for a row"),
            ([[1, 2, 3, 4], [1, 2, 3]], {}, r"got \(4,\) and \(3,\) for a row"),
            (torch.full((2, 4), torch.nan), {}, "finite numbers, got NaN or infinity in row 0"),
            (torch.tensor(1.0), {}, "values: expected some for each row"),
            ("map", {}, "values: expected"),
            (torch.rand(2, 4), {"claim": "truth"}, "claim: expected one of additive, sensitivity, region"),
            (torch.rand(2, 4), {"method": ""}, "method: expected the name"),
            (torch.rand(2, 4), {"remake": 3}, "remake: expected a function"),
            (torch.rand(2, 4), {"over": "tokens"}, "over: expected 'input' for values of this shape, got 'tokens'"),
            (torch.rand(2, 4), {"baseline": "fog"}, "baseline: expected"),
        ],
    )
    def test_what_does_not_fit_says_what_would(self, values: object, settings: dict, said: str) -> None:
        with pytest.raises(InputError, match=said):
            xai.Explanation.of(table(), torch.rand(2, 4), values, 0, **settings)

    def test_a_class_that_does_not_exist_and_words_that_are_not_there(self) -> None:
        with pytest.raises(TargetError, match=r"Explanation\.of: target"):
            xai.Explanation.of(table(), torch.rand(2, 4), torch.rand(2, 4), 7)
        with pytest.raises(InputError, match=r"one number per word \(3\), got \(2,\)"):
            xai.Explanation.of(texts(), ["a good film"], [[0.1, 0.2]], 1)
        with pytest.raises(InputError, match="names: expected the tokens of each text"):
            xai.Explanation.of(texts(), ["a good film"], [[0.1]], 1, names=["a"])

    def test_a_remake_that_breaks_is_named(self) -> None:
        model, rows = table(), torch.rand(2, 4)
        e = xai.Explanation.of(model, rows, torch.rand(2, 4), 0, remake=lambda model, inputs, target: 1 / 0)
        with pytest.raises(InputError, match=r"remake: expected a function .*ZeroDivisionError"):
            recompute(model, e)
        with pytest.raises(InputError, match="steps: expected no option"):
            recompute(model, e, steps=3)
