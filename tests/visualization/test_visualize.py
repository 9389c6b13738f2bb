"""Activation maximization against closed forms; objectives as arithmetic; transforms against hand-moved images."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.zoo import ZOO
from xai.base.errors import InputError, LayerError, TargetError, XaiError
from xai.inputs.image import ImageInput
from xai.inputs.tensor import TensorInput
from xai.model.model import Model
from xai.visualization import objectives, transforms
from xai.visualization.ascent import visualize
from xai.visualization.objectives import Reading


def linear_model() -> tuple[Model, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn(2, 36, generator=generator)
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 2))
    with torch.no_grad():
        network[1].weight.copy_(weight)
        network[1].bias.zero_()
    return Model(network, input=ImageInput((1, 6, 6))), weight


@pytest.mark.parametrize("sign", [1, -1])
def test_a_linear_unit_is_driven_to_its_bounds(sign: int) -> None:
    """The maximum of w x over pixels in 0..1 is the sum of the positive weights, at x = 1 where w > 0."""
    model, weight = linear_model()
    made = visualize(model, sign * objectives.logit(1), steps=60, transforms=[], parameters="pixels")
    best = (sign * weight[1]).clamp_min(0).sum()
    assert float(made.reached[0]) == pytest.approx(float(best), abs=1e-3)
    assert torch.allclose(made.image[0].flatten(), (sign * weight[1] > 0).float(), atol=1e-6)
    assert made.image.min() >= 0
    assert made.image.max() <= 1
    assert made.activations.shape == (1, 60)
    assert made.activations[0, -1] > made.activations[0, 0]


def test_the_declared_range_holds() -> None:
    model, _ = linear_model()
    wide = Model(model.network, input=ImageInput((1, 6, 6), range=(-2.0, 3.0)))
    image = visualize(wide, objectives.logit(0), steps=60, transforms=[], parameters="pixels").image
    assert image.min() >= -2
    assert image.max() <= 3
    assert image.max() - image.min() > 4.5


def test_a_result_does_not_depend_on_its_batch() -> None:
    model = ZOO["plain"]()
    three = [objectives.channel("conv2", 0), objectives.logit(1), -objectives.channel("conv1", 2)]
    together = visualize(model, three, steps=5)
    in_pairs = visualize(model, three, steps=5, batch_size=2)
    assert torch.allclose(together.image, in_pairs.image, atol=1e-5)
    assert together.objective == ("conv2 channel 0", "logit 1", "-(conv1 channel 2)")
    assert [len(row) for row in together] == [1, 1, 1]


def test_the_forward_pass_stops_where_nothing_later_is_read() -> None:
    model = ZOO["plain"]()
    calls = []
    model.network.linear.register_forward_hook(lambda *arguments: calls.append(1))
    visualize(model, objectives.channel("conv1", 0), steps=4)
    assert len(calls) == 1  # once, to trace the layers
    visualize(model, objectives.logit(0), steps=4)
    assert len(calls) > 4


def test_a_layer_called_twice_is_read_at_its_last_call() -> None:
    model = ZOO["reused_relu"]()
    assert torch.isfinite(visualize(model, objectives.channel("relu", 0), steps=2).image).all()
    shared = ZOO["shared_module"]()
    assert torch.isfinite(visualize(shared, objectives.channel("conv2", 0), steps=2).image).all()


def test_an_activation_layer_is_read_before_it() -> None:
    """Minimized after a ReLU, a unit would be 0 and its gradient too; before it, it goes below."""
    model = ZOO["inplace"]()
    made = visualize(model, -objectives.channel("relu", 1), steps=60)
    assert float(made.reached[0]) > 0  # the objective is the negated channel


def test_a_unit_of_a_linear_layer_is_a_channel_and_a_neuron() -> None:
    model = ZOO["plain"]()
    made = visualize(
        model, [objectives.channel("linear", 1), objectives.neuron("linear", 1), objectives.logit(1)], steps=3
    )
    with torch.no_grad():
        scores = model.network.eval()(model.input.feed(made.image))[:, 1]
    assert torch.allclose(made.reached, scores, atol=1e-5)


def test_snapshots_are_kept() -> None:
    made = visualize(ZOO["plain"](), objectives.logit(0), steps=6, snapshots=(0, 2, 99))
    assert sorted(made.snapshots) == [0, 2, 6]
    assert torch.equal(made.snapshots[6], made.image)
    assert not torch.equal(made.snapshots[0], made.image)


class TestObjectives:
    maps = torch.arange(24.0).view(1, 2, 3, 4)
    reading = Reading({"a": maps}, torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[0.2, 0.3, 0.5]]))

    def value(self, objective: objectives.Objective) -> float:
        return float(objective.value(self.reading)[0])

    def test_each_is_its_formula(self) -> None:
        assert self.value(objectives.channel("a", 1)) == pytest.approx(float(self.maps[0, 1].mean()))
        assert self.value(objectives.neuron("a", 1)) == float(self.maps[0, 1, 1, 2])
        assert self.value(objectives.neuron("a", 0, x=3, y=2)) == float(self.maps[0, 0, 2, 3])
        assert self.value(objectives.layer("a")) == pytest.approx(float(self.maps.pow(2).mean()))
        assert self.value(objectives.logit(2)) == 4.0
        assert self.value(objectives.probability(2)) == 0.5
        along = objectives.direction("a", [3.0, 4.0])
        assert self.value(along) == pytest.approx(float((0.6 * self.maps[0, 0] + 0.8 * self.maps[0, 1]).mean()))

    def test_they_add_subtract_scale_and_negate(self) -> None:
        a, b = objectives.logit(0), objectives.logit(2)
        assert self.value(a + b) == 5.0
        assert self.value(a - b) == -3.0
        assert self.value(2 * a + b * 0.5) == 4.0
        assert self.value(-(a + b)) == -5.0
        assert (a - 0.5 * b).name == "logit 0 - 0.5 (logit 2)"
        assert (a - (a + b)).name == "logit 0 - (logit 0 + logit 2)"
        assert (objectives.channel("a", 0) + objectives.channel("b", 0) + a).layers == ("a", "b")
        assert (objectives.channel("a", 0) + a).reads_output
        with pytest.raises(InputError, match="another objective"):
            a + 3
        with pytest.raises(InputError, match="a number"):
            a * b

    @pytest.mark.parametrize(
        ("objective", "error"),
        [
            (objectives.channel("conv1", 4), LayerError),
            (objectives.channel("conv1", -1), LayerError),
            (objectives.neuron("conv1", 0, x=9, y=0), LayerError),
            (objectives.direction("conv1", [1.0, 2.0]), LayerError),
            (objectives.channel("conv9", 0), LayerError),
            (objectives.logit(3), TargetError),
        ],
    )
    def test_what_does_not_exist_is_named(self, objective: objectives.Objective, error: type[XaiError]) -> None:
        with pytest.raises(error, match="expected"):
            visualize(ZOO["plain"](), objective, steps=1)

    def test_directions_that_cannot_be(self) -> None:
        for vector in ([0.0, 0.0], [math.nan, 1.0]):
            with pytest.raises(InputError, match="direction"):
                objectives.direction("a", vector)


class TestTransforms:
    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))

    def draw(self, *moves: transforms.Transform, seed: int = 0) -> torch.Tensor:
        return transforms.resample(self.image, moves, [torch.Generator().manual_seed(seed)])

    def test_nothing_is_nothing(self) -> None:
        assert self.draw() is self.image
        still = self.draw(transforms.jitter(0), transforms.rotation(0), transforms.scaling(1, 1))
        assert torch.allclose(still, self.image, atol=1e-5)

    def test_a_whole_pixel_shift_is_a_roll(self) -> None:
        def two_right(generator: torch.Generator, size: tuple[int, int]) -> torch.Tensor:
            matrix = torch.eye(3)
            matrix[0, 2] = -2 * 2 / size[1]
            return matrix

        moved = self.draw(two_right)
        assert torch.allclose(moved[..., 2:], self.image[..., :-2], atol=1e-5)

    def test_a_quarter_turn_is_a_quarter_turn(self) -> None:
        def quarter(generator: torch.Generator, size: tuple[int, int]) -> torch.Tensor:
            return torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

        turned = self.draw(quarter)
        assert any(torch.allclose(turned, self.image.rot90(times, (2, 3)), atol=1e-5) for times in (1, 3))

    def test_draws_stay_within_their_limits(self) -> None:
        for seed in range(50):
            generator = torch.Generator().manual_seed(seed)
            shift = transforms.jitter(3)(generator, (10, 20))[:2, 2]
            assert abs(float(shift[0])) <= 3 * 2 / 20 + 1e-6
            assert abs(float(shift[1])) <= 3 * 2 / 10 + 1e-6
            turn = transforms.rotation(10)(generator, (10, 10))
            assert abs(math.degrees(math.asin(float(turn[1, 0])))) <= 10 + 1e-4
            assert torch.allclose(turn[:2, :2].det(), torch.tensor(1.0), atol=1e-5)
            assert 0.9 - 1e-6 <= 1 / float(transforms.scaling(0.9, 1.2)(generator, (10, 10))[0, 0]) <= 1.2 + 1e-6

    def test_each_image_has_its_own_draw(self) -> None:
        pair = self.image.repeat(2, 1, 1, 1)
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        moved = transforms.resample(pair, transforms.default((16, 16)), generators)
        assert not torch.allclose(moved[0], moved[1])

    def test_impossible_scaling(self) -> None:
        with pytest.raises(InputError, match="0 < low <= high"):
            transforms.scaling(0, 1)


def test_reference_images_are_measured(digits: Model, digit_images: tuple) -> None:
    made = visualize(
        digits, [objectives.logit(3), objectives.channel("norm3", 1)], steps=64, reference=digit_images[0][:200]
    )
    finding = made.finding("real_images")
    with torch.no_grad():
        logits = digits.network(digits.input.feed(digit_images[0][:200]))[:, 3]
    assert finding.details["real_high"] == pytest.approx(float(logits.max()), rel=1e-4)
    assert finding.details["best"] == logits.topk(3).indices.tolist()
    assert float(made.reached[0]) > float(logits.max())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps"),
        ({"parameters": "wavelets"}, "fourier, pixels, maco"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"size": 1}, "size"),
        ({"size": (4, 4, 4)}, "size"),
        ({"size": 3}, "at least 4 pixels"),
        ({"size": True}, "size"),
        ({"copies": 0}, "copies"),
        ({"copies": 10**30}, "copies: expected all inputs that are made to fit"),
        ({"patience": 1}, "patience"),
        ({"optimizer": "sgd"}, "adam, gradient"),
        ({"bounds": (0, 1)}, "ImageInput has a range"),
        ({"start": torch.rand(2, 2, 8, 8)}, "one for each of 1"),
        ({"start": torch.rand(1, 3, 8, 8)}, "start"),
    ],
)
def test_settings_that_cannot_be(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        visualize(ZOO["plain"](), objectives.logit(0), **{"steps": 1, **settings})


def test_models_and_objectives_that_cannot_be() -> None:
    with pytest.raises(InputError, match="rows to take the shape from"):
        visualize(Model(nn.Linear(3, 2)), objectives.logit(0))
    with pytest.raises(InputError, match="visualize: objective: expected an Objective or several, got"):
        visualize(ZOO["plain"](), lambda reading: reading.scores[:, 0])
    with pytest.raises(InputError, match="an Objective"):
        visualize(ZOO["plain"](), [])
    with pytest.raises(InputError, match="an Objective"):
        visualize(ZOO["plain"](), "conv1")


@pytest.mark.parametrize("wrong", [[1, 2], "3", 1.5, True, None, (0,)])
def test_an_objective_of_several_or_no_units_is_named(wrong: object) -> None:
    """Also its siblings; the message says how several are asked for."""
    made = {
        "channel": lambda: objectives.channel("conv2", wrong),
        "neuron": lambda: objectives.neuron("conv2", wrong),
        "unit": lambda: objectives.unit("gru", wrong),
        "gate": lambda: objectives.gate("gru", "reset", wrong),
        "logit": lambda: objectives.logit(wrong),
        "probability": lambda: objectives.probability(wrong),
    }
    for name, make in made.items():
        with pytest.raises(InputError, match=rf"^{name}: number: expected one whole number .*a list of objectives"):
            make()
    if wrong is not None:
        with pytest.raises(InputError, match=r"^neuron: x: expected one whole number"):
            objectives.neuron("conv2", 0, x=wrong)


def test_a_direction_of_no_numbers_is_named() -> None:
    with pytest.raises(InputError, match="direction: vector: expected numbers"):
        objectives.direction("conv2", ["a"])
    assert objectives.channel("conv2", torch.arange(3).numpy()[2]).name == "conv2 channel 2"


@pytest.mark.parametrize(
    "make",
    [
        lambda: objectives.channel(["conv1", "conv2"], 0),
        lambda: objectives.neuron(["conv1"], 0),
        lambda: objectives.layer(["conv1"]),
        lambda: objectives.direction(["conv1"], [1.0]),
        lambda: objectives.unit(["lstm"], 0),
        lambda: objectives.gate(["lstm"], "forget", 0),
        lambda: objectives.diversity(["conv1"]),
    ],
)
def test_a_list_of_layers_is_named(make: Callable[[], objectives.Objective]) -> None:
    with pytest.raises(LayerError, match="layer: expected the name of one layer"):
        make()
    with pytest.raises(InputError, match="channel: number: expected one whole number"):
        objectives.channel("conv1", [0, 1])


def test_a_kind_that_cannot_be_visualized_is_named() -> None:
    class Sound(TensorInput, frozen=True, tag="sound", tag_field="kind"):
        @property
        def kind(self) -> str:
            return "sound"

    with pytest.raises(InputError, match=r"one with inputs of kind image, .*got kind 'sound'"):
        visualize(Model(nn.Linear(3, 2), input=Sound()), objectives.logit(0))
