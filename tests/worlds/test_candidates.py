"""Maps whose verdict is known, how they are presented, and how verdicts on them are counted."""

from __future__ import annotations

import pytest
import torch

import xai
from benchmarks.calibrate_evidence import Verdict, asked, at, limits_from, verdict_of
from benchmarks.worlds.candidates import WANTED, agreement, candidate_maps, with_shuffled_weights
from benchmarks.worlds.moving import center, edges, half_moved, moved
from benchmarks.worlds.presented import CLAIMS, explanation_of, units_of
from tests.worlds.test_worlds import case_of

KINDS = [("color", "pixelwise"), ("series", "conv"), ("tables", "linear"), ("texts", "callable")]


@pytest.mark.parametrize(("family", "shape"), KINDS)
def test_every_map_comes_back_from_its_explanation(family: str, shape: str) -> None:
    case = case_of(family, shape)
    made = candidate_maps(case, 0)
    assert {"truth", "truth + 0.1% noise", "truth + 5.0% noise", "flipped truth", "moved truth"} <= set(made)
    for name, candidate in made.items():
        assert candidate.wanted in WANTED
        assert candidate.claim in CLAIMS
        explanation = explanation_of(case, candidate.values, candidate.claim)
        assert isinstance(explanation, xai.Explanation)
        assert list(explanation.target) == case.target
        for row, (back, values) in enumerate(zip(units_of(explanation), candidate.values, strict=True)):
            if candidate.claim == "segments":  # what a segment has as a whole comes back, shared by its pixels
                labels = explanation.segments[row].long().flatten()
                back, values = (labels.bincount(part.float().flatten()) for part in (back, values))
            assert torch.allclose(back.float(), values.float(), atol=1e-5), name


def test_maps_are_the_same_for_the_same_seed_only() -> None:
    case = case_of("color", "pixelwise")
    one, again, other = (candidate_maps(case, seed) for seed in (0, 0, 1))
    name = "truth + 5.0% noise"
    assert torch.equal(one[name].values[0], again[name].values[0])
    assert not torch.equal(one[name].values[0], other[name].values[0])
    assert torch.equal(one["flipped truth"].values[0], -case.truth[0])


def test_noise_is_a_share_of_the_largest_value() -> None:
    case = case_of("color", "pixelwise")
    for share, name in ((0.001, "truth + 0.1% noise"), (0.05, "truth + 5.0% noise")):
        added = candidate_maps(case, 0)[name].values[0] - case.truth[0]
        assert float(added.std() / case.truth[0].max()) == pytest.approx(share, rel=0.15)


def test_moved_and_half_moved_maps() -> None:
    truth = torch.zeros(20, 20)
    truth[3:9, 5:11] = 1
    generator = torch.Generator().manual_seed(0)
    assert float((moved(truth, generator) * truth).sum()) == 0
    assert float((half_moved(truth, generator) * truth).sum()) == 18
    columns = torch.tensor([0.0, 2.0, -1.0, 0.0, 0.0, 0.0])
    half = half_moved(columns, generator)
    assert sorted(half.tolist()) == sorted(columns.tolist())
    assert not torch.equal(half, columns)
    assert half_moved(torch.tensor([0.0, 1.0, 0.0, 0.0]), generator) is None


def test_edges_see_a_step_of_color_and_of_a_series() -> None:
    image = torch.zeros(3, 8, 8)
    image[0, :, 4:], image[1, :, :4] = 1.0, 1.0  # equally bright on both sides
    found = edges(image)
    assert float(found[:, 3:5].min()) > 0
    assert float(found[:, [0, 1, 6, 7]].max()) == 0
    assert edges(torch.tensor([[0.0], [0.0], [1.0], [1.0]])).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert int(center(torch.zeros(9)).argmax()) == 4


def test_agreement() -> None:
    truth = torch.tensor([0.0, 1.0, 1.0, 0.0])
    assert agreement(truth, truth) == pytest.approx(1)
    assert agreement(torch.tensor([0.1, 0.2, 9.0, 0.0]), truth) == 1  # the ranks are right
    assert agreement(torch.zeros(4), truth) == 0
    assert agreement(-truth, truth) <= 0
    signed = torch.tensor([0.0, 1.0, -2.0, 0.0])
    assert agreement(torch.tensor([0.0, 1.0, 2.0, 0.0]), signed) < 0


@pytest.mark.parametrize(("family", "shape"), [("color", "strided"), ("series", "conv")])
def test_shuffled_networks_keep_their_weights_and_lose_what_they_learned(family: str, shape: str) -> None:
    case = case_of(family, shape)
    shuffled = with_shuffled_weights(case, 1)
    assert shuffled.digest() != case.model.digest()
    for old, new in zip(case.model.network.parameters(), shuffled.network.parameters(), strict=True):
        assert torch.equal(old.flatten().sort().values, new.flatten().sort().values)
    assert with_shuffled_weights(case_of("texts", "callable"), 1) is None


def test_a_right_map_of_a_wrong_network_is_an_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of("tables", "linear")
    monkeypatch.setattr("benchmarks.worlds.candidates.with_shuffled_weights", lambda *_: case.model)
    made = candidate_maps(case, 0)
    assert made["integrated gradients of shuffled weights"].accident == [True, True]
    assert made["truth"].accident == [False, False]


def test_verdicts_on_a_table_say_more_of_the_truth_than_of_its_opposite() -> None:
    case = case_of("tables", "deep")
    words = {}
    for name in ("truth", "flipped truth"):
        candidate = candidate_maps(case, 0)[name]
        words[name] = [word for word, _ in verdict_of(case.model, explanation_of(case, candidate.values))]
    assert "contradicted" not in words["truth"]
    assert "supported" not in words["flipped truth"]


def _verdict(wanted: str, word: str, accident: bool = False, family: str = "a", score: float = 1.0) -> Verdict:
    return Verdict(family, "plain", 0, wanted, "additive", wanted, word, score, accident)


def test_what_is_asked_is_counted_without_accidents() -> None:
    verdicts = [_verdict("supported", "supported")] * 94 + [_verdict("supported", "untestable")] * 5
    verdicts += [_verdict("supported", "contradicted")]
    verdicts += [_verdict("not supported", "supported")] * 2 + [_verdict("not supported", "not shown")] * 18
    verdicts += [_verdict("not supported", "supported", accident=True)] * 50
    verdicts += [_verdict("contradicted", "contradicted")] * 8 + [_verdict("contradicted", "untestable")] * 2
    found = list(asked(verdicts).values())
    assert found == [(99, 100, True), (1, 100, True), (2, 20, False), (8, 10, False)]


def test_the_limit_is_the_lowest_that_few_wrong_maps_of_each_family_reach() -> None:
    scores = {"a": [0.2] * 95 + [0.62] * 5, "b": [0.2] * 97 + [0.88] * 3, "c": [0.52] * 100}
    verdicts = [
        _verdict("not supported", "supported", family=family, score=score)
        for family, items in scores.items()
        for score in items
    ]
    assert limits_from(verdicts) == pytest.approx({"additive": 0.65, "sensitivity": 0.65, "region": 0.65})
    others = [item for item in verdicts if item.family != "a"]
    assert limits_from(others)["additive"] == pytest.approx(0.55)
    words = [item.word for item in at({"additive": 0.65}, verdicts)]
    assert words.count("supported") == 3
