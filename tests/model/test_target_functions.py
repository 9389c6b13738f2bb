"""Targets that are no classes: each against the number that it is of, written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import xai
from tests.model.segments import Segments
from xai import ImageInput, Model, SequenceInput, XaiError, targets
from xai.model.written_targets import read_target

Read = Callable[[object], Tensor]


class Slots(nn.Module):
    """Four slots, each with logits of three classes and a box, as DETR's."""

    def __init__(self) -> None:
        super().__init__()
        self.logits, self.boxes = nn.Linear(32, 12), nn.Linear(32, 16)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        flat = x.flatten(1)
        return {"logits": self.logits(flat).view(-1, 4, 3), "pred_boxes": self.boxes(flat).view(-1, 4, 4).sigmoid()}


class Detections(nn.Module):
    """A list of boxes, labels and scores for each image, as torchvision's detectors give; the last image has none."""

    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
        found = []
        for image in x:
            strength = image.flatten(1).mean(1)
            corner = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 4.0, 4.0]])
            labels = torch.tensor([1, 2])
            seen = strength > 0.05
            found.append({"boxes": corner[seen], "labels": labels[seen], "scores": strength[seen]})
        return found


class Steps(nn.Module):
    """A score of two classes at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.GRU(2, 3, batch_first=True)
        self.head = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(x)[0])


def _gradient(network: nn.Module, inputs: Tensor, read: Callable) -> Tensor:
    seen = inputs.clone().requires_grad_()
    return torch.autograd.grad(read(network(seen)).sum(), seen)[0]


MASK = torch.zeros(4, 4, dtype=torch.bool)
MASK[1:3, 2:] = True


@pytest.mark.parametrize(
    ("target", "read", "name"),
    [
        (targets.pixel(1, 2, 2), lambda out: out["out"][:, 2, 1, 2], "car at pixel (1, 2)"),
        (targets.pixel(1, 2, "road"), lambda out: out["out"][:, 1, 1, 2], "road at pixel (1, 2)"),
        (targets.pixel(1, 2, 0, output="aux"), lambda out: out["aux"][:, 0, 1, 2], "sky at pixel (1, 2)"),
        ("pixel:3,0,1", lambda out: out["out"][:, 1, 3, 0], "road at pixel (3, 0)"),
        (targets.region(MASK, "car"), lambda out: out["out"][:, 2][:, MASK].sum(1), "car over a region of 4 pixels"),
        (lambda out: out["aux"].mean((1, 2, 3)), lambda out: out["aux"].mean((1, 2, 3)), "<lambda>"),
        (
            (targets.pixel(0, 0, 1), targets.pixel(0, 0, 2)),
            lambda out: out["out"][:, 1, 0, 0] - out["out"][:, 2, 0, 0],
            "road at pixel (0, 0) rather than car at pixel (0, 0)",
        ),
        ("pixel:0,0,1-pixel:3,3,1", lambda out: out["out"][:, 1, 0, 0] - out["out"][:, 1, 3, 3], None),
    ],
)  # fmt: skip
def test_a_target_is_the_number_that_it_says(
    segments: Model, images: Tensor, target: object, read: Read, name: str | None
) -> None:
    found = xai.saliency(segments, images, target)
    assert torch.allclose(found.values, _gradient(segments.network, images, read).abs(), atol=1e-6)
    assert torch.allclose(found.prediction[:, 0], read(segments.network(images)).detach(), atol=1e-6)
    assert name is None or found.target_name() == name


def test_the_class_of_a_pixel_is_the_one_that_each_row_has(segments: Model, images: Tensor) -> None:
    images = (images - 0.5) * 20
    likeliest = segments.network(images)["out"][:, :, 3, 3].argmax(1).tolist()
    found = xai.saliency(segments, images, targets.pixel(3, 3))
    assert len(set(likeliest)) > 1
    assert found.target == tuple(targets.pixel(3, 3, number) for number in likeliest)


def test_rows_have_targets_of_their_own(segments: Model, images: Tensor) -> None:
    asked = [targets.pixel(0, 0, 0), "pixel:1,1,1", (targets.class_(0), targets.class_(1))]
    with pytest.raises(XaiError, match="2 axes"):  # classes of a network that puts out pixels
        xai.saliency(segments, images, asked)
    found = xai.saliency(segments, images, [*asked[:2], targets.region(MASK, 2)])
    for row, read in enumerate(
        (lambda out: out[:, 0, 0, 0], lambda out: out[:, 1, 1, 1], lambda out: out[:, 2][:, MASK].sum(1))
    ):
        expected = _gradient(segments.network.body, images[row : row + 1], read).abs()
        assert torch.allclose(found.values[row], expected[0], atol=1e-6)
    rows: list[int] = []
    one = xai.saliency(segments, images, lambda output, row: rows.append(row) or output["out"][:, row, row, row])
    assert sorted(set(rows)) == [0, 1, 2]
    expected = _gradient(segments.network.body, images[1:2], lambda out: out[:, 1, 1, 1]).abs()
    assert torch.allclose(one.values[1], expected[0], atol=1e-6)


def test_objects_by_slot_and_by_box(images: Tensor) -> None:
    torch.manual_seed(3)
    model = Model(Slots(), input=ImageInput((2, 4, 4)))
    slot = xai.saliency(model, images, targets.box(1, 2))
    expected = _gradient(model.network, images, lambda out: out["logits"][:, 1, 2]).abs()
    assert torch.allclose(slot.values, expected, atol=1e-6)

    wanted = (0.2, 0.1, 0.8, 0.9)
    output = model.network(images)
    scores = []
    for row in range(3):  # every slot by hand: its share of the score, times how far it overlaps
        values = []
        for box, logits in zip(output["pred_boxes"][row].tolist(), output["logits"][row], strict=True):
            x1, y1, x2, y2 = box[0] - box[2] / 2, box[1] - box[3] / 2, box[0] + box[2] / 2, box[1] + box[3] / 2
            both = max(0, min(x2, 0.8) - max(x1, 0.2)) * max(0, min(y2, 0.9) - max(y1, 0.1))
            union = (x2 - x1) * (y2 - y1) + 0.6 * 0.8 - both
            values.append(float(logits.detach().softmax(0)[1]) * both / union)
        scores.append(max(values))
    found = xai.occlusion(model, images, targets.box(class_=1, match=wanted), window=2, stride=2)
    assert found.prediction[:, 0].tolist() == pytest.approx(scores, abs=1e-6)


def test_detections_that_are_gone_score_nothing(images: Tensor) -> None:
    model = Model(Detections(), input=ImageInput((2, 4, 4)), task="regression")
    images[2] = 0
    target = targets.box(class_=2, match=(0, 0, 2, 2))
    found = xai.occlusion(model, images, target, window=2, stride=2)
    assert found.prediction[:, 0].tolist() == pytest.approx([*(images[:2, 1].mean((1, 2)) * 0.25).tolist(), 0])
    assert xai.saliency(model, images[:2], target).values[:, 0].abs().max() == 0  # the other label's channel


def test_steps_and_tokens() -> None:
    torch.manual_seed(4)
    model, series = Model(Steps(), input=SequenceInput(["a", "b"], 5)), torch.rand(2, 5, 2)
    for target, read in (
        (targets.step(2, 1), lambda out: out[:, 2, 1]),
        (targets.token(-2, 0), lambda out: out[:, -2, 0]),
    ):
        found = xai.saliency(model, series, target)
        assert torch.allclose(found.values, _gradient(model.network, series, read).abs(), atol=1e-6)
    assert xai.saliency(model, series, "step:1,1").values[:, 2:].abs().max() == 0  # a step knows no later ones


def test_outputs_similarity_and_units() -> None:
    torch.manual_seed(5)
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5))
    model, rows = Model(network), torch.rand(3, 3)
    both = xai.saliency(model, rows, targets.outputs([0, 3], reduce="mean"))
    assert torch.allclose(both.values, _gradient(network, rows, lambda out: out[:, [0, 3]].mean(1)).abs(), atol=1e-6)
    inner = xai.saliency(model, rows, targets.unit("1", 2))  # read before the rectifier
    assert torch.allclose(inner.values, network[0].weight[2].abs().expand(3, 3), atol=1e-6)

    reference = torch.tensor([[0.2, 0.9, 0.4]])
    vector = network(reference)[0].detach()
    cosine = lambda out: torch.cosine_similarity(out, vector[None], dim=1)  # noqa: E731
    for target in (targets.similarity(reference), targets.similarity(vector, embedding=True)):
        found = xai.saliency(model, rows, target)
        assert torch.allclose(found.values, _gradient(network, rows, cosine).abs(), atol=1e-6)
    assert len(set(xai.saliency(model, rows, targets.similarity(reference)).target)) == 1
    # of another model it is the similarity to what that one puts out
    torch.manual_seed(6)
    other = Model(nn.Linear(3, 5))
    again = xai.saliency(other, reference, targets.similarity(reference))
    assert float(again.prediction[0, 0]) == pytest.approx(1, abs=1e-6)


METHODS = (
    "saliency", "integrated_gradients", "smoothgrad", "gradient_shap", "deeplift", "lrp", "gradcam", "guided_backprop",
    "occlusion", "kernel_shap", "lime_image",
)  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_method_explains_a_pixel_as_the_same_network_with_that_output(
    segments: Model, images: Tensor, method: str
) -> None:
    """A network whose only output is the pixel is the other way to say it: the same numbers."""
    torch.manual_seed(2)
    network = Segments()
    alone = Model(
        network, task="regression", input=ImageInput((2, 4, 4)),
        forward=lambda module, x: module(x)["out"][:, 1, 2, 2],
    )  # fmt: skip
    explain = getattr(xai, method)
    found, expected = explain(segments, images[:1], targets.pixel(2, 2, 1)), explain(alone, images[:1])
    for one, other in zip(found.values, expected.values, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (targets.pixel(9, 0, 1), r"a pixel within \(4, 4\)"),
        (targets.pixel(0, 0, 3), "a class from 0 to 2"),
        (targets.pixel(0, 0, "tree"), "sky, road, car"),
        (targets.pixel(0, 0, 1, output="logits"), "output: expected one of 'out'"),
        (targets.region(torch.ones(2, 2), 0), r"a mask \(4, 4\)"),
        (targets.step(0, 0), "2 axes"),
        (targets.box(0, 0), "pred_boxes"),
        (targets.unit("body.0", 9), r"a position within \(4, 4, 4\)"),
        (targets.unit("body.7", 0), "one like"),
        ("pixel:1", "with what xai.targets.pixel takes"),
        ("pixel:a,b", "with what xai.targets.pixel takes"),
        ("step:1:2", "a class, or one of"),
        (lambda output: output["out"], r"to be one number for each row"),
        (lambda output: 3.0, r"to be one number for each row"),
        (lambda output: output["nothing"], "KeyError"),
        ([targets.pixel(0, 0, 0)], "one per row"),
        ((targets.pixel(0, 0, 0), 0, 1), "a pair"),
    ],
)  # fmt: skip
def test_what_is_no_target_is_an_error_that_says_so(
    segments: Model, images: Tensor, target: object, words: str
) -> None:
    with pytest.raises(XaiError, match=words) as caught:
        xai.saliency(segments, images, target)
    assert str(caught.value).startswith("saliency: ")


@pytest.mark.parametrize(
    "make",
    [
        lambda: targets.pixel(-1, 0), lambda: targets.region(torch.zeros(2, 2)), lambda: targets.outputs([]),
        lambda: targets.box(), lambda: targets.box(1, match=(0, 0, 1, 1)), lambda: targets.box(match=(0, 0, 1, 1)),
        lambda: targets.box(class_=1, match=(1, 1, 0, 0)), lambda: targets.similarity([0.0], embedding=True),
        lambda: targets.unit("a", ()), lambda: targets.function(3), lambda: targets.outputs("12"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_target_is_refused_when_it_is_made(make: Callable) -> None:
    with pytest.raises(XaiError, match=r"^targets\."):
        make()


@pytest.mark.parametrize("written", ["pixel:40,60", "pixel:40,60,3", "unit:features.3,5,1,2", "token:-1,7-token:-1,9",
                                     "outputs:1,2,mean", "box:7,2", "step:-2", "class_:3"])  # fmt: skip
def test_what_is_written_is_read_again(written: str) -> None:
    assert read_target(written).written == written


def test_a_layer_of_a_network_without_scores_is_read_and_explained(segments: Model, images: Tensor) -> None:
    """The pass that only reads the layer has no output for the target to be read from."""
    name = next(name for name, module in segments.network.named_modules() if isinstance(module, nn.Conv2d))
    layer, kept = segments.network.get_submodule(name), []
    handle = layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    out = segments.network(images)
    handle.remove()
    assert torch.equal(segments.activations(images, name), kept[0])
    found = xai.gradient(segments, images, targets.pixel(1, 2, 2), layer=name)
    assert torch.allclose(found.values, torch.autograd.grad(out["out"][:, 2, 1, 2].sum(), kept[0])[0], atol=1e-6)
