"""Vision transformers in which one patch of 16 decides: does each method's map point at it?

`python -m benchmarks.planted_transformers` prints the table of docs/attribution.md. One network is set by hand, so
that the truth needs no training: a class token looks for the patch that carries a mark and reads its sign; all patches
carry signs of the same size, so that an edge filter or a guess hits one in 16. The other one, of two layers and two
heads, has learned the same from pictures. An intervention confirms for both which patch decides (`decides`).
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn

import xai

__all__ = ["METHODS", "PlantedViT", "TrainedViT", "by_patch", "decides", "images", "row", "trained"]

SIDE, PATCH = 16, 4
METHODS: dict[str, dict[str, object]] = {
    "saliency": {}, "gradient": {}, "input_x_gradient": {}, "smoothgrad": {}, "integrated_gradients": {},
    "gradient_shap": {}, "guided_backprop": {}, "deconvolution": {}, "gradcam": {}, "gradcam_plus_plus": {},
    "layercam": {}, "hirescam": {}, "scorecam": {}, "guided_gradcam": {}, "deeplift": {}, "lrp": {},
    "attention_rollout": {}, "attention_gradient": {},
    "occlusion": {"window": PATCH, "stride": PATCH}, "kernel_shap": {"segments": "grid", "samples": 256},
}  # fmt: skip


class PlantedViT(nn.Module):
    """Patches of 4 x 4 pixels as tokens (mark, sign, 1, 0), a class token, one attention, a head on the class token.

    Channel 0 of an image is the mark, channel 1 the sign. style: attention as a "module", a "function" or "by hand".
    """

    def __init__(self, style: str = "function", sharpness: float = 12.0) -> None:
        super().__init__()
        self.style = style
        self.patches = nn.Conv2d(2, 4, PATCH, PATCH, bias=False)
        self.token = nn.Parameter(torch.tensor([[[0.0, 0.0, 1.0, 0.0]]]))
        self.norm = nn.Identity()
        self.attention = nn.MultiheadAttention(4, 1, batch_first=True)
        self.head = nn.Linear(4, 2)
        with torch.no_grad():
            for part in (self.patches, self.attention, self.head):
                for parameter in part.parameters():
                    parameter.zero_()
            self.patches.weight[0, 0] = 1 / PATCH**2
            self.patches.weight[1, 1] = 1 / PATCH**2
            self.attention.in_proj_weight[0, 2] = 2 * sharpness  # the class token asks
            self.attention.in_proj_weight[4, 0] = 1.0  # for the mark
            self.attention.in_proj_weight[9, 1] = 1.0  # and reads the sign
            self.attention.out_proj.weight.copy_(torch.eye(4))
            self.head.weight[0, 1], self.head.weight[1, 1] = -4.0, 4.0

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = self.norm(torch.cat([self.token.expand(len(x), -1, -1), tokens], 1))
        if self.style == "module":
            mixed = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        else:
            query, key, value = (tokens @ self.attention.in_proj_weight.T).chunk(3, -1)
            if self.style == "function":
                mixed = nn.functional.scaled_dot_product_attention(query, key, value)
            else:
                mixed = (query @ key.transpose(1, 2) / 2).softmax(-1) @ value
        return self.head((tokens + mixed)[:, 0])


class TrainedViT(nn.Module):
    """Patches with places and a class token through two layers of two heads, norms first, as torchvision's ViT."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.patches = nn.Conv2d(2, width, PATCH, PATCH)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embedding = nn.Parameter(0.02 * torch.randn(1, 17, width))
        settings = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, **settings)
        self.body = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), patches], 1) + self.position_embedding
        return self.head(self.body(tokens)[:, 0])


def trained(seed: int = 0, steps: int = 200) -> TrainedViT:
    """Return a network that has learned to answer with the sign of the marked patch; each step sees 64 new images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = TrainedViT()
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for step in range(steps):
        batch, where = images(64, seed=1_000_000 * (seed + 1) + step)
        signs = nn.functional.avg_pool2d(batch[:, 1], PATCH).flatten(1)
        labels = (signs.gather(1, where[:, None])[:, 0] > 0).long()
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(batch), labels).backward()
        optimizer.step()
    return network.eval()


def images(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return images (N, 2, 16, 16) whose patches have signs at random, and the number of the marked patch (N,)."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (count, 1, 4, 4), generator=generator) * 2.0 - 1
    where = torch.randint(0, 16, (count,), generator=generator)
    signal = torch.zeros(count, 16)
    signal[torch.arange(count), where] = 1.0
    small = torch.cat([signal.view(count, 1, 4, 4), signs], 1)
    noise = torch.randn(count, 2, SIDE, SIDE, generator=generator) * 0.05
    return small.repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3) + noise, where


def by_patch(heat: Tensor) -> Tensor:
    """Return the mean size of maps (N, 16, 16) in each patch, (N, 16)."""
    return nn.functional.avg_pool2d(heat.abs()[:, None], PATCH).flatten(1)


def decides(network: nn.Module, batch: Tensor, where: Tensor) -> Tensor:
    """Return by how much the scores change when the sign of each patch is turned, (N, 16); no method is asked."""
    changes = torch.zeros(len(batch), 16)
    with torch.no_grad():
        before = network(batch)[:, 1]
        for patch in range(16):
            turned, (top, left) = batch.clone(), (patch // 4 * PATCH, patch % 4 * PATCH)
            turned[:, 1, top : top + PATCH, left : left + PATCH] *= -1
            changes[:, patch] = (network(turned)[:, 1] - before).abs()
    return changes


def row(method: str, network: nn.Module, count: int = 128, seed: int = 0) -> tuple[float, float]:
    """Return how often a map is highest on the patch that decides, and the share of the map that lies there."""
    batch, where = images(count, seed)
    model = xai.Model(network.eval(), input=xai.TensorInput())
    made = getattr(xai, method)(model, batch, **METHODS[method])
    shares = by_patch(made.heatmap())
    mass = shares / shares.sum(1, keepdim=True).clamp_min(1e-12)
    numbers = torch.arange(count)
    return float((shares.argmax(1) == where).double().mean()), float(mass[numbers, where].mean())


def main() -> None:
    """Print the table: pointing game and relevance mass by method and network, of the predicted class, on 128 images.

    Of trained networks these are the means over three that began with other weights.
    """
    learned, (batch, where) = [trained(seed) for seed in range(3)], images(128)
    for network in learned:
        changes = decides(network, batch, where)
        hit = (changes.argmax(1) == where).double().mean()
        share = (changes.gather(1, where[:, None])[:, 0] / changes.sum(1)).mean()
        sys.stdout.write(f"trained: turning the marked sign changes most in {hit:.2f}, {share:.3f} of all changes\n")
    heads = ("method", *(f"{what}, {whose}" for whose in ("by hand", "trained") for what in ("highest there", "share")))
    sys.stdout.write(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n")
    for method in METHODS:
        found = torch.tensor([row(method, network) for network in learned]).mean(0).tolist()
        numbers = (f"{number:.2f}" for number in (*row(method, PlantedViT()), *found))
        sys.stdout.write(f"| `{method}` | {' | '.join(numbers)} |\n")


if __name__ == "__main__":
    main()
