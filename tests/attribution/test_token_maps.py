"""Grad-CAM and occlusion where a layer puts out tokens, and Grad-CAM of series and volumes."""

from __future__ import annotations

import captum.attr
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xai.attribution.activation_maps import gradcam, guided_gradcam
from xai.attribution.cam_variants import gradcam_plus_plus, hirescam, layercam, scorecam
from xai.attribution.occlusion import occlusion
from xai.base.errors import InputError, XaiError
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.model.model import Model


class Tokens(nn.Module):
    """4 x 2 patches of 2 x 2 pixels, other tokens around them, one block; the first token or the mean is read."""

    def __init__(self, before: int = 1, behind: int = 0, mean: bool = False) -> None:
        super().__init__()
        self.patches, self.mean = nn.Conv2d(1, 6, 2, 2), mean
        self.before, self.behind = (nn.Parameter(torch.randn(1, count, 6)) for count in (before, behind))
        self.norm1, self.attention = nn.LayerNorm(6), nn.MultiheadAttention(6, 2, batch_first=True)
        self.norm2, self.mlp, self.norm = nn.LayerNorm(6), nn.Linear(6, 6), nn.LayerNorm(6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        around = [part.expand(len(x), -1, -1) for part in (self.before, self.behind)]
        tokens = torch.cat([part for part in (around[0], tokens, around[1]) if part.shape[1]], 1)
        inner = self.norm1(tokens)
        tokens = tokens + self.attention(inner, inner, inner)[0]
        tokens = self.norm(tokens + self.mlp(self.norm2(tokens)))
        return self.head(tokens.mean(1) if self.mean else tokens[:, 0])


def model(**settings: object) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return Model(Tokens(**settings).eval(), input=ImageInput((1, 8, 4)))


def images(count: int = 3) -> Tensor:
    return torch.rand(count, 1, 8, 4, generator=torch.Generator().manual_seed(0))


def by_hand(made: Model, layer: str, before: int, target: int = 1) -> Tensor:
    """Grad-CAM from the definition: a hook on the layer, patches cut out, resized."""
    seen: list[Tensor] = []
    handle = getattr(made.network, layer).register_forward_hook(lambda module, inputs, output: seen.append(output))
    score = made.network(images())[:, target].sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(score, seen[0])
    maps, slopes = (part[:, before : before + 8].detach() for part in (seen[0], gradient))
    cam = (maps * slopes.mean(1, keepdim=True)).sum(2).relu().view(-1, 1, 4, 2)
    return interpolate(cam, size=(8, 4), mode="bilinear", align_corners=False)[:, 0]


@pytest.mark.parametrize(
    ("settings", "layer", "before"),
    [
        ({}, "norm1", 1),
        ({"before": 5}, "norm1", 5),
        ({"before": 1, "behind": 0, "mean": True}, "norm", 1),
        ({"before": 0, "mean": True}, "norm", 0),
    ],
)
def test_the_default_is_the_last_norm_whose_patches_are_read(settings: dict, layer: str, before: int) -> None:
    made = model(**settings)
    found = gradcam(made, images(), 1)
    assert found.options["layer"] == layer
    assert found.options["run"] == {**found.options["run"], "grid": [4, 2], "tokens_before": before}
    assert torch.allclose(found.values, by_hand(made, layer, before), atol=1e-6)
    assert any(bool(gradcam(made, images(), target).values.any()) for target in range(3))
    assert guided_gradcam(made, images(), 1).options["layer"] == layer


def test_patches_that_are_not_found_are_asked_for() -> None:
    made = model(behind=2)
    with pytest.raises(InputError, match=r"gradcam: reshape: expected a function, or \(tokens before"):
        gradcam(made, images(), 1, layer="norm1")
    given = gradcam(made, images(), 1, layer="norm1", reshape=(1, 4, 2))
    assert torch.allclose(given.values, by_hand(made, "norm1", 1), atol=1e-6)
    cut = gradcam(made, images(), 1, layer="norm1", reshape=lambda x: x[:, 1:9].transpose(1, 2).unflatten(2, (4, 2)))
    assert torch.equal(cut.values, given.values)
    assert given.options["reshape"] == [1, 4, 2]
    assert cut.options["reshape"] == "given"
    # Every other way to weigh maps finds them as Grad-CAM does: at a grid that is told, and at one that is found.
    for method in (gradcam_plus_plus, layercam, hirescam, scorecam):
        told = method(made, images(), 1, layer=["norm1"], reshape=(1, 4, 2))
        assert told.values.shape == (3, 8, 4), method
        assert bool(told.values.any()), method
        assert told.options["reshape"] == [1, 4, 2], method


@pytest.mark.parametrize(
    "reshape", [(1, 4, 3), (1,), (-1, 4, 2), (1, 0, 2), "nasty", 3, lambda x: x[0], lambda x: 1 / 0, (1, 8)]
)
def test_a_reshape_that_cannot_be_is_named(reshape: object) -> None:
    with pytest.raises(XaiError, match="gradcam: reshape: expected"):
        gradcam(model(), images(), 1, layer="norm1", reshape=reshape)
    with pytest.raises(XaiError, match="gradcam: layer: expected the name"):
        gradcam(model(), images(), 1, reshape=reshape)


def test_occlusion_hides_windows_of_patches_and_leaves_the_class_token() -> None:
    made = model()
    found = occlusion(made, images(), 1, layer="norm1", window=1)
    assert found.values.shape == (3, 9, 6)
    assert not found.values[:, 0].any()
    network, falls = made.network, torch.zeros(3, 8)
    plain = network(images())[:, 1]
    for patch in range(8):

        def hide(module: nn.Module, inputs: tuple, output: Tensor, patch: int = patch) -> Tensor:
            output = output.clone()
            output[:, 1 + patch] = 0
            return output

        handle = network.norm1.register_forward_hook(hide)
        falls[:, patch] = (plain - network(images())[:, 1]).detach()
        handle.remove()
    assert torch.allclose(found.values[:, 1:].sum(2), falls, atol=1e-5)
    heat = interpolate(falls.view(3, 1, 4, 2), size=(8, 4), mode="bilinear", align_corners=False)[:, 0]
    assert torch.allclose(found.heatmap(), heat, atol=1e-5)
    wide = occlusion(made, images(), 1, layer="norm1", window=(4, 2))
    assert torch.allclose(wide.values[:, 1], wide.values[:, 8])
    unknown = model(behind=2)
    by_hand_too = occlusion(unknown, images(), 1, layer="norm1", reshape=(1, 4, 2), window=1)
    assert not by_hand_too.values[:, [0, 9, 10]].any()
    with pytest.raises(XaiError, match="occlusion: reshape: expected"):
        occlusion(unknown, images(), 1, reshape=(1, 4, 2))


def _captum(network: nn.Module, layer: nn.Module, batch: Tensor) -> Tensor:
    return captum.attr.LayerGradCam(network, layer).attribute(batch, target=1, relu_attributions=True).detach()


def test_series_along_the_last_axis_and_the_first_are_those_of_captum() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        body = [nn.Conv1d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 5, 3, padding=1), nn.ReLU()]
        network = nn.Sequential(*body, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(5, 3)).eval()
        batch = torch.randn(3, 2, 12)
    right = interpolate(_captum(network, network[4], batch), size=12, mode="linear", align_corners=False)
    made = gradcam(Model(network), batch, 1)
    assert made.options["layer"] == "4"
    assert torch.allclose(made.values, right.expand(-1, 2, -1), atol=1e-6)

    class StepsFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x.transpose(1, 2))

    steps = Model(StepsFirst().eval(), input=SequenceInput(["u", "v"], 12))
    made = gradcam(steps, batch.transpose(1, 2).contiguous(), 1)
    assert torch.allclose(made.values, right[:, 0], atol=1e-6)
    assert guided_gradcam(steps, batch.transpose(1, 2).contiguous(), 1).values.shape == (3, 12, 2)


def test_volumes_are_those_of_captum() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        body = [nn.Conv3d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2), nn.Conv3d(3, 4, 3, padding=1), nn.ReLU()]
        network = nn.Sequential(*body, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
        batch = torch.randn(2, 1, 6, 4, 8)
    right = interpolate(_captum(network, network[4], batch), size=(6, 4, 8), mode="trilinear", align_corners=False)
    made = gradcam(Model(network), batch, 1)
    assert torch.allclose(made.values, right[:, 0], atol=1e-6)
    assert guided_gradcam(Model(network), batch, 1).values.shape == batch.shape
