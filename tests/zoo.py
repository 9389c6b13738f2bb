"""Small networks, each with one thing that explanation libraries trip over. Every one takes a batch of 8 x 8 images."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.backbones import BACKBONES, backbone
from tests.odd_networks import ODD, odd_network
from xai.inputs.image import ImageInput
from xai.model.model import Model

SHAPE = (2, 8, 8)


@dataclass
class Scores:
    logits: Tensor
    hidden: Tensor


class Convolutions(nn.Module):
    """Two convolutions and a linear layer; `style` chooses the trap between them."""

    def __init__(self, style: str = "plain", outputs: int = 3) -> None:
        super().__init__()
        self.style = style
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=style == "inplace")
        self.other_relu = nn.ReLU()
        self.drop = nn.Dropout(0.5)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.linear = nn.Linear(64, outputs)

    def forward(self, x: Tensor) -> object:
        if self.style == "inplace":
            x.mul_(1.0).add_(0.0)
        first = self.norm(self.conv1(x))
        act = functional.relu if self.style == "functional" else self.relu
        hidden = self.drop(act(first))
        second = act if self.style in ("reused", "functional") else self.other_relu
        if self.style == "strided":  # views of every kind, none of them contiguous
            hidden = hidden.transpose(2, 3).flip(3).permute(0, 3, 2, 1).transpose(1, 3).expand(-1, -1, -1, -1)
        third = self.conv2(hidden)
        if self.style == "shared":
            third = self.conv2(second(third))
        if self.style == "residual":
            third = third + hidden
        pooled = functional.max_pool2d(second(third), 2)
        scores = self.linear(pooled.flatten(1))
        if self.style == "log":
            return scores.log_softmax(1)
        if self.style == "softmax":
            return scores.softmax(1)
        if self.style == "flat":
            return scores[:, 0]
        if self.style == "tuple":
            return scores, hidden
        if self.style == "dict":
            return {"hidden": hidden, "logits": scores}
        if self.style == "dataclass":
            return Scores(logits=scores, hidden=hidden)
        return scores


class Head(nn.Module):
    """Two convolutions, and behind them what `style` says on the 4 maps of 4 x 4 that they leave."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style = style
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect" if style == "padded" else "zeros")
        self.norm = nn.GroupNorm(1, 4) if style == "group_norm" else nn.BatchNorm2d(4)
        self.act = {"relu6": nn.ReLU6(), "prelu": nn.PReLU(4), "silu": nn.SiLU(), "tanh": nn.Tanh()}.get(
            style, nn.ReLU()
        )
        self.conv2 = nn.Conv2d(4, 4, 3, padding=0 if style == "padded" else 1, groups=4 if style == "depthwise" else 1)
        self.pad = nn.ZeroPad2d(1) if style == "padded" else nn.Identity()
        self.pool = nn.AvgPool2d(2) if style in ("tied", "padded") else nn.MaxPool2d(2)
        self.linear = nn.Linear(4 if style in ("transformer", "gru", "steps") else 64, 3)
        if style == "transformer":
            self.body = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        if style in ("gru", "steps"):
            self.body = nn.GRU(4, 4, batch_first=True)
        if style == "gates":
            self.squeeze = nn.Linear(4, 4)
        if style == "tied":
            self.weight = nn.Parameter(torch.randn(16, 64) / 8)
        if style == "layer_norm":
            self.between = nn.LayerNorm(64)
        if style == "weight_norm":
            nn.utils.parametrizations.weight_norm(self.linear)

    def forward(
        self, x: Tensor, other: Tensor | None = None, *, mask: Tensor | None = None, scale: float = 1.0
    ) -> Tensor:
        if other is not None:
            x = torch.cat([x, other], 1)
        if mask is not None:
            x = x.masked_fill(~mask, 0.0)
        maps = self.pool(self.act(self.conv2(self.pad(self.act(self.norm(self.conv1(x * scale)))))))
        if self.style == "gates":
            maps = maps * self.squeeze(maps.mean((2, 3))).sigmoid()[:, :, None, None]
        if self.style in ("transformer", "gru", "steps"):
            steps = maps.flatten(2).transpose(1, 2)  # (N, 16, 4)
            steps = self.body(steps) if self.style == "transformer" else self.body(steps)[0]
            return self.linear(steps) if self.style == "steps" else self.linear(steps.mean(1))
        flat = maps.flatten(1)
        if self.style == "tied":
            flat = functional.linear(torch.relu(functional.linear(flat, self.weight)), self.weight.t())
        if self.style == "layer_norm":
            flat = self.between(flat)
        if self.style == "dead":
            flat = flat * 0
        return self.linear(flat)


def _headed(style: str, forward: Callable | None = None) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        network = Head(style).eval()
        if style not in ("group_norm",):
            network.norm.running_mean.normal_(0, 0.1)
            network.norm.running_var.uniform_(0.5, 1.5)
    return Model(network, input=ImageInput(SHAPE, mean=[0.4, 0.5], std=[0.3, 0.2]), forward=forward)


def _backbone(name: str) -> Model:
    return Model(backbone(name), input=ImageInput(SHAPE, mean=[0.4, 0.5], std=[0.3, 0.2]))


def _odd(name: str) -> Model:
    settings = {"output_key": "logits"} if name == "auxiliary_head" else {}
    return Model(odd_network(name), input=ImageInput(SHAPE, mean=[0.4, 0.5], std=[0.3, 0.2]), **settings)


def _compiled() -> Model:
    model = _built()
    model.network.compile(backend="eager")
    return model


def _scripted() -> Model:
    model = _headed("relu6")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to retire scripting
        network = torch.jit.script(torch.jit.trace(model.network, torch.zeros(1, *SHAPE)))
    return Model(network, input=model.input)


def _hooked() -> Model:
    model = _built()
    model.network.conv1.register_forward_hook(lambda module, inputs, output: output * 2)
    model.network.conv2.register_full_backward_hook(lambda module, gradient, above: None)
    return model


def _several_inputs(network: nn.Module, x: Tensor) -> Tensor:
    return network(x[:, :1], x[:, 1:])


def _keywords(network: nn.Module, x: Tensor) -> Tensor:
    mask = torch.ones(8, 8, dtype=torch.bool)
    mask[:, 6:] = False
    return network(x, mask=mask, scale=0.5)


def _built(style: str = "plain", outputs: int = 3, **settings: object) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = Convolutions(style, outputs)
        # Batch-norm statistics other than 0 and 1, as after training.
        network.norm.running_mean.normal_(0, 0.1)
        network.norm.running_var.uniform_(0.5, 1.5)
    if settings.pop("half", False):
        network = network.to(torch.bfloat16)
    if settings.pop("double", False):
        network = network.double()
    if settings.pop("frozen", False):
        network.requires_grad_(False)
    if settings.pop("mixed", False):
        network.train()
        network.norm.eval()
        network.conv1.weight.requires_grad_(False)
    else:
        network.train(settings.pop("training", False))
    return Model(network, input=ImageInput(SHAPE, mean=[0.4, 0.5], std=[0.3, 0.2]), **settings)


ZOO: dict[str, Callable[[], Model]] = {
    "plain": _built,
    "inplace": lambda: _built("inplace"),
    "reused_relu": lambda: _built("reused"),
    "functional_relu": lambda: _built("functional"),
    "shared_module": lambda: _built("shared"),
    "residual": lambda: _built("residual"),
    "train_mode": lambda: _built(training=True),
    "mixed_modes": lambda: _built(mixed=True),
    "frozen": lambda: _built(frozen=True),
    "bfloat16": lambda: _built(half=True),
    "float64": lambda: _built(double=True),
    "tuple_output": lambda: _built("tuple"),
    "dict_output": lambda: _built("dict"),
    "dataclass_output": lambda: _built("dataclass"),
    "log_probabilities": lambda: _built("log", output="log_probabilities"),
    "probabilities": lambda: _built("softmax", output="probabilities"),
    "one_logit": lambda: _built(outputs=1, task="binary"),
    "flat_output": lambda: _built("flat", outputs=1, task="regression"),
    "multilabel": lambda: _built(task="multilabel"),
    "strided_views": lambda: _built("strided"),
    "user_hooks": _hooked,
    "compiled": _compiled,
    "scripted": _scripted,
    "several_inputs": lambda: _headed("relu", _several_inputs),
    "keywords_and_mask": lambda: _headed("relu", _keywords),
    "per_step_outputs": lambda: _headed("steps", lambda network, x: network(x)[:, -1]),
    "transformer_encoder": lambda: _headed("transformer"),
    "recurrent": lambda: _headed("gru"),
    "gates": lambda: _headed("gates"),
    "tied_weights": lambda: _headed("tied"),
    "weight_norm": lambda: _headed("weight_norm"),
    "layer_norm": lambda: _headed("layer_norm"),
    "group_norm": lambda: _headed("group_norm"),
    "padding_layers": lambda: _headed("padded"),
    "depthwise": lambda: _headed("depthwise"),
    "relu6": lambda: _headed("relu6"),
    "prelu": lambda: _headed("prelu"),
    "silu": lambda: _headed("silu"),
    "tanh": lambda: _headed("tanh"),
    "dead": lambda: _headed("dead"),
    **{name: partial(_backbone, name) for name in BACKBONES},
    **{name: partial(_odd, name) for name in ODD},
}


def images(count: int = 3, seed: int = 0) -> Tensor:
    """Return random images (count, 2, 8, 8) in 0..1."""
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))
