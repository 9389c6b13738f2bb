"""Small versions of the image networks in use: what torchvision, timm and segmentation models put together.

Every one takes a batch of 2 x 8 x 8 images and puts out three scores.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from tests.backbone_blocks import (
    Attention,
    Concatenated,
    First,
    Ghost,
    LayerNorm2d,
    MeanGate,
    MergedPatches,
    Permute,
    PoolMixer,
    Residual,
    Scaled,
    Shuffled,
    SqueezeExcite,
    StandardizedConv2d,
    Tokens,
    UNet,
    Windows,
    convolved,
    headed,
)


def _inverted(act: Callable[[], nn.Module], *gate: nn.Module) -> nn.Sequential:
    """Return an inverted residual block behind a stem: wider, by depth, gated, narrow again."""
    block = [
        *convolved(4, 8, 1, act()),
        *convolved(8, 8, 3, act(), groups=8),
        *gate,
        *convolved(8, 4, 1, nn.Identity()),
    ]
    return headed(*convolved(2, 4, 3, act(), stride=2), Residual(*block), *convolved(4, 8, 1, act()), channels=8)


def _bottleneck(groups: int, *gate: nn.Module) -> nn.Sequential:
    block = [*convolved(8, 8, 1, nn.ReLU(True)), *convolved(8, 8, 3, nn.ReLU(True), groups), *gate]
    last = [*convolved(8, 8, 1, nn.Identity())]
    return headed(*convolved(2, 8, 3, nn.ReLU(True)), Residual(*block, *last), nn.ReLU(True), channels=8)


def _fire() -> nn.Sequential:
    squeeze = [nn.Conv2d(4, 2, 1), nn.ReLU(True)]
    wide = Concatenated(
        nn.Sequential(nn.Conv2d(2, 4, 1), nn.ReLU(True)), nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(True))
    )
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(True), nn.MaxPool2d(3, 2, ceil_mode=True), *squeeze, wide,
        nn.Dropout(), nn.Conv2d(8, 3, 1), nn.ReLU(True), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


def _dense() -> nn.Sequential:
    def layer(channels: int) -> nn.Module:
        body = [nn.BatchNorm2d(channels), nn.ReLU(True), nn.Conv2d(channels, 2, 3, padding=1, bias=False)]
        return Concatenated(nn.Identity(), nn.Sequential(*body))

    transition = [nn.BatchNorm2d(8), nn.ReLU(True), nn.Conv2d(8, 4, 1, bias=False), nn.AvgPool2d(2)]
    return headed(nn.Conv2d(2, 4, 3, padding=1), layer(4), layer(6), *transition, layer(4), channels=6)


def _convnext(mlp: Callable[[], list[nn.Module]]) -> nn.Sequential:
    """Return the block as torchvision has it (permuted, linear layers) or as timm may (1 x 1 convolutions)."""
    block = Residual(nn.Conv2d(8, 8, 3, padding=1, groups=8), *mlp(), Scaled(8))
    stem = [nn.Conv2d(2, 8, 2, 2), LayerNorm2d(8)]
    return headed(*stem, block, LayerNorm2d(8), nn.Conv2d(8, 8, 2, 2), LayerNorm2d(8), channels=8)


def _mlp_linear() -> list[nn.Module]:
    inner = [nn.LayerNorm(8, eps=1e-6), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)]
    return [Permute(0, 2, 3, 1), *inner, Permute(0, 3, 1, 2)]


def _mlp_convolved() -> list[nn.Module]:
    return [LayerNorm2d(8), nn.Conv2d(8, 16, 1), nn.GELU(), nn.Conv2d(16, 8, 1)]


def _poolformer() -> nn.Sequential:
    mix = Residual(nn.GroupNorm(1, 8), PoolMixer(), Scaled(8))
    mlp = Residual(nn.GroupNorm(1, 8), nn.Conv2d(8, 16, 1), nn.GELU(), nn.Conv2d(16, 8, 1), Scaled(8))
    return headed(nn.Conv2d(2, 8, 3, 2, 1), mix, mlp, nn.GroupNorm(1, 8), channels=8)


def _bit() -> nn.Sequential:
    body = [nn.GroupNorm(2, 8), nn.ReLU(True), StandardizedConv2d(8, 4, 1, bias=False)]
    body += [nn.GroupNorm(2, 4), nn.ReLU(True), StandardizedConv2d(4, 8, 3, padding=1, bias=False)]
    return headed(StandardizedConv2d(2, 8, 3, padding=1), Residual(nn.Identity(), *body), nn.GroupNorm(2, 8), nn.ReLU(),
                  channels=8)  # fmt: skip


def _inception() -> nn.Sequential:
    branches = [
        convolved(4, 2, 1, nn.ReLU(True)),
        [*convolved(4, 2, 1, nn.ReLU(True)), *convolved(2, 2, 3, nn.ReLU(True)), *convolved(2, 2, 3, nn.ReLU(True))],
        [nn.Conv2d(4, 2, (1, 3), padding=(0, 1)), nn.Conv2d(2, 2, (3, 1), padding=(1, 0)), nn.ReLU(True)],
        [nn.AvgPool2d(3, 1, 1), nn.Conv2d(4, 2, 1), nn.ReLU(True)],
    ]
    many = Concatenated(*(nn.Sequential(*branch) for branch in branches))
    return headed(*convolved(2, 4, 3, nn.ReLU(True)), many, nn.MaxPool2d(3, 2), channels=8)


def _vgg() -> nn.Sequential:
    maps = [*convolved(2, 4, 3, nn.ReLU(True)), nn.MaxPool2d(2), *convolved(4, 8, 3, nn.ReLU(True)), nn.MaxPool2d(2)]
    return nn.Sequential(
        *maps, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 8), nn.ReLU(True), nn.Dropout(), nn.Linear(8, 3)
    )


def _encoder(channels: int, mixer: nn.Module) -> list[nn.Module]:
    mlp = [nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)]
    return [Residual(nn.LayerNorm(channels), mixer), Residual(*mlp)]


def _vit() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 8, 2, 2), Tokens(8, 16), *_encoder(8, Attention(8)), nn.LayerNorm(8), First(), nn.Linear(8, 3)
    )


def _swin() -> nn.Sequential:
    stem = [nn.Conv2d(2, 8, 2, 2), Permute(0, 2, 3, 1), nn.LayerNorm(8)]
    body = [*_encoder(8, Windows(8)), *_encoder(8, Windows(8, 1)), MergedPatches(8), *_encoder(16, Windows(16))]
    tail = [nn.LayerNorm(16), Permute(0, 3, 1, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)]
    return nn.Sequential(*stem, *body, *tail)


def _mixer() -> nn.Sequential:
    tokens = nn.Sequential(Permute(0, 2, 1), nn.Linear(16, 16), nn.GELU(), nn.Linear(16, 16), Permute(0, 2, 1))
    flat = [nn.Flatten(2), Permute(0, 2, 1), *_encoder(8, tokens), nn.LayerNorm(8), Permute(0, 2, 1)]
    return nn.Sequential(nn.Conv2d(2, 8, 2, 2), *flat, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 3))


def _coatnet() -> nn.Sequential:
    block = [*convolved(4, 8, 1, nn.GELU()), *convolved(8, 8, 3, nn.GELU(), 8), SqueezeExcite(8), nn.Conv2d(8, 4, 1)]
    flat = [nn.Conv2d(4, 8, 2, 2), nn.Flatten(2), Permute(0, 2, 1), *_encoder(8, Attention(8)), Permute(0, 2, 1)]
    maps = [nn.Unflatten(2, (4, 4)), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)]
    return nn.Sequential(*convolved(2, 4, 3, nn.GELU()), Residual(*block), *flat, *maps)


BACKBONES: dict[str, Callable[[], nn.Module]] = {
    "mobilenet_v2": lambda: _inverted(lambda: nn.ReLU6(inplace=True)),
    "mobilenet_v3": lambda: _inverted(lambda: nn.Hardswish(inplace=True), SqueezeExcite(8, functional.hardsigmoid)),
    "efficientnet": lambda: _inverted(lambda: nn.SiLU(inplace=True), SqueezeExcite(8)),
    "resnext": lambda: _bottleneck(4),
    "regnet_y": lambda: _bottleneck(4, SqueezeExcite(8)),
    "mean_gate": lambda: _bottleneck(1, MeanGate()),
    "shufflenet": lambda: headed(*convolved(2, 8, 3, nn.ReLU(True), stride=2), Shuffled(8), Shuffled(8), channels=8),
    "ghostnet": lambda: headed(Ghost(2, 8), Residual(Ghost(8, 8), SqueezeExcite(8)), channels=8),
    "squeezenet": _fire,
    "densenet": _dense,
    "inception": _inception,
    "vgg_bn": _vgg,
    "convnext_torchvision": lambda: _convnext(_mlp_linear),
    "convnext_timm": lambda: _convnext(_mlp_convolved),
    "poolformer": _poolformer,
    "bit": _bit,
    "unet": UNet,
    "vit": _vit,
    "swin": _swin,
    "mlp_mixer": _mixer,
    "coatnet": _coatnet,
}


def backbone(name: str) -> nn.Module:
    """Return a network in eval mode, with statistics of its batch norms as after training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        network = BACKBONES[name]().eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    return network
