"""Blocks of the image networks in use, each written small; `tests.backbones` puts them together."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Concatenated(nn.Module):
    """What several branches put out, channel behind channel."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class SqueezeExcite(nn.Module):
    """Each channel times a gate that reads the global means of all: by 1 x 1 convolutions, as torchvision has it."""

    def __init__(self, channels: int, gate: Callable[[Tensor], Tensor] = torch.sigmoid) -> None:
        super().__init__()
        self.gate = gate
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce, self.act, self.expand = nn.Conv2d(channels, 2, 1), nn.ReLU(), nn.Conv2d(2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.expand(self.act(self.reduce(self.pool(x)))))


class MeanGate(nn.Module):
    """The same, with the mean and one convolution over the channels, as in timm (ECA)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.conv(x.mean((2, 3))[:, None]).sigmoid()
        return x * gate.view(len(x), -1, 1, 1).expand_as(x)


class Shuffled(nn.Module):
    """ShuffleNet V2: half of the channels go through, half are worked on, then all are shuffled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            *convolved(half, half, 1, nn.ReLU(inplace=True)),
            *convolved(half, half, 3, nn.Identity(), groups=half),
            *convolved(half, half, 1, nn.ReLU(inplace=True)),
        )

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=1)
        both = torch.cat([left, self.branch(right)], 1)
        count, channels, height, width = both.shape
        both = both.view(count, 2, channels // 2, height, width)
        return both.transpose(1, 2).contiguous().view(count, channels, height, width)


class Ghost(nn.Module):
    """GhostNet: half of the maps by a convolution, the other half cheaply from those."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.primary = nn.Sequential(*convolved(before, half, 1, nn.ReLU(inplace=True)))
        self.cheap = nn.Sequential(*convolved(half, half, 3, nn.ReLU(inplace=True), groups=half))

    def forward(self, x: Tensor) -> Tensor:
        first = self.primary(x)
        return torch.cat([first, self.cheap(first)], 1)


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Permute(nn.Module):
    """Axes in another order, as a module."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class Scaled(nn.Module):
    """Each channel times a number of its own: layer scale."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class PoolMixer(nn.Module):
    """PoolFormer: a mean over neighbors less the position itself, in place of attention."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x) - x


class StandardizedConv2d(nn.Conv2d):
    """BiT: weights of mean 0 and variance 1 per filter."""

    def forward(self, x: Tensor) -> Tensor:
        var, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True, unbiased=False)
        weight = (self.weight - mean) / torch.sqrt(var + 1e-4)
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class UNet(nn.Module):
    """One step down, one up again, and what was there before beside it; the head averages its maps."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(*convolved(2, 4, 3, nn.ReLU()))
        self.deep = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.last = nn.Sequential(*convolved(8, 4, 3, nn.ReLU()), nn.Conv2d(4, 3, 1))

    def forward(self, x: Tensor) -> Tensor:
        first = self.down(x)
        return self.last(torch.cat([first, self.up(self.deep(first))], 1)).mean((2, 3))


class Tokens(nn.Module):
    """Maps (N, C, H, W) as tokens (N, H W, C), with a class token first and places added, as in ViT."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, channels) / 4)
        self.places = nn.Parameter(torch.randn(1, count + 1, channels) / 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(len(x), -1, -1), tokens], 1) + self.places


class First(nn.Module):
    """The first token."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0]


class Attention(nn.Module):
    """Self-attention over tokens (N, L, C) in 2 heads, by torch's fused function."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        count, length, channels = x.shape
        query, key, value = self.qkv(x).view(count, length, 3, 2, channels // 2).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).reshape(count, length, channels))


class Windows(nn.Module):
    """Swin: attention inside shifted windows of 2 x 2 positions of (N, H, W, C)."""

    def __init__(self, channels: int, shift: int = 0) -> None:
        super().__init__()
        self.attention, self.shift = Attention(channels), shift

    def forward(self, x: Tensor) -> Tensor:
        count, height, width, channels = x.shape
        x = x.roll((-self.shift, -self.shift), (1, 2)) if self.shift else x
        x = x.view(count, height // 2, 2, width // 2, 2, channels).transpose(2, 3).reshape(-1, 4, channels)
        x = self.attention(x).view(count, height // 2, width // 2, 2, 2, channels).transpose(2, 3)
        x = x.reshape(count, height, width, channels)
        return x.roll((self.shift, self.shift), (1, 2)) if self.shift else x


class MergedPatches(nn.Module):
    """Swin: four neighbors of (N, H, W, C) in one position of twice the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.reduce = nn.LayerNorm(4 * channels), nn.Linear(4 * channels, 2 * channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduce(self.norm(torch.cat(parts, -1)))


def convolved(before: int, after: int, kernel: int, act: nn.Module, groups: int = 1, stride: int = 1) -> list:
    """Return a convolution, its batch norm and its activation."""
    conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(after), act]


def headed(*body: nn.Module, channels: int) -> nn.Sequential:
    """Return a body of maps with a global mean and a linear layer behind it."""
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3))
