"""Receptive fields against what a gradient reaches in networks whose weights are all positive."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.backbones import BACKBONES, backbone
from xai.attribution.gradient_methods import saliency
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.model.receptive_fields import receptive_fields
from xai.network.receptive import receptive_field, side_axes


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.long = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU(), nn.Conv2d(1, 1, 5, padding=2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.long(x)


NETWORKS = {
    "one": (nn.Conv2d(1, 1, 3), (3, 3)),
    "uneven": (nn.Conv2d(1, 1, (3, 5), dilation=(2, 1)), (5, 5)),
    "pooled": (nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3)), (8, 8)),
    "strided": (
        nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.AvgPool2d(3, 2), nn.BatchNorm2d(1), nn.Conv2d(1, 1, 3)),
        (15, 15),
    ),
    "residual": (nn.Sequential(Residual(), nn.MaxPool2d(2), Residual()), (20, 20)),
    "global": (nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1)), (None, None)),
    "linear": (nn.Sequential(nn.Flatten(), nn.Linear(48 * 48, 3)), (None, None)),
    "upsampled": (nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2)), (None, None)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_what_a_gradient_reaches(name: str) -> None:
    network, wanted = NETWORKS[name]
    for parameter in network.eval().parameters():
        nn.init.constant_(parameter, 0.1)
    image = torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(0)).requires_grad_()
    output = network(image)
    assert receptive_field(output, image) == wanted
    if None in wanted:
        return
    reached = torch.zeros(48, 48, dtype=torch.bool)
    for seed in range(12):  # a maximum passes the gradient to one place at a time
        image = torch.rand(1, 1, 48, 48, generator=torch.Generator().manual_seed(seed)).requires_grad_()
        output = network(image)
        middle = output[0, 0, output.shape[2] // 2, output.shape[3] // 2]
        reached |= torch.autograd.grad(middle, image)[0][0, 0] != 0
    rows, columns = (torch.where(reached.any(axis))[0] for axis in (1, 0))
    assert (int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1) == wanted


def test_a_model_knows_those_of_its_layers() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 5 * 5, 2)
    )
    assert receptive_fields(Model(network, input=ImageInput((1, 12, 12)))) == {
        "0": (3, 3),
        "1": (3, 3),
        "2": (4, 4),
        "3": (4, 4),
        "4": (None, None),
    }


# Rectifiers and maxima pass a gradient to some places only: what can be reached shows where all pass some.
SMOOTH = (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.GELU)
# Behind these a position may see all of the image, and does; behind what is not here it sees a part.
WHOLE_FROM = {
    "mobilenet_v3": "3.body.6", "efficientnet": "3.body.6", "regnet_y": "3.body.6", "mean_gate": "3.body.6",
    "ghostnet": "1.body.1", "poolformer": "1.body.0", "bit": "1.body.1",
}  # fmt: skip
GROWS = [name for name in BACKBONES if name not in ("unet", "vit", "swin", "mlp_mixer", "coatnet")]


@pytest.mark.parametrize("name", GROWS)
def test_every_layer_of_a_backbone_sees_what_a_gradient_reaches(name: str) -> None:
    network = _smooth(backbone(name)).double()
    side = 40
    image = torch.rand(1, 2, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    image.requires_grad_()
    outputs: dict[str, torch.Tensor] = {}
    for layer, module in network.named_modules():
        module.register_forward_hook(lambda module, inputs, output, layer=layer: outputs.update({layer: output}))
    known: dict = {}
    network(image)
    whole = [layer for layer in outputs if layer.startswith(WHOLE_FROM.get(name, "no layer"))]
    for layer, output in outputs.items():
        if output.ndim != 4 or output.shape[2] < 5:
            continue
        axes = side_axes(output, image)
        assert axes == ((2, 3) if output.shape[2] == output.shape[3] else (1, 2)), layer
        place = [slice(None)] * 4
        for axis in axes:
            place[axis] = output.shape[axis] // 2
        mixture = output[tuple(place)].flatten()
        mixture = (mixture * torch.linspace(1, 2, len(mixture), dtype=mixture.dtype)).sum()
        reached = torch.autograd.grad(mixture, image, retain_graph=True)[0][0].abs().sum(0) != 0
        found = tuple(
            int(places.max() - places.min()) + 1 for places in (torch.where(reached.any(axis))[0] for axis in (1, 0))
        )
        field = receptive_field(output, image, known)
        assert found == ((side, side) if field == (None, None) else field), layer
        assert layer not in whole or field == (None, None), layer


def _smooth(network: nn.Module) -> nn.Module:
    for name, module in list(network.named_modules()):
        if isinstance(module, SMOOTH):
            network.set_submodule(name, nn.Softplus())
        elif isinstance(module, nn.MaxPool2d):
            network.set_submodule(name, nn.AvgPool2d(module.kernel_size, module.stride, module.padding))
    return network


CUT = {
    "slices": (lambda x: x[:, :, 1::2, 2:], (1, 1), (2, 3)),
    "merged": (lambda x: torch.cat([x[:, :, a::2, b::2] for a in (0, 1) for b in (0, 1)], 1), (2, 2), (2, 3)),
    "shifted": (lambda x: x[:, :, :-3] + x[:, :, 3:], (4, 1), (2, 3)),
    "folded": (lambda x: nn.functional.pixel_unshuffle(x, 2), (2, 2), (2, 3)),
    "last": (lambda x: x.permute(0, 2, 3, 1), (1, 1), (1, 2)),
    "tokens": (lambda x: x.flatten(2).transpose(1, 2).reshape(1, 12, 12, 2), (1, 1), (1, 2)),
    "rows": (lambda x: x.mean(3), (1, None), None),
    "softmax": (lambda x: x.softmax(2), (None, 1), (2, 3)),
    "instance": (lambda x: nn.functional.instance_norm(x), (None, None), (2, 3)),
    "turned": (lambda x: x.permute(0, 3, 2, 1), (1, 1), (2, 1)),
}


@pytest.mark.parametrize("name", CUT)
def test_sides_are_followed_through_views(name: str) -> None:
    change, wanted, axes = CUT[name]
    image = torch.rand(1, 2, 12, 12).requires_grad_()
    output = change(image * 1)
    assert receptive_field(output, image) == wanted
    assert side_axes(output, image) == axes


class Odd(torch.autograd.Function):
    """An operation that nothing is known of."""

    @staticmethod
    def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


def test_what_is_not_known_stops_no_explanation(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return Odd.apply(x)

    body = [nn.Conv2d(1, 2, 3), Own(), nn.GroupNorm(1, 2), nn.Conv2d(2, 2, 1)]
    model = Model(nn.Sequential(*body, nn.Flatten(), nn.Linear(200, 2)), input=ImageInput((1, 12, 12)))
    fields = receptive_fields(model)
    assert fields["0"] == (3, 3)
    assert fields["1"] == fields["3"] == (None, None)
    monkeypatch.setattr("xai.network.receptive.through", None)  # nobody who explains asks for a receptive field
    assert saliency(model, torch.rand(2, 1, 12, 12)).values.shape == (2, 1, 12, 12)
    assert model.predict(torch.rand(2, 1, 12, 12)).shape == (2, 2)


def test_other_inputs_than_images_have_none() -> None:
    assert receptive_fields(Model(nn.Linear(3, 2))) == {}
