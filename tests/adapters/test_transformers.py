"""Networks of Hugging Face become models: the same probabilities as their pipelines, labels by their ids."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

import xai
from tests.texts import small
from xai.adapters.transformers import from_transformers
from xai.base.errors import InputError

TEXTS = ["a dull film", "wonderful actors, a wonderful story"]


def named(**settings: Any) -> Any:
    labels = {2: "c", 0: "z", 1: "a"}
    return small.bert(id2label=labels, label2id={name: number for number, name in labels.items()}, **settings)


def test_a_pipeline_and_its_model_say_the_same() -> None:
    network, tokenizer = named().float(), small.bert_tokenizer()
    ask = small.transformers.pipeline("text-classification", network, tokenizer=tokenizer, top_k=None)
    for model in (from_transformers(ask), from_transformers(network, tokenizer)):
        assert model.classes == ["z", "a", "c"]
        assert model.task == "classification"
        for row, answer in zip(model.predict(TEXTS), ask(TEXTS), strict=True):
            said = {item["label"]: item["score"] for item in answer}
            assert [said[name] for name in model.classes] == pytest.approx(row.tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("problem", "labels", "task"),
    [
        (None, 3, "classification"),
        ("single_label_classification", 2, "classification"),
        ("multi_label_classification", 3, "multilabel"),
        ("regression", 2, "regression"),
        (None, 1, "regression"),
    ],
)
def test_the_task_is_that_of_the_problem(problem: str | None, labels: int, task: str) -> None:
    network, tokenizer = small.bert(labels, problem_type=problem), small.bert_tokenizer()
    model = from_transformers(network, tokenizer)
    assert model.task == task
    logits = network(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits.detach()
    expected = {"classification": logits.softmax(1), "multilabel": logits.sigmoid(), "regression": logits}[task]
    assert torch.allclose(model.predict(TEXTS), expected)


def test_every_family_of_methods_explains_strings_by_word() -> None:
    model = from_transformers(named(), small.bert_tokenizer())
    names = ("a", "dull", "film")
    for method in (xai.occlusion, xai.kernel_shap, xai.lime_text):
        e = method(model, TEXTS[:1], "c")
        assert e.row_names[0] == names
        assert e.target_name() == "c"
    for method in (xai.saliency, xai.integrated_gradients, xai.smoothgrad):
        assert method(model, TEXTS[:1], "c").row_names[0] == ("[CLS]", *names, "[SEP]")


def test_a_length_is_that_of_the_network_where_the_tokenizer_has_none() -> None:
    model = from_transformers(small.bert(max_position_embeddings=8), small.bert_tokenizer())
    with pytest.warns(xai.XaiWarning, match="row 0 is cut"):
        assert torch.isfinite(model.predict(["a " * 30])).all()
    config = small.transformers.RobertaConfig(vocab_size=110, max_position_embeddings=12, pad_token_id=4, **small.SMALL)
    roberta = small.built(small.transformers.RobertaForSequenceClassification, config)
    with pytest.warns(xai.XaiWarning, match="row 0 is cut"):
        assert torch.isfinite(from_transformers(roberta, small.bert_tokenizer()).predict(["a " * 30])).all()


def test_what_cannot_be_taken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = small.bert_tokenizer()
    with pytest.raises(InputError, match=r"from_transformers: tokenizer: expected that of the network, got none"):
        from_transformers(small.bert())
    with pytest.raises(InputError, match=r"xai\.prompt_attribution"):
        from_transformers(small.gpt(), tokenizer)
    with pytest.raises(InputError, match="a pipeline or a network of transformers"):
        from_transformers(torch.nn.Linear(2, 2), tokenizer)
    with pytest.raises(InputError, match="a tokenizer of transformers or tokenizers"):
        from_transformers(small.bert(), str.split)
    with pytest.raises(InputError, match="max_length: expected a whole number from 1, got 0"):
        from_transformers(small.bert(), tokenizer, max_length=0)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'xai-toolkit\[texts\]'"):
        from_transformers("a pipeline")
