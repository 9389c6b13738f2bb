"""Published architectures with random weights: what each method needs, and whether its values add up as they should.

`python -m benchmarks.architectures` prints the table of docs/attribution.md. Networks of torchvision and timm come by
name and read images of 224 x 224 pixels; those of transformers are built from configs, of two layers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import xai
from benchmarks.output import say

__all__ = ["NETWORKS", "measured"]

STEPS = 8
WORDS = ["[PAD]", "[UNK]", "</s>", "a", "dull", "film", "with", "wonderful", "actors", "and", "good", "story"]
TEXT = "a dull film with wonderful actors and a good story"
SMALL = {"vocab_size": len(WORDS), "num_labels": 2, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 2}


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    cut = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, "[UNK]"))
    cut.pre_tokenizer = pre_tokenizers.Whitespace()
    cut.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return PreTrainedTokenizerFast(tokenizer_object=cut, pad_token="[PAD]", unk_token="[UNK]", eos_token="</s>")


def _of_transformers(name: str, **sizes: Any) -> Callable[[], xai.Model]:
    def make() -> xai.Model:
        import transformers

        config = getattr(transformers, f"{name}Config")(**SMALL, **sizes)
        network = getattr(transformers, f"{name}ForSequenceClassification")(config)
        return xai.from_transformers(network.eval(), _tokenizer(), name=name)

    return make


NETWORKS: dict[str, Callable[[], xai.Model]] = {
    "ResNet-18 (torchvision)": lambda: xai.from_torchvision("resnet18"),
    "ViT-B/16 (torchvision)": lambda: _drawn_head(xai.from_torchvision("vit_b_16")),
    "Swin-T (torchvision)": lambda: xai.from_torchvision("swin_t"),
    "ConvNeXt-Atto (timm)": lambda: xai.from_timm("convnext_atto"),
    "BERT (config)": _of_transformers("Bert", num_hidden_layers=2, hidden_size=128, num_attention_heads=4),
    "GPT-2 (config)": _of_transformers("GPT2", n_layer=2, n_embd=128, n_head=4),
    "T5 (config)": _of_transformers("T5", num_layers=2, d_model=128, d_kv=32, num_heads=4, decoder_start_token_id=0),
}


def _drawn_head(model: xai.Model) -> xai.Model:
    """Return the model with a drawn last layer: torchvision begins with zeros, so that nothing has an effect."""
    head: Any = model.network.heads[-1]
    nn.init.normal_(head.weight, std=0.02)
    return model


def measured(make: Callable[[], xai.Model]) -> list[str]:
    """Return the weights in millions, processor seconds of a few methods, and by how much the path's sum misses."""
    torch.manual_seed(0)
    model = make()
    shape = model.input.shape
    rows: Any = TEXT if shape is None else torch.rand(1, *shape, generator=torch.Generator().manual_seed(1))
    weights = sum(part.numel() for part in model.network.parameters())
    gradient, _ = _timed(lambda: xai.saliency(model, rows, 0))
    path, found = _timed(lambda: xai.integrated_gradients(model, rows, 0, steps=STEPS))
    missed = float(found.diagnostics[0]["completeness_error"])
    hidden, _ = _timed(lambda: xai.occlusion(model, rows, 0, **({} if shape is None else {"window": 56, "stride": 56})))
    relevance, _ = _timed(lambda: xai.lrp(model, rows, 0))
    return [f"{weights / 1e6:.1f}", *(f"{took:.2f}" for took in (gradient, path, hidden, relevance)), f"{missed:.2%}"]


def _timed(call: Callable[[], xai.Explanation]) -> tuple[float, xai.Explanation]:
    started = time.process_time()
    found = call()
    return time.process_time() - started, found


def main() -> None:
    """Print the table."""
    say("| network | weights, millions | saliency | integrated gradients | occlusion | LRP | sum misses |")
    say("|---|---|---|---|---|---|---|")
    for name, make in NETWORKS.items():
        say(f"| {name} | {' | '.join(measured(make))} |")


if __name__ == "__main__":
    main()
