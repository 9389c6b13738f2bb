"""The promises that every method keeps, on strings through a BERT and a GPT-2 from their configs."""

from __future__ import annotations

import pytest
import torch

from tests.texts import small
from tests.trace_state import differences, state_of
from xai.adapters.transformers import from_transformers
from xai.methods import METHODS
from xai.results.explanation import Explanation

TEXTS = ["a dull film, unwatchable!", "wonderful actors", "电影很好看"]
NETWORKS = {
    "bert": lambda: from_transformers(small.bert(), small.bert_tokenizer()),
    "gpt": lambda: from_transformers(small.gpt_classifier(), small.fast(small.byte_pairs())),
}
QUICK = {
    "integrated_gradients": {"steps": 4}, "smoothgrad": {"samples": 4}, "gradient_shap": {"samples": 4},
    "kernel_shap": {"samples": 100}, "lime_text": {"samples": 60},
}  # fmt: skip
LAYERED = ("conductance", "internal_influence")  # of a layer that has to be named
EXPLAINERS = [
    name for name, spec in METHODS.items() if spec.kind in ("attribution", "surrogate") and spec.takes("text")
]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", [name for name in EXPLAINERS if name not in LAYERED])
def test_strings_are_explained_by_every_method_that_takes_texts(name: str, network: str) -> None:
    model = NETWORKS[network]()
    before = state_of(model.network)
    settings = QUICK.get(name, {})
    method = METHODS[name].load()
    made: Explanation = method(model, TEXTS, 1, **settings)
    assert differences(before, state_of(model.network)) == []
    assert all(bool(torch.isfinite(row).all()) for row in made.values)
    assert made.over == "tokens"
    assert [len(row) for row in made.values] == [len(row) for row in made.row_names]
    again = method(model, TEXTS, 1, **settings)
    assert all(torch.equal(one, other) for one, other in zip(made.values, again.values, strict=True))
    alone = method(model, TEXTS[1:2], 1, **settings)
    assert torch.allclose(alone.values[0], made.values[1], atol=1e-4 * float(made.values[1].abs().max()) + 1e-9)
    assert alone.row_names[0] == made.row_names[1]


@pytest.mark.parametrize("name", ["saliency", "gradient_shap", "kernel_shap", "lime_text"])
def test_it_is_kept_in_a_file_and_drawn(name: str, tmp_path: object) -> None:
    model = NETWORKS["bert"]()
    made = METHODS[name].load()(model, TEXTS[:1], 1, **QUICK.get(name, {}))
    kept = Explanation.load(made.save(f"{tmp_path}/{name}.safetensors"))
    assert kept.row_names == made.row_names
    assert torch.equal(kept.values[0], made.values[0])
    assert made.plot() is not None
    assert made.to_frame()["name"].tolist() == list(made.row_names[0])
