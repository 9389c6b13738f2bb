"""Networks of torchvision and timm come with what was published for them; nothing is downloaded."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import xai
from tests import optional
from xai.adapters.preprocessing import published_input
from xai.base.errors import InputError


def small_vit() -> nn.Module:
    network = optional.torchvision().models.VisionTransformer(
        image_size=32, patch_size=16, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=16, num_classes=4
    )
    nn.init.normal_(network.heads.head.weight)  # torchvision begins with zeros
    return network


def small_swin() -> nn.Module:
    return optional.torchvision().models.SwinTransformer([4, 4], 12, [1, 1], [1, 2], [2, 2], num_classes=4)


def resnet() -> xai.Model:
    optional.torchvision()
    return xai.from_torchvision("resnet18", size=32, num_classes=4)


def convnext() -> xai.Model:
    optional.timm()
    return xai.from_timm("test_convnext", size=32, num_classes=4)


MODELS: dict[str, Callable[[], xai.Model]] = {
    "resnet18": resnet,
    "vision transformer": lambda: xai.from_torchvision(small_vit()),
    "swin": lambda: xai.from_torchvision(small_swin(), size=32),
    "convnext": convnext,
}


@pytest.mark.parametrize("name", MODELS)
def test_each_is_explained(name: str) -> None:
    model = MODELS[name]()
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (model.input.mean, model.input.std))
    network = model.network.eval()
    pixels = images.clone().requires_grad_()
    answers = network((pixels - mean) / std)
    assert torch.allclose(model.predict(images), answers.softmax(1).detach(), atol=1e-6)
    (slope,) = torch.autograd.grad(answers[:, 1].sum(), pixels)
    explanation = xai.input_x_gradient(model, images, 1)
    assert torch.allclose(explanation.values, slope * images, atol=1e-5)
    assert float(explanation.values.abs().max()) > 0


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an image file of an odd size whose pixels are smooth, so that resizing them says something."""
    rows, columns = np.mgrid[:101, :157]
    pixels = np.stack([np.sin(rows / 9) * 120 + 128, columns * 1.5, np.cos((rows + columns) / 14) * 90 + 100], 2)
    path = tmp_path_factory.mktemp("picture") / "smooth.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def transposed(path: Path, folder: Path) -> Path:
    Image.open(path).transpose(Image.Transpose.TRANSPOSE).save(folder / "tall.png")
    return folder / "tall.png"


@pytest.mark.parametrize(("crop", "resize"), [(64, 73), (50, 50), (31, 90)])
def test_files_are_read_as_torchvision_reads_them(picture: Path, tmp_path: Path, crop: int, resize: int) -> None:
    optional.torchvision()
    from torchvision.transforms._presets import ImageClassification
    from torchvision.transforms.functional import InterpolationMode

    usual = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.25)}
    for path in (picture, transposed(picture, tmp_path)):
        for how in ("bilinear", "bicubic", "nearest"):
            theirs = ImageClassification(
                crop_size=crop, resize_size=resize, interpolation=InterpolationMode(how), **usual
            )(Image.open(path))
            own = published_input({"crop": crop, "resize": resize, "interpolation": how, **usual})
            assert torch.allclose(own.feed(xai.read_image(path, own))[0], theirs, atol=1e-6)


@pytest.mark.parametrize("name", ["test_convnext", "test_vit", "vit_base_patch16_siglip_224"])
def test_files_are_read_as_timm_reads_them(picture: Path, name: str) -> None:
    """By the published part in the middle, and the whole picture squashed (siglip)."""
    timm = optional.timm()
    network = nn.Module()
    network.pretrained_cfg = timm.get_pretrained_cfg(name).to_dict()
    config = timm.data.resolve_model_data_config(network)
    theirs = timm.data.create_transform(**config, is_training=False)(Image.open(picture))
    own = xai.from_timm(network).input
    assert own.shape == config["input_size"]
    assert torch.allclose(own.feed(xai.read_image(picture, own))[0], theirs, atol=1e-6)


def test_published_sizes_and_names() -> None:
    weights = optional.torchvision().models
    swin = xai.from_torchvision(nn.Flatten(), weights.Swin_T_Weights.DEFAULT)
    assert (swin.input.shape, swin.input.resize, swin.input.interpolation) == ((3, 224, 224), 232, "bicubic")
    inception = xai.from_torchvision(nn.Flatten(), "Inception_V3_Weights.DEFAULT", size=75)
    assert (inception.input.shape, inception.input.resize) == ((3, 75, 75), 86)  # 342 of 299 pixels
    assert swin.classes[:2] == ["tench", "goldfish"]
    assert len(set(swin.classes)) == 1000
    assert xai.from_torchvision(nn.Linear(2, 7), "ResNet18_Weights.DEFAULT").classes is None
    named = xai.from_torchvision("squeezenet1_0", size=32)
    assert (named.name, named.classes[1], named.network.training) == ("squeezenet1_0", "goldfish", False)
    known = xai.from_timm(optional.timm().create_model("test_resnet"))
    assert known.classes[1] == "goldfish, Carassius auratus"
    assert (known.name, known.input.shape) == ("test_resnet", (3, 160, 160))
    assert xai.from_timm("test_resnet", num_classes=3).classes is None


def test_weights_come_from_the_cache_and_from_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = optional.torchvision().models
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_, **__: pytest.fail("a download"))
    with pytest.raises(InputError, match=r"them at .*squeezenet1_1-.*pth, since nothing is downloaded here"):
        xai.from_torchvision("squeezenet1_1", "DEFAULT")
    (tmp_path / "checkpoints").mkdir()
    file = tmp_path / "checkpoints" / models.SqueezeNet1_1_Weights.DEFAULT.url.rpartition("/")[2]
    stored = models.squeezenet1_1().state_dict()
    torch.save(stored, file)
    read = xai.from_torchvision("squeezenet1_1", "DEFAULT").network.state_dict()
    assert all(torch.equal(read[name], value) for name, value in stored.items())
    torch.save({"other": torch.zeros(1)}, file)
    with pytest.raises(InputError, match="weights: expected those of this network"):
        xai.from_torchvision("squeezenet1_1", "DEFAULT")


REFUSED = [
    (lambda: xai.from_torchvision("resnet"), "network: expected a name of torchvision"),
    (lambda: xai.from_torchvision(3), "network: expected a name or a torch.nn.Module"),
    (lambda: xai.from_torchvision("resnet18", "IMAGENET1K_V9"), "weights: expected one of IMAGENET1K_V1"),
    (lambda: xai.from_torchvision("resnet18", 3), "weights: expected published weights"),
    (lambda: xai.from_torchvision("resnet18", wide=3), "arguments: expected those of resnet18"),
    (lambda: xai.from_torchvision("resnet18", pretrained=True), "pretrained: expected none"),
    (lambda: xai.from_torchvision(nn.Flatten(), num_classes=3), "num_classes: expected arguments with a name only"),
    (lambda: xai.from_torchvision(nn.Flatten(), "DEFAULT"), "weights: expected 'ResNet50_Weights"),
    (lambda: xai.from_torchvision("fasterrcnn_resnet50_fpn"), "from an image to scores of classes"),
    (lambda: xai.from_torchvision("raft_small"), "from an image to scores of classes"),
    (lambda: xai.from_torchvision("r3d_18"), "from an image to scores of classes"),
    (lambda: xai.from_timm("resnet"), "network: expected a name of timm"),
    (lambda: xai.from_timm("hf-hub:timm/resnet18.a1_in1k"), "network: expected a name of timm"),
    (lambda: xai.from_timm("local-dir:."), "network: expected a name of timm"),
    (lambda: xai.from_timm("resnet18", pretrained=True), "pretrained: expected none: nothing is downloaded here"),
    (lambda: xai.from_timm("resnet18", checkpoint_path="x"), "checkpoint_path: expected none"),
    (lambda: xai.from_timm("resnet18", wide=3), "arguments: expected those of resnet18"),
    (lambda: xai.from_timm(nn.Flatten()), "network: expected a network of timm"),
    (lambda: xai.from_timm(3), "network: expected a name or a torch.nn.Module"),
]


@pytest.mark.parametrize(("call", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_is_no_network_is_named(call: Callable[[], xai.Model], said: str) -> None:
    optional.timm()
    with pytest.raises(InputError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["torchvision", "timm"])
def test_a_package_that_is_not_there_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Absent(name), *sys.meta_path])
    with pytest.raises(InputError, match=r"none: pip install 'xai-toolkit\[vision\]'"):
        getattr(xai, f"from_{name}")("resnet18")


class Absent:
    def __init__(self, name: str) -> None:
        self.name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == self.name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_an_installation_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = list(sys.modules)
    for module in [module for module in loaded if module.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, module)
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision/__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms\\ndoes not exist')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="RuntimeError: operator torchvision::nms does not exist"):
        xai.from_torchvision("resnet18")
