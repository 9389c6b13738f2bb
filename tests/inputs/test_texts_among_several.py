"""Texts beside pictures and columns: their words are hidden as those of a text alone."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer, models
from tokenizers.pre_tokenizers import Whitespace
from torch import Tensor, nn

import xai
from xai import ImageInput, Inputs, Model, TabularInput, TextInput, XaiError


class Sum(nn.Module):
    """A picture, the words of a text and two columns: each adds what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.columns = nn.Linear(4, 2), nn.Linear(2, 2)
        self.words = nn.EmbeddingBag(6, 2, mode="sum", padding_idx=0)

    def forward(self, image: Tensor, text: Tensor, meta: Tensor) -> Tensor:
        return self.words(text) + self.picture(image.flatten(1)) + self.columns(meta)


WORDS = TextInput(["dull", "good", "film", "a"])
KIND = Inputs(image=ImageInput((1, 2, 2)), text=WORDS, meta=TabularInput(["age", "size"]))
BATCH = {
    "image": torch.rand(2, 1, 2, 2, generator=torch.Generator().manual_seed(0)),
    "text": ["a good, good film", "dull"],
    "meta": torch.tensor([[0.5, 2.0], [1.0, -1.0]]),
}


@pytest.fixture
def model() -> Model:
    torch.manual_seed(1)
    return Model(Sum().eval(), classes=["no", "yes"], input=KIND)


def expected(model: Model, row: int) -> dict[str, float]:
    """Return what each part adds to class 1."""
    network, text = model.network, BATCH["text"][row]
    words = [network.words.weight[number, 1] for number in WORDS.numbers(text)]
    pixels = BATCH["image"][row].flatten() * network.picture.weight[1]
    columns = BATCH["meta"][row] * network.columns.weight[1]
    names = [*(f"image {n}" for n in range(4)), *(f"text {w}" for w in WORDS.words(text)), "meta age", "meta size"]
    return names, torch.stack([*pixels, *words, *columns]).detach()


@pytest.mark.parametrize("method", ["occlusion", "kernel_shap", "lime_segments"])
def test_each_part_gets_what_it_adds(model: Model, method: str) -> None:
    settings = {"lime_segments": {"samples": 200, "of": "output", "baseline": "zero"}}.get(method, {})
    found = getattr(xai, method)(model, BATCH, 1, **settings)
    for row in range(2):
        names, values = expected(model, row)
        assert found.value_names(row) == names
        assert torch.allclose(found.values[row].float(), values, atol=3e-4)  # LIME's penalty


def test_the_share_of_the_text_is_what_its_words_add(model: Model) -> None:
    found = xai.kernel_shap(model, BATCH, 1, segments="inputs")
    for row in range(2):
        names, values = expected(model, row)
        shares = [values[[name.startswith(part) for name in names]].sum() for part in ("image", "text", "meta")]
        assert torch.allclose(found.values[row], torch.stack(shares), atol=1e-5)


def test_evidence_and_company(model: Model) -> None:
    found = xai.verify(model, xai.occlusion(model, BATCH, 1), ["faithfulness"], seed=0)
    assert [[finding.status for finding in row] for row in found.evidence] == [["pass"]] * 2
    alone = {name: part[1:] for name, part in BATCH.items()}
    beside, single = (xai.lime_segments(model, batch, 1, samples=40, seed=3) for batch in (BATCH, alone))
    assert torch.allclose(beside.values[1], single.values[0], atol=1e-6)


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "deeplift", "lrp", "smoothgrad"])
def test_gradients_are_refused_and_say_what_to_take(model: Model, method: str) -> None:
    with pytest.raises(XaiError, match=r"numbers alone \(occlusion, kernel_shap and lime_segments hide words"):
        getattr(xai, method)(model, BATCH, 1)


class Reader(nn.Module):
    """Reads tokens by their names in a tokenizer's dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Embedding.from_pretrained(torch.tensor([[0.0], [0.5], [2.0], [-3.0], [10.0]]))

    def forward(self, meta: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return meta + (self.weights(input_ids)[:, :, 0] * attention_mask).sum(1, keepdim=True)


def test_a_tokenizer_hands_its_tensors_by_name_and_its_mask_token_hides() -> None:
    tokenizer = Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3, "[MASK]": 4}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(["[MASK]"])
    kind = Inputs(meta=TabularInput(["age"]), review=TextInput.of(tokenizer))
    model = Model(Reader(), task="regression", input=kind)
    batch = {"meta": [[1.0], [2.0]], "review": ["good bad good", "so good"]}
    assert model.predict(batch)[:, 0].tolist() == [2.0, 4.5]
    removed = xai.occlusion(model, batch)
    assert removed.value_names(0) == ["meta age", "review good", "review bad", "review good"]
    assert [row.tolist() for row in removed.values] == [[1.0, 2.0, -3.0, 2.0], [2.0, 0.5, 2.0]]
    masked = xai.occlusion(model, batch, baseline={"meta": "zero", "review": "mask"})
    assert [row.tolist() for row in masked.values] == [[1.0, -8.0, -13.0, -8.0], [2.0, -9.5, -8.0]]
    assert masked.baseline == "meta: zero, review: mask"
    with pytest.raises(XaiError, match="one of float32 or float64, beside texts"):
        Model(Reader().half(), task="regression", input=kind).predict(batch)
