"""DeepLIFT, LRP, Grad-CAM and occlusion on networks of torchvision, timm and Hugging Face, with random weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from tests.optional import timm, torchvision, transformers
from xai.attribution.activation_maps import gradcam
from xai.attribution.attention_maps import attention_gradient, attention_rollout
from xai.attribution.deeplift import deeplift
from xai.attribution.lrp import lrp
from xai.attribution.occlusion import occlusion
from xai.base.errors import NetworkError
from xai.inputs.image import ImageInput
from xai.inputs.text import TextInput
from xai.model.model import Model


def _torchvision_vit() -> nn.Module:
    make = torchvision().models.VisionTransformer
    network = make(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=3)
    nn.init.normal_(network.heads.head.weight)  # made as 0
    return network


def _torchvision_swin() -> nn.Module:
    return torchvision().models.SwinTransformer([4, 4], 8, [2, 2], [2, 2], [4, 4], num_classes=3)


def _timm(name: str, **settings: object) -> nn.Module:
    return timm().create_model(name, num_classes=3, img_size=32, embed_dim=16, depth=2, num_heads=2, **settings)


SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "num_labels": 3}


def _face_vit() -> nn.Module:
    made = transformers()
    config = made.ViTConfig(image_size=32, patch_size=8, attn_implementation="eager", **SMALL)
    return made.ViTForImageClassification(config)


def _face_swin() -> nn.Module:
    made, sides = transformers(), {"depths": [2, 2], "num_heads": [2, 2], "window_size": 4}
    return made.SwinForImageClassification(
        made.SwinConfig(image_size=32, patch_size=4, embed_dim=8, num_labels=3, **sides)
    )


# The network, the layer that Grad-CAM reads by default, and the tokens that stand before its patches.
NETWORKS: dict[str, tuple[Callable[[], nn.Module], str, int | None]] = {
    "torchvision_vit": (_torchvision_vit, "encoder.layers.encoder_layer_1.ln_1", 1),
    "torchvision_swin": (_torchvision_swin, "permute", None),
    "timm_vit_with_registers": (
        lambda: _timm("vit_tiny_patch16_224", patch_size=8, reg_tokens=4), "blocks.1.norm1", 5
    ),
    "timm_distilled": (lambda: _timm("deit_tiny_distilled_patch16_224", patch_size=8), "blocks.1.norm1", 2),
    "face_vit": (_face_vit, "vit.layers.1.layernorm_before", 1),
    "face_swin": (_face_swin, "swin.layernorm", 0),
    "timm_beit": (lambda: _timm("beit_base_patch16_224", patch_size=8), "blocks.1.norm2", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_methods_go_through_networks_as_they_are_published(name: str) -> None:
    make, layer, before = NETWORKS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make().eval()
    model = Model(network, input=ImageInput((3, 32, 32)))
    batch = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    cam = gradcam(model, batch, 1)
    assert cam.options["layer"] == layer
    assert cam.options["run"]["grid"] == [4, 4]
    assert cam.options["run"].get("tokens_before") == before
    with torch.no_grad():
        there, nowhere = (getattr(out, "logits", out)[:, 1] for out in map(network, (batch, torch.zeros_like(batch))))
    made = deeplift(model, batch, 1)
    assert torch.allclose(made.values.flatten(1).sum(1), there - nowhere, atol=1e-5)
    relevance = lrp(model, batch, 1)
    assert bool(relevance.values.any())
    assert any("softmax" in rules for rules in relevance.options["run"]["rules"].values())
    if name.endswith("swin"):
        with pytest.raises(NetworkError, match=r"over all tokens, one after another, got weights .* as of windows"):
            attention_rollout(model, batch, 1)
    else:
        rolled, weighted = attention_rollout(model, batch, 1), attention_gradient(model, batch, 1)
        assert rolled.options["run"]["grid"] == [4, 4]
        assert rolled.options["run"]["tokens_before"] == before
        assert len(rolled.options["run"]["attention"]) == 2
        assert weighted.diagnostics[0]["tokens_read"] == {"timm_distilled": 2, "timm_beit": 16}.get(name, 1)
        assert weighted.values.shape == (2, 32, 32)
        assert bool(weighted.values.any())
    if before is not None:
        hidden = occlusion(model, batch, 1, layer=layer, window=2, stride=2)
        assert hidden.values.shape[1] == before + 16
        assert not hidden.values[:, :before].any()
        assert hidden.heatmap().shape == (2, 32, 32)


@pytest.mark.parametrize("name", ["Bert", "GPT2", "Llama"])
def test_methods_go_through_language_models(name: str) -> None:
    """Their embeddings are the inputs: DeepLIFT adds up, and LRP is the same for both ways of their attention."""
    made = transformers()
    more = {"GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "num_labels": 3}}.get(name, SMALL)
    more = more | {"Llama": {"num_key_value_heads": 1}}.get(name, {})
    ends = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}

    def run(network: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return network.head(network(inputs_embeds=x).last_hidden_state.mean(1))

    relevance, weighted = [], []
    for attention in ("eager", "sdpa"):
        config = getattr(made, f"{name}Config")(vocab_size=50, attn_implementation=attention, **ends, **more)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = getattr(made, f"{name}Model")(config).eval()
            network.head, vectors = nn.Linear(16, 2), torch.randn(2, 5, 16)
        model = Model(network, forward=run)
        with torch.no_grad():
            there, nowhere = (run(network, x)[:, 1] for x in (vectors, torch.zeros_like(vectors)))
        assert torch.allclose(deeplift(model, vectors, 1).values.sum((1, 2)), there - nowhere, atol=1e-4)
        relevance.append(lrp(model, vectors, 1))
        weighted.append(attention_gradient(model, vectors, 1))
    assert torch.allclose(weighted[0].values, weighted[1].values, atol=1e-6)
    assert weighted[0].values.shape == (2, 5)
    assert bool(weighted[0].values.any())
    assert torch.allclose(relevance[0].values, relevance[1].values, atol=1e-5)
    assert bool(relevance[0].values.any())
    assert any("softmax" in rules for rules in relevance[0].options["run"]["rules"].values())


class Reader(nn.Module):
    """T5's encoder with a head on the mean of its tokens."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(16, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(input_ids=ids).last_hidden_state.mean(1))


T5 = {"vocab_size": 20, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "eos_token_id": 1}


def test_attention_maps_of_a_t5_are_made_of_the_attention_that_it_reports() -> None:
    """Positions are biases on the weights there, and nothing is scaled: the maps read what is left of that."""
    made, words = transformers(), ["the", "film", "was", "good", "end"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Reader(made.T5EncoderModel(made.T5Config(attn_implementation="eager", **T5))).eval()
        for parameter in network.parameters():
            parameter.data += 0.2 * torch.randn_like(parameter)
    seen: list[torch.Tensor] = []

    def run(net: nn.Module, ids: torch.Tensor) -> torch.Tensor:
        seen.append(ids)
        return net(ids)

    model = Model(network, input=TextInput(vocabulary=words, length=5), classes=["a", "b", "c"], forward=run)
    texts = ["the film was good end", "end good was film the"]
    rolled, weighted = attention_rollout(model, texts, "b"), attention_gradient(model, texts, "b")
    assert rolled.row_names == (tuple(words), tuple(reversed(words)))
    model.predict(texts)
    for row, ids in enumerate(seen[-1]):
        reported = network.body(input_ids=ids[None], output_attentions=True)
        layers = torch.stack(reported.attentions)  # (layers, 1, heads, T, T)
        score = network.head(reported.last_hidden_state.mean(1))[0, 1]
        gradients = torch.autograd.grad(score, reported.attentions)
        eye = torch.eye(5)
        whole, relevance = eye, eye
        for attention, gradient in zip(layers[:, 0].detach(), gradients, strict=True):
            whole = (attention.mean(0) + eye) / 2 @ whole
            relevance = relevance + (attention * gradient[0]).relu().mean(0) @ relevance
        assert torch.allclose(rolled.values[row], whole.mean(0), atol=1e-5)
        assert torch.allclose(weighted.values[row], (relevance - eye).mean(0), atol=1e-6)
        assert bool(weighted.values[row].any())


def test_a_t5_that_reads_with_a_decoder_is_named() -> None:
    made = transformers()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        more = {"num_labels": 3, "decoder_start_token_id": 0, "pad_token_id": 0}
        network = made.T5ForSequenceClassification(made.T5Config(**T5 | more | {"eos_token_id": 4})).eval()
    words = TextInput(vocabulary=["a", "good", "film"], length=3)  # "film" is number 4, the end of the text
    model = Model(network, input=words, forward=lambda net, ids: net(input_ids=ids).logits)
    assert model.predict(["a good film"]).shape == (1, 3)
    for method in (attention_rollout, attention_gradient):
        with pytest.raises(NetworkError, match="attention"):
            method(model, ["a good film"], 1)
