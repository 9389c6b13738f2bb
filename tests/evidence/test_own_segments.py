"""A map of segments is put to the test in its own segments: what it gives to one is the whole segment's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from xai.attribution.occlusion import occlusion
from xai.evidence.claims import claimed_units, segments_of
from xai.evidence.faithfulness import faithfulness
from xai.evidence.non_sensitivity import non_sensitivity
from xai.evidence.windows import MOST_SEGMENTS, windows_of
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.results.explanation import Explanation

SIDE = 12
# Segments of very different sizes, with numbers that do not begin at 0 and have a gap.
LABELS = torch.full((SIDE, SIDE), 7)
LABELS[:3, :4], LABELS[3:5, :4], LABELS[5, 5], LABELS[6:, :2] = 2, 3, 5, 1
LABELS[6:, 8:], LABELS[:2, 10:], LABELS[3:5, 10:] = 6, 8, 9


@pytest.fixture
def model() -> Model:
    """Return a sum of pixels times drawn weights: what a segment takes away is known exactly."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 2, bias=False))
    return Model(network, input=ImageInput((1, SIDE, SIDE)))


@pytest.fixture
def exact(model: Model) -> Explanation:
    images = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    return occlusion(model, images, 1, segments=LABELS, baseline="zero")


def test_the_truth_of_segments_is_seen_whole(model: Model, exact: Explanation) -> None:
    (finding,) = faithfulness(model, exact)
    assert (finding.status, finding.score) == ("pass", pytest.approx(1, abs=1e-4))
    assert finding.details["windows"] == 8
    parts = exact.values[0] - exact.values[0].mean()
    assert finding.details["effects"] == pytest.approx(parts.tolist(), abs=2e-3)


def test_the_parts_of_a_segment_add_up_to_what_it_was_given(model: Model, exact: Explanation) -> None:
    units, segments = claimed_units(exact, 0, model.input), segments_of(exact, 0)
    assert segments is not None
    sums = torch.zeros(8, dtype=torch.float64).index_add_(0, segments.flatten(), units.flatten())
    assert sums.tolist() == pytest.approx(exact.values[0].tolist(), abs=1e-6)


def test_the_same_values_in_other_segments_are_not_shown(model: Model, exact: Explanation) -> None:
    """The correlation of the turned values with the effects, by hand; other maps with these values do better."""
    turned = [part.roll(3) for part in exact.values]
    wrong = replace(exact, values=turned if isinstance(exact.values, list) else torch.stack(turned))
    (finding,) = faithfulness(model, wrong)
    assert finding.score == pytest.approx(np.corrcoef(turned[0], exact.values[0])[0, 1], abs=1e-3)
    assert finding.status in ("warn", "fail")
    assert finding.details["p_value"] > 0.05


def test_flipped_signs_are_contradicted(model: Model, exact: Explanation) -> None:
    flipped = [-part for part in exact.values]
    wrong = replace(exact, values=flipped if isinstance(exact.values, list) else torch.stack(flipped))
    assert faithfulness(model, wrong)[0].status == "fail"


def test_too_many_segments_are_tested_in_squares() -> None:
    many = torch.arange(SIDE * SIDE).view(SIDE, SIDE)
    assert int(many.max()) + 1 > MOST_SEGMENTS
    assert torch.equal(windows_of((SIDE, SIDE), segments=many), windows_of((SIDE, SIDE)))
    two = (many >= 72).long()
    assert torch.equal(windows_of((SIDE, SIDE), segments=two), windows_of((SIDE, SIDE)))


def test_segments_that_get_nothing_and_do_nothing_are_counted_as_they_are(model: Model) -> None:
    """Of a network that reads one segment alone, the other seven are idle, and the map says so of each."""
    layer = model.network[1]
    with torch.no_grad():
        layer.weight.mul_((LABELS == 6).flatten())
    images = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    (finding,) = non_sensitivity(model, occlusion(model, images, 1, segments=LABELS, baseline="zero"))
    assert (finding.details["count"], finding.details["parts"]) == (0, 8)
