"""Networks with what is rare inside: masks, packed sequences, checkpoints, transforms, complex numbers, fixed batches.

Every one takes a batch of 2 x 8 x 8 images and puts out three scores.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

from tests.backbone_blocks import headed


class _MaskedWindows(nn.Module):
    """Swin as it is: windows of 2 x 2 that are shifted by 1; what was rolled in from the other side is masked."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 8, 2, 2), nn.LayerNorm(8)
        self.qkv, self.out, self.linear = nn.Linear(8, 24), nn.Linear(8, 8), nn.Linear(8, 3)
        region = torch.zeros(4, 4)
        region[3:] += 1
        region[:, 3:] += 2
        places = self.cut(region.roll((-1, -1), (0, 1))[None, :, :, None])[..., 0]  # (4, 4)
        self.register_buffer("mask", torch.where(places[:, :, None] == places[:, None], 0.0, -100.0))

    @staticmethod
    def cut(x: Tensor) -> Tensor:
        return x.reshape(len(x), 2, 2, 2, 2, -1).transpose(2, 3).reshape(len(x) * 4, 4, -1)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.norm(self.stem(x).permute(0, 2, 3, 1)).roll((-1, -1), (1, 2))
        query, key, value = self.qkv(self.cut(maps)).chunk(3, -1)
        fit = query @ key.transpose(1, 2) / 8**0.5
        fit = (fit.view(len(x), 4, 4, 4) + self.mask).view(-1, 4, 4)
        mixed = self.out(fit.softmax(-1) @ value).view(len(x), 2, 2, 2, 2, 8).transpose(2, 3).reshape(len(x), 4, 4, 8)
        return self.linear(mixed.roll((1, 1), (1, 2)).mean((1, 2)))


class _Masked(nn.Module):
    """A transformer whose tokens see only those before them, and never the last four, which are padding."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 8, 2, 2)
        self.body = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.stem(x).flatten(2).transpose(1, 2)
        later = torch.ones(16, 16, dtype=torch.bool).triu(1)
        padding = (torch.arange(16) >= 12).expand(len(x), 16)
        return self.linear(self.body(tokens, mask=later, src_key_padding_mask=padding)[:, :12].mean(1))


class _Crossed(nn.Module):
    """A decoder of three learned queries that look at the picture's tokens: a score of each."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 8, 2, 2)
        self.queries = nn.Parameter(torch.randn(1, 3, 8))
        self.body, self.linear = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = 4 * self.stem(x).flatten(2).transpose(1, 2)
        return self.linear(self.body(self.queries.expand(len(x), -1, -1), tokens))[:, :, 0]


class _Packed(nn.Module):
    """A recurrent layer in both directions over rows of pixels, packed: the last two rows are padding."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.LSTM(16, 4, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        packed = pack_padded_sequence(x.transpose(1, 2).flatten(2), torch.full((len(x),), 6), batch_first=True)
        return self.linear(pad_packed_sequence(self.body(packed)[0], batch_first=True)[0].mean(1))


class _Checkpointed(nn.Module):
    """Two blocks whose activations are computed again in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = checkpoint(self.second, checkpoint(self.first, x, use_reentrant=False), use_reentrant=False)
        return self.linear(hidden.mean((2, 3)))


class _Transformed(nn.Module):
    """An ensemble of two heads run by torch.func.vmap over their stacked weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 4, 3, 2), nn.ReLU(), nn.Flatten())
        self.heads = nn.Parameter(torch.randn(2, 36, 3) / 6)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.stem(x)
        return torch.func.vmap(lambda head: torch.tanh(hidden @ head))(self.heads).mean(0)


class _Spectral(nn.Module):
    """A Fourier layer: complex weights on the frequencies of the maps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.linear = nn.Conv2d(2, 4, 1), nn.Linear(4, 3)
        self.weight = nn.Parameter(torch.randn(4, 8, 5, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.fft.irfft2(torch.fft.rfft2(self.stem(x)) * self.weight, s=(8, 8))
        return self.linear(functional.gelu(maps).mean((2, 3)))


class _Auxiliary(nn.Module):
    """A second head on early maps, which the scores do not depend on and which is run all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU())
        self.late = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU())
        self.aux = nn.Sequential(nn.Conv2d(4, 8, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        early = self.early(x)
        return {"logits": self.linear(self.late(early).mean((2, 3))), "aux": self.aux(early)}


class _FixedBatch(nn.Module):
    """A network that was written for four rows at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.linear = nn.Sequential(nn.Conv2d(2, 4, 3, 2), nn.ReLU()), nn.Linear(36, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.stem(x).view(4, 36))


class _Long(nn.Module):
    """A network of series of 5,000 steps: the picture's numbers, each many times over."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(1, 4, 9, 5), nn.ReLU(), nn.Conv1d(4, 4, 9, 5), nn.ReLU())
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.body(functional.interpolate(x.flatten(1)[:, None], 5000)).mean(2))


class _Volume(nn.Module):
    """A network of volumes: the picture's channels and halves as slices."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.MaxPool3d(2))
        self.linear = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.body(x.reshape(len(x), 1, 4, 4, 8)).flatten(1))


def _spectral_norm() -> nn.Module:
    network = headed(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), channels=4)
    nn.utils.parametrizations.spectral_norm(network[0])
    return network


@cache
def _program() -> torch.export.ExportedProgram:
    network = headed(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), channels=4)
    batch = torch.export.Dim("batch", min=1, max=4096)
    return torch.export.export(network.eval(), (torch.zeros(2, 2, 8, 8),), dynamic_shapes=({0: batch},))


def _exported() -> nn.Module:
    return _program().module()


def _int8() -> nn.Module:
    """Return a network whose weights and activations are whole numbers, with steps that a few pictures have set."""
    quantization = torch.ao.quantization
    layers = [nn.Flatten(), nn.Linear(128, 8), nn.ReLU(), nn.Linear(8, 3)]
    network = nn.Sequential(quantization.QuantStub(), *layers, quantization.DeQuantStub()).eval()
    network.qconfig = quantization.get_default_qconfig(torch.backends.quantized.engine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to retire its own quantization
        quantization.prepare(network, inplace=True)
        network(torch.randn(20, 2, 8, 8))
        return quantization.convert(network)


ODD: dict[str, Callable[[], nn.Module]] = {
    "swin_masked": _MaskedWindows,
    "transformer_masked": _Masked,
    "decoder": _Crossed,
    "lstm_packed": _Packed,
    "spectral_norm": _spectral_norm,
    "checkpointed": _Checkpointed,
    "vmap_inside": _Transformed,
    "complex_weights": _Spectral,
    "auxiliary_head": _Auxiliary,
    "fixed_batch": _FixedBatch,
    "series_of_5000": _Long,
    "volumes": _Volume,
    "exported": _exported,
    "int8": _int8,
}


def odd_network(name: str) -> nn.Module:
    """Return a network in the mode that it is used in."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        network = ODD[name]()
    return network if name == "exported" else network.eval()
