"""Whether an image shows what its unit answers to: on units whose truth is planted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xai.base.errors import InputError
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.visualization import objectives
from xai.visualization.ascent import visualize
from xai.visualization.headline import compare_with_stimuli, headline
from xai.visualization.held_out import keeps_under_held_out, sheared
from xai.visualization.path import path_similarity, same_path
from xai.visualization.predictive import Features, partial_correlations, predictive, similarities
from xai.visualization.stimuli import stimuli


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stripes(count: int, side: int = 12, seed: int = 0) -> torch.Tensor:
    """Return gratings at random angles, lengths, contrasts and brightness."""
    draw = torch.rand(4, count, 1, 1, generator=generator(seed))
    rows, columns = torch.meshgrid(torch.arange(side).float(), torch.arange(side).float(), indexing="ij")
    angle = draw[0] * torch.pi
    waves = torch.sin((columns * angle.cos() + rows * angle.sin()) * (0.6 + draw[1]))
    return (0.5 + 0.2 * (draw[2] - 0.5) + (0.1 + 0.3 * draw[3]) * waves)[:, None].clamp(0, 1)


def edges(scale: float = 1.0, count: int = 12) -> Model:
    """Return a network of filters for edges at many angles, with its responses pooled."""
    angles = torch.arange(count) * 2 * torch.pi / count
    rows, columns = torch.meshgrid(torch.arange(5) - 2.0, torch.arange(5) - 2.0, indexing="ij")
    bank = columns * angles.cos()[:, None, None] + rows * angles.sin()[:, None, None]
    network = nn.Sequential(
        nn.Conv2d(1, count, 5, bias=False), nn.ReLU(), nn.Conv2d(count, count, 1, bias=False), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(count, 3),
    )  # fmt: skip
    with torch.no_grad():
        network[0].weight.copy_(scale * bank[:, None] / bank.norm(dim=(1, 2))[:, None, None, None])
        network[2].weight.copy_((torch.eye(count) - 1 / count)[:, :, None, None])
    return Model(network, input=ImageInput((1, 12, 12)))


def test_brightness_and_contrast_are_taken_out() -> None:
    """Two orders that only brightness explains are not correlated without it; a shared third cause stays."""
    images = torch.rand(200, 1, 6, 6, generator=generator()) * torch.rand(200, 1, 1, 1, generator=generator(1))
    bright = images.flatten(1).mean(1)
    noise = torch.randn(3, 200, generator=generator(2))
    first, second = bright + 0.01 * noise[0], bright + 0.01 * noise[1]
    raw = torch.corrcoef(torch.stack([first, second]))[0, 1]
    assert raw > 0.95
    assert abs(float(partial_correlations(first[None], second[None], images))) < 0.3
    shared = noise[2]
    assert float(partial_correlations((first + shared)[None], (second + shared)[None], images)) > 0.8


def test_partial_correlations_are_those_of_residuals() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    images = torch.rand(60, 1, 5, 5, generator=generator(3))
    first, second = torch.randn(2, 60, generator=generator(4)).round(decimals=1)  # with ties
    flat = images.flatten(1)
    known = [torch.ones(60).double()]
    known += [torch.tensor(scipy_stats.rankdata(item)).double() for item in (flat.mean(1), flat.std(1))]
    known = torch.stack(known).T

    def rest(values: torch.Tensor) -> torch.Tensor:
        ranks = torch.tensor(scipy_stats.rankdata(values)).double()
        return ranks - known @ torch.linalg.lstsq(known, ranks[:, None]).solution[:, 0]

    expected = torch.corrcoef(torch.stack([rest(first), rest(second)]))[0, 1]
    assert float(partial_correlations(first[None], second[None], images)) == pytest.approx(float(expected), abs=1e-6)


def test_the_more_alike_in_features_the_more_similar() -> None:
    eyes = Features(edges(), (1, 12, 12))
    assert len(eyes.layers) == 2
    real = stripes(80)
    seen = eyes.of(real, 32)
    assert [item.shape[0] for item in seen] == [80, 80]
    table = similarities(eyes.of(real[:5], 2), seen)
    assert table.argmax(1).tolist() == [0, 1, 2, 3, 4]
    assert table.max() <= 2 + 1e-5


CONTROLS = torch.linspace(-0.2, 0.6, 40)


@pytest.mark.parametrize(
    ("own", "others", "status"),
    [(0.9, 0.1, "pass"), (0.9, 0.95, "fail"), (0.5, 0.1, "fail")],
)
def test_predictive_is_held_to_other_units_and_to_shuffled_weights(own: float, others: float, status: str) -> None:
    finding = predictive("unit", own, torch.full((20,), others), CONTROLS, torch.arange(100.0))
    assert finding.status == status
    assert finding.threshold == pytest.approx(float(CONTROLS.quantile(0.975)))
    assert "40 units with shuffled weights" in finding.control
    assert "is significant" in finding.text


def test_predictive_says_why_it_cannot_be_tested() -> None:
    dead = predictive("unit", 0.0, torch.zeros(0), CONTROLS, torch.full((100,), -50.0))
    assert dead.status == "untestable"
    assert "dead unit" in dead.text
    alone = predictive("unit", 0.9, torch.zeros(3), CONTROLS, torch.arange(100.0))
    assert alone.status == "pass"
    assert alone.details["better_than_others"] is None


def test_path_similarity_is_one_among_the_exciting_and_zero_among_the_others() -> None:
    center = torch.randn(2, 30, generator=generator(5))
    real = center.repeat_interleave(50, 0) + 0.5 * torch.randn(100, 30, generator=generator(6))
    top = torch.arange(10)
    assert path_similarity(real[20:50].mean(0), real, top) > 0.9
    assert path_similarity(real[60], real, top) < 0
    values = [path_similarity(real[index], real, top) for index in range(10, 100)]
    assert sum(values) / len(values) == pytest.approx(0, abs=0.05)
    alike = torch.randn(1, 30, generator=generator(7)).expand(40, 30)
    assert path_similarity(alike[0], alike, top) is None
    assert same_path("unit", ["a", "b"], [0.9, -0.2]).status == "fail"
    assert same_path("unit", ["a", "b"], [-0.2, 0.9]).status == "pass"
    assert same_path("unit", ["a", "b"], [0.5, None]).details["layers"] == {"a": 0.5, "b": None}
    assert same_path("unit", [], []).status == "untestable"


@pytest.mark.parametrize(
    ("made", "real", "status"),
    [
        ((10, 8.5), (5, 4.5), "pass"),
        ((10, 5), (5, 4.5), "fail"),
        ((10, 5), (5, 3), "pass"),
        ((1, 1), (5, 4), "untestable"),
    ],
)
def test_held_out_changes_ask_no_more_than_real_images_keep(
    made: tuple[float, float], real: tuple[float, float], status: str
) -> None:
    assert keeps_under_held_out("unit", 1.0, made, real).status == status


def test_shears_are_four_and_keep_the_middle() -> None:
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 4] = 1
    image[0, 0, 1, 4] = 1
    moved = list(sheared(image))
    assert len(moved) == 4
    assert all(float(item[0, 0, 4, 4]) == pytest.approx(1, abs=1e-5) for item in moved)
    assert float(moved[0][0, 0, 1, 4]) < 0.9


def test_stimuli_are_many_and_within_their_range() -> None:
    names, images = stimuli((3, 10, 12), torch.rand(5, 3, 10, 12, generator=generator()))
    assert len(names) == len(images) == len(set(names))
    assert images.shape[1:] == (3, 10, 12)
    assert 0 <= float(images.min()) <= float(images.max()) <= 1
    for word in ("field", "checkerboard", "grating", "noise", "crop"):
        assert any(word in name for name in names)


def test_a_stronger_stimulus_is_named() -> None:
    answers = torch.tensor([0.1, 3.13])
    finding = compare_with_stimuli("unit", 0.0, 0.24, ["plain field", "checkerboard"], answers)
    assert finding.status == "fail"
    assert "A checkerboard excites unit more: 3.13, it 0.24" in finding.text
    assert compare_with_stimuli("unit", 0.0, 2.0, ["plain field", "checkerboard"], answers).status == "warn"
    assert compare_with_stimuli("unit", 0.0, 4.0, ["plain field", "checkerboard"], answers).status == "pass"


def test_the_headline_asks_for_everything() -> None:
    good = predictive("unit", 0.9, torch.zeros(0), CONTROLS, torch.arange(100.0))
    held = keeps_under_held_out("unit", 1.0, (10, 9), (5, 4.5))
    path = same_path("unit", ["a"], [0.9])
    beyond = compare_with_stimuli("unit", 0.0, 2.0, ["checkerboard"], torch.tensor([3.0]))
    whole = headline([good, path, held, beyond])
    assert whole.status == "pass"
    assert "A checkerboard excites unit more" in whole.text  # said, though it passes
    bad = headline([good, same_path("unit", ["a"], [-0.9]), held, beyond])
    assert bad.status == "fail"
    assert "path" in bad.text
    assert headline([], "a reference is needed").text == "Untestable: a reference is needed."


def test_visualize_gives_the_evidence() -> None:
    """A filter for edges predicts which stripes excite it, and says what that was compared with."""
    model, eyes = edges(), edges(2.0)
    units = [objectives.channel("2", number) for number in range(12)]
    made = visualize(model, units, steps=12, reference=stripes(150), features=eyes)
    checks = ["shows_unit", "predictive", "path", "held_out_changes", "stronger_stimuli"]
    assert [item.check for item in made.evidence[0]][:5] == checks
    scores = torch.tensor([made.finding("predictive", row).score for row in range(12)])
    assert float(scores.median()) > 0.5
    details = made.finding("predictive").details
    assert len(details["controls"]) >= 40
    assert details["others"] == 11
    again = visualize(model, units, steps=12, reference=stripes(150), features=eyes)
    assert again.finding("predictive").details == details


def test_what_is_missing_is_said() -> None:
    model = edges()
    bare = visualize(model, objectives.channel("2", 0), steps=2)
    assert bare.finding("shows_unit").status == "untestable"
    assert "real images" in bare.finding("shows_unit").text
    blind = visualize(model, objectives.channel("2", 0), steps=2, reference=stripes(60))
    assert blind.finding("predictive").status == "untestable"
    assert "features=" in blind.finding("predictive").text
    assert blind.finding("path").status in ("pass", "fail")
    assert blind.finding("shows_unit").status in ("untestable", "fail")
    with pytest.raises(InputError, match=r"visualize: features: expected an xai\.Model of images"):
        visualize(model, objectives.channel("2", 0), steps=2, reference=stripes(60), features=Model(nn.Linear(3, 2)))
