"""Vision transformers in which one patch of 16 decides: does each method's map point at it?

`python -m benchmarks.planted_transformers` prints the table of docs/attribution.md. The network is set by hand, so that
the truth needs no training: a class token looks for the patch that carries a mark and reads its sign; all patches carry
signs of the same size, so that an edge filter or a guess hits one in 16. An intervention confirms it (`decides`).
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn

import xai

__all__ = ["METHODS", "PlantedViT", "by_patch", "decides", "images", "row"]

SIDE, PATCH = 16, 4
METHODS: dict[str, dict[str, object]] = {
    "saliency": {}, "gradient": {}, "input_x_gradient": {}, "smoothgrad": {}, "integrated_gradients": {},
    "gradient_shap": {}, "guided_backprop": {}, "deconvolution": {}, "gradcam": {}, "gradcam_plus_plus": {},
    "layercam": {}, "hirescam": {}, "guided_gradcam": {}, "deeplift": {}, "lrp": {},
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


def images(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return images (N, 2, 16, 16) whose patches have signs at random, and the number of the marked patch (N,)."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (count, 1, 4, 4), generator=generator) * 2.0 - 1
    where = torch.randint(0, 16, (count,), generator=generator)
    marks = torch.zeros(count, 16)
    marks[torch.arange(count), where] = 1.0
    small = torch.cat([marks.view(count, 1, 4, 4), signs], 1)
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


def row(method: str, style: str, count: int = 64, seed: int = 0) -> tuple[float, float]:
    """Return how often a map is highest on the patch that decides, and the share of the map that lies there."""
    batch, where = images(count, seed)
    model = xai.Model(PlantedViT(style).eval(), input=xai.TensorInput())
    made = getattr(xai, method)(model, batch, **METHODS[method])
    shares = by_patch(made.heatmap())
    mass = shares / shares.sum(1, keepdim=True).clamp_min(1e-12)
    numbers = torch.arange(count)
    return float((shares.argmax(1) == where).double().mean()), float(mass[numbers, where].mean())


def main() -> None:
    """Print the table: pointing game and relevance mass by method, of the predicted class."""
    sys.stdout.write("| method | highest on the patch that decides | share of the map there |\n|---|---|---|\n")
    for method in METHODS:
        hit, mass = row(method, "function")
        sys.stdout.write(f"| `{method}` | {hit:.2f} | {mass:.2f} |\n")


if __name__ == "__main__":
    main()
