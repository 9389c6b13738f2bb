"""Cascade, stability, completeness and agreement: each passes on a known truth, and fails its control."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from tests.evidence.planted import SIDE, Planted, planted_image, with_map
from xai.attribution.gradient_methods import integrated_gradients, saliency
from xai.attribution.occlusion import occlusion
from xai.attribution.shapley import kernel_shap
from xai.base.errors import InputError
from xai.evidence.agreement import agreement
from xai.evidence.cascade import cascade
from xai.evidence.completeness import completeness
from xai.evidence.controls import edge_filter, moved_copies
from xai.evidence.similarity import alike, rank_correlation, same_map
from xai.evidence.stability import stability
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.lime.tabular import lime_tabular
from xai.lime.text import lime_text
from xai.model.model import Model
from xai.results.explanation import Explanation


@pytest.fixture
def model() -> Model:
    return Model(Planted(), input=ImageInput((1, SIDE, SIDE)))


def layered() -> Model:
    torch.manual_seed(0)
    layers = {"first": nn.Linear(12, 16), "act": nn.Tanh(), "second": nn.Linear(16, 16), "act2": nn.Tanh(),
              "last": nn.Linear(16, 3)}  # fmt: skip
    network = nn.Sequential()
    for name, layer in layers.items():
        network.add_module(name, layer)
    return Model(network)


class TestSimilarity:
    def test_it_is_spearmans(self) -> None:
        generator = np.random.default_rng(0)
        for _ in range(50):
            first, second = generator.integers(-3, 4, (2, 30)).astype(float)
            there = (first != 0) | (second != 0)
            signed, magnitude = alike(torch.from_numpy(first), torch.from_numpy(second))
            assert signed == pytest.approx(spearmanr(first[there], second[there]).statistic)
            assert magnitude == pytest.approx(spearmanr(abs(first[there]), abs(second[there])).statistic)

    def test_maps_without_an_order_are_like_nothing(self) -> None:
        assert rank_correlation(torch.ones(1, 9), torch.arange(9.0)).tolist() == [0.0]
        assert alike(torch.zeros(9), torch.zeros(9)) == (0.0, 0.0)
        assert rank_correlation(torch.rand(2, 2), torch.rand(2)).tolist() == [0.0, 0.0]

    def test_the_same_but_for_rounding(self) -> None:
        values = torch.randn(400, generator=torch.Generator().manual_seed(0))
        assert same_map(values, values * (1 + 1e-3 * torch.randn(400, generator=torch.Generator().manual_seed(1))))
        assert not same_map(values, -values)
        assert not same_map(values, values.roll(1))
        near, far = (
            values + part * torch.randn(400, generator=torch.Generator().manual_seed(2)) for part in (0.1, 0.3)
        )
        assert same_map(values, near)  # correlation 0.995
        assert not same_map(values, far)  # 0.96: as another network's map may be


class TestCascade:
    def test_the_layers_from_the_output_on(self) -> None:
        model = layered()
        made = saliency(model, torch.rand(2, 12, generator=torch.Generator().manual_seed(0)))
        for finding in cascade(model, made):
            assert finding.details["layers"] == [["last"], ["second"], ["first"]]
            assert finding.details["without_weights"] == ["act", "act2"]
            assert len(finding.details["curve"]) == 4
            assert finding.score == pytest.approx(sum(finding.details["curve"][1:]) / 3)
        (grouped, _) = cascade(model, made, stages=2)
        assert [len(part) for part in grouped.details["layers"]] == [2, 1]  # 1.5 layers to a stage, to the even number

    def test_a_map_of_the_first_layer_alone_shows_in_the_curve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It passes when all is shuffled at once, but keeps its picture until the first layer is."""
        from xai.evidence import cascade as module
        from xai.evidence import randomization as all_at_once

        def early(model: Model, explanation: Explanation) -> Explanation:
            return replace(explanation, values=model.network.first.weight.detach()[:1].abs())

        model = layered()
        made = early(model, saliency(model, torch.rand(1, 12)))
        monkeypatch.setattr(module, "recompute", early)
        monkeypatch.setattr(all_at_once, "recompute", early)
        (finding,) = cascade(model, made)
        assert finding.details["curve"][:3] == pytest.approx([1.0, 1.0, 1.0])
        (at_once,) = all_at_once.randomization(model, made)
        assert at_once.status == "pass"
        assert finding.score > at_once.score + 0.2

    def test_a_map_of_the_input_alone_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from xai.evidence import cascade as module

        model = layered()
        made = saliency(model, torch.rand(1, 12))
        monkeypatch.setattr(module, "recompute", lambda other, explanation: explanation)
        (finding,) = cascade(model, made)
        assert (finding.status, finding.score) == ("fail", pytest.approx(1.0))

    def test_no_weights_are_untestable(self, model: Model) -> None:
        function = Model.from_callable(lambda x: x.reshape(len(x), -1)[:, :2] * 0 + 0.5, input=model.input)
        (finding,) = cascade(function, occlusion(function, planted_image()))
        assert finding.status == "untestable"


class TestStability:
    def test_a_gradient_that_does_not_depend_on_the_input_is_stable(self, model: Model) -> None:
        (finding,) = stability(model, saliency(model, planted_image(), 1))
        assert finding.status == "pass"
        assert finding.score == pytest.approx(1.0)
        assert finding.details["kept"] == 5
        assert abs(finding.details["control"]) < 0.3

    def test_a_map_that_is_drawn_anew_fails(self, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
        from xai.evidence import stability as module

        made = saliency(model, planted_image(), 1)

        def moved(model: Model, explanation: Explanation) -> Explanation:
            copies = moved_copies(made.values[0, 0], len(explanation), torch.Generator().manual_seed(0))
            return replace(explanation, values=copies[:, None])

        monkeypatch.setattr(module, "recompute", moved)
        (finding,) = stability(model, made)
        assert finding.status == "fail"

    def test_noise_that_changes_the_prediction_does_not_count(self) -> None:
        class Sharp(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                score = 1e6 * (x.flatten(1).sum(1) - 1)
                return torch.stack([-score, score], 1)

        model = Model(Sharp(), input=ImageInput((1, 4, 4)))
        image = torch.zeros(1, 1, 4, 4)
        image[..., 1] = 0.25
        (finding,) = stability(model, saliency(model, image), draws=8)
        assert finding.status == "untestable" or finding.details["kept"] < 8
        sure = image.clone()
        sure[..., 2] = 1.0
        assert stability(model, saliency(model, sure), draws=8)[0].details["kept"] == 8

    def test_another_class_counts_however_little_the_probability_moves(self) -> None:
        class Close(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                score = 0.2 * (x.flatten(1).sum(1) - 8)
                return torch.stack([-score, score], 1)

        model = Model(Close(), input=ImageInput((1, 4, 4)))
        even, sure = torch.full((1, 1, 4, 4), 0.5), torch.full((1, 1, 4, 4), 0.7)
        for image in (even, sure):  # the noise is a share of their range
            image[..., 0, :2] = torch.tensor([0.0, 1.0])
        assert 0 < stability(model, saliency(model, even), draws=20)[0].details["kept"] < 20
        assert stability(model, saliency(model, sure), draws=20)[0].details["kept"] == 20

    def test_noise_stays_in_range_and_leaves_categories_and_padding(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from xai.evidence import stability as module

        seen: list[Explanation] = []
        make = module.recompute

        def watch(model: Model, explanation: Explanation) -> Explanation:
            seen.append(explanation)
            return make(model, explanation)

        monkeypatch.setattr(module, "recompute", watch)
        torch.manual_seed(0)
        image = Model(nn.Sequential(nn.Flatten(), nn.Linear(16, 2)), input=ImageInput((1, 4, 4)))
        stability(image, saliency(image, torch.ones(1, 1, 4, 4).tril()), noise=0.5)
        assert 0 <= float(seen[-1].inputs.min()) <= float(seen[-1].inputs.max()) <= 1
        names = [f"c{number}" for number in range(8)]
        table = Model(nn.Linear(9, 2), input=TabularInput([*names, "kind"], {"kind": ["a", "b"]}))
        row = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.0]])
        stability(table, saliency(table, row))
        assert bool((seen[-1].inputs[:, -1] == 1).all())
        assert not bool((seen[-1].inputs[:, :-1] == row[:, :-1]).any())
        data = torch.cat([torch.randn(100, 8) * 1e-6, torch.randint(0, 2, (100, 1))], 1)
        stability(table, lime_tabular(table, row, background=data, samples=100))
        assert float((seen[-1].inputs - row).abs().max()) < 1e-6  # columns hardly vary in training, so noise is small
        series = Model(nn.Sequential(nn.Flatten(), nn.Linear(18, 2)), input=SequenceInput(["a", "b"], 9))
        stability(series, saliency(series, torch.rand(6, 2)))
        assert bool((seen[-1].inputs[:, 6:] == 0).all())
        assert not bool((seen[-1].inputs[:, :6] == 0).any())

    def test_a_rows_finding_does_not_depend_on_the_batch(self) -> None:
        model = layered()
        made = integrated_gradients(model, torch.rand(3, 12, generator=torch.Generator().manual_seed(0)))
        together = stability(model, made)
        for row in range(3):
            (alone,) = stability(model, made[row])
            assert alone.score == pytest.approx(together[row].score, abs=1e-6)
            assert alone.details["control"] == pytest.approx(together[row].details["control"], abs=1e-6)

    def test_texts_are_untestable(self) -> None:
        model = Model.from_callable(lambda texts: [[0.5, 0.5]] * len(texts), input=TextInput())
        assert stability(model, lime_text(model, "a good film", samples=50))[0].status == "untestable"


class TestCompleteness:
    def test_the_error_is_read(self, model: Model) -> None:
        made = integrated_gradients(model, planted_image(), 1)
        (finding,) = completeness(model, made)
        assert finding.status == "pass"
        for error, status in ((0.009, "pass"), (0.011, "warn"), (0.049, "warn"), (0.051, "fail"), (1.0, "fail")):
            forged = replace(made, diagnostics=({"completeness_error": error},))
            (finding,) = completeness(model, forged)
            assert (finding.status, finding.score) == (status, error)

    def test_methods_without_a_sum_are_untestable(self, model: Model) -> None:
        assert completeness(model, saliency(model, planted_image(), 1))[0].status == "untestable"


class TestAgreement:
    def test_methods_that_see_the_truth_agree(self, model: Model) -> None:
        (finding,) = agreement(model, occlusion(model, planted_image(), 1, window=3, stride=1, baseline="blur"))
        assert finding.status == "pass"
        assert set(finding.details["with"]) == {"saliency", "integrated_gradients"}  # no convolution for Grad-CAM

    @pytest.mark.parametrize("wrong", ["decoy", "shifted", "noise"])
    def test_a_map_that_stands_alone_is_said(self, model: Model, wrong: str) -> None:
        truth = model.network.weight.detach().abs()
        maps = {
            "decoy": truth.roll((8, 10), (0, 1)),
            "shifted": truth.roll((10, 0), (0, 1)),
            "noise": torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(1)),
        }
        others = [saliency(model, planted_image(), 1)]
        (finding,) = agreement(model, replace(with_map(model, maps[wrong]), method="claimed"), others=others)
        assert finding.status in ("fail", "warn")
        assert finding.score > 0.05

    def test_an_edge_filter_that_agrees_as_well_is_said(self, model: Model) -> None:
        edges = replace(with_map(model, edge_filter(planted_image()[0])), method="edges")
        near = replace(edges, method="claimed", values=edges.values + 0.01 * torch.rand(edges.values.shape))
        (finding,) = agreement(model, near, others=[edges])
        assert finding.status == "warn"
        assert "an edge filter" in finding.text

    def test_p_values_are_not_small_too_often(self, model: Model) -> None:
        others = [replace(with_map(model, torch.rand(SIDE, SIDE)), method="other")]
        copies = moved_copies(torch.rand(SIDE, SIDE).cumsum(0), 60, torch.Generator().manual_seed(5))
        found = [
            agreement(model, replace(with_map(model, copy), method="claimed"), others=others, controls=19, seed=number)
            for number, copy in enumerate(copies)
        ]
        assert sum(finding.details["p_value"] <= 0.1 for (finding,) in found) <= 14  # 99.9 % point of binomial(60, 0.1)

    def test_columns_and_what_is_missing(self) -> None:
        torch.manual_seed(0)
        model = Model(nn.Linear(9, 2), input=TabularInput(list("abcdefghi")))
        rows = torch.rand(2, 9)
        made = integrated_gradients(model, rows)
        assert [finding.status for finding in agreement(model, made)] == ["pass", "pass"]  # occlusion: the same values
        assert agreement(model, made, others=[])[0].status == "untestable"
        assert agreement(model, made, others=[made])[0].status == "untestable"  # it agrees with itself: no evidence
        with pytest.raises(InputError, match="same rows and targets"):
            agreement(model, made, others=[saliency(model, rows + 1)])
        with pytest.raises(InputError, match="methods: expected among"):
            agreement(model, made, methods=["magic"])

    def test_rows_with_gaps_are_the_same_rows(self) -> None:
        def score(rows: np.ndarray) -> np.ndarray:
            known = np.nan_to_num(rows, nan=2.0) @ np.arange(6.0) / 9
            return np.stack([known, 1 - known], 1)

        table = TabularInput(list("abcdef"), missing=["b"])
        model = Model.from_callable(score, input=table)
        rows = torch.tensor([[0.1, torch.nan, 0.2, 0.3, 0.1, 0.05]])
        made = kernel_shap(model, rows, 0)
        (finding,) = agreement(model, made)
        assert finding.status in ("pass", "fail", "warn")  # compared with occlusion, which met the same gap
