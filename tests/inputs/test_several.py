"""Several inputs at once: each part as it would be explained alone, and companions that travel along."""

from __future__ import annotations

import captum.attr
import pytest
import torch
from torch import Tensor, nn

import xai
from xai import ImageInput, Inputs, Model, SequenceInput, TabularInput, TensorInput, XaiError
from xai.plots.several_inputs import pictures_apart


class Both(nn.Module):
    """A picture and three columns, of which a mask says which count."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.meta, self.head = nn.Conv2d(1, 4, 3), nn.Linear(3, 4), nn.Linear(8, 2)

    def forward(self, image: Tensor, meta: Tensor, mask: Tensor) -> Tensor:
        assert mask.dtype == torch.bool
        return self.head(torch.cat([self.conv(image).relu().mean((2, 3)), torch.tanh(self.meta(meta * mask))], 1))


KIND = Inputs(
    image=ImageInput((1, 6, 6), mean=[0.4], std=[0.5]),
    meta=TabularInput(["age", "size", "dose"]),
    mask=torch.ones(3, dtype=torch.bool),
)


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model(Both(), classes=["no", "yes"], input=KIND)


@pytest.fixture
def batch() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]], dtype=torch.bool)
    return {"image": torch.rand(2, 1, 6, 6, generator=draw), "meta": torch.randn(2, 3, generator=draw), "mask": mask}


def _network(model: Model, batch: dict[str, Tensor]) -> Tensor:
    return model.network(batch["image"].sub(0.4).div(0.5), batch["meta"], batch["mask"])


def test_the_network_gets_its_parts(model: Model, batch: dict[str, Tensor]) -> None:
    expected = _network(model, batch).detach().softmax(1)
    assert torch.allclose(model.predict(batch), expected, atol=1e-6)
    assert torch.allclose(model.predict((batch["image"], batch["meta"], batch["mask"])), expected, atol=1e-6)
    assert torch.allclose(model.predict(KIND.prepare(batch)), expected, atol=1e-6)
    as_asked = Model(
        model.network, input=KIND, forward=lambda network, parts: network(parts["image"], parts["meta"], parts["mask"])
    )
    assert torch.allclose(as_asked.predict(batch), expected, atol=1e-6)


def test_gradients_are_those_of_each_part(model: Model, batch: dict[str, Tensor]) -> None:
    found = KIND.unpack(xai.saliency(model, batch, 1).values)
    image, meta = batch["image"].clone().requires_grad_(), batch["meta"].clone().requires_grad_()
    expected = torch.autograd.grad(_network(model, {**batch, "image": image, "meta": meta})[:, 1].sum(), [image, meta])
    assert torch.allclose(found["image"], expected[0].abs(), atol=1e-6)
    assert torch.allclose(found["meta"], expected[1].abs(), atol=1e-6)
    assert not found["mask"].any()


def test_integrated_gradients_are_those_of_captum(model: Model, batch: dict[str, Tensor]) -> None:
    def forward(image: Tensor, meta: Tensor) -> Tensor:
        return _network(model, {"image": image, "meta": meta, "mask": torch.ones(len(meta), 3, dtype=torch.bool)})

    full = {**batch, "mask": torch.ones(2, 3, dtype=torch.bool)}
    parts = captum.attr.IntegratedGradients(forward).attribute(
        (full["image"], full["meta"]), (torch.full_like(full["image"], 0.25), 0.0), target=1, n_steps=50,
        method="gausslegendre",
    )  # fmt: skip
    e = xai.integrated_gradients(model, full, 1, baseline={"image": 0.25, "meta": "zero"})
    found = KIND.unpack(e.values)
    assert torch.allclose(found["image"], parts[0], atol=1e-5)
    assert torch.allclose(found["meta"], parts[1], atol=1e-5)
    assert e.baseline == "image: 0.25, meta: zero"


def test_the_share_of_each_input_is_its_shapley_value(model: Model, batch: dict[str, Tensor]) -> None:
    def score(image: Tensor, meta: Tensor) -> Tensor:
        return _network(model, {**batch, "image": image, "meta": meta})[:, 1].detach()

    image, meta = batch["image"], batch["meta"]
    absent = torch.zeros_like(image), torch.zeros_like(meta)
    full, none = score(image, meta), score(*absent)
    only_image, only_meta = score(image, absent[1]), score(absent[0], meta)
    e = xai.kernel_shap(model, batch, 1, segments="inputs", background="zero")
    shares = torch.stack(e.values)
    assert e.value_names() == ["image", "meta"]
    assert torch.allclose(shares[:, 0], (only_image - none + full - only_meta) / 2, atol=1e-5)
    assert torch.allclose(shares[:, 1], (only_meta - none + full - only_image) / 2, atol=1e-5)
    # Of two numbers no pattern can be shown.
    found = xai.verify(model, e, ["faithfulness", "deletion", "insertion"], seed=0).evidence[0]
    assert {item.status for item in found} == {"untestable"}


@pytest.mark.parametrize("method", ["deeplift", "lrp", "smoothgrad", "gradient_shap", "occlusion", "lime_segments"])
def test_every_method_for_numbers_takes_them(model: Model, batch: dict[str, Tensor], method: str) -> None:
    e = getattr(xai, method)(model, batch, 1)
    for row, names in enumerate(map(e.value_names, range(len(e)))):
        assert len(names) == e.values[row].numel()
    if e.over == "input":
        assert not KIND.unpack(e.values)["mask"].any()
    else:
        assert {"meta age", "meta size", "meta dose"} < set(e.value_names())


def test_evidence_and_a_file(model: Model, batch: dict[str, Tensor], tmp_path) -> None:
    verified = xai.verify(model, xai.integrated_gradients(model, batch, 1), ["faithfulness", "completeness"], seed=0)
    assert [finding.status for finding in verified.evidence[0]] == ["pass", "pass"]
    read = xai.Explanation.load(verified.save(tmp_path / "both.safetensors"))
    assert xai.verify(model, read, ["faithfulness"], seed=0).evidence[0][0] == verified.evidence[0][0]
    assert "meta age" in xai.Report("both", [verified]).save(tmp_path / "both.html").read_text()


def test_a_hidden_input_keeps_its_companion(model: Model, batch: dict[str, Tensor]) -> None:
    rows = KIND.prepare(batch)
    hidden = KIND.hide(rows, torch.zeros(2, 42, dtype=torch.bool), torch.full_like(rows, 7.0))
    parts = KIND.unpack(hidden)
    assert bool((parts["image"] == 7).all())
    assert torch.equal(parts["mask"], batch["mask"].float())


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"image": torch.rand(2, 1, 6, 6), "meta": torch.rand(2, 3)}, "a dictionary of image, meta, mask"),
        (torch.rand(2, 3), "a dictionary of image, meta, mask"),
        ({"image": torch.rand(2, 1, 5, 6), "meta": torch.rand(2, 3), "mask": torch.ones(2, 3)}, r"inputs\['image'\]"),
        ({"image": torch.rand(2, 1, 6, 6), "meta": torch.rand(3, 3), "mask": torch.ones(2, 3)}, "as many rows"),
        ({"image": torch.rand(2, 1, 6, 6), "meta": torch.rand(2, 3), "mask": torch.ones(2, 4)}, r"shape \(N, 3\)"),
    ],
)  # fmt: skip
def test_other_batches_are_refused(model: Model, inputs: object, words: str) -> None:
    with pytest.raises(XaiError, match=words):
        xai.saliency(model, inputs)


def test_what_cannot_be_one_of_several_is_refused(model: Model, batch: dict[str, Tensor]) -> None:
    for kinds in ({}, {"any": TensorInput()}, {"mask": torch.ones(3)}, {"a": 3}):
        with pytest.raises(XaiError, match=r"^Inputs: "):
            Inputs(**kinds)
    assert Inputs(series=SequenceInput(["a"], 4)).shape == (4,)
    with pytest.raises(XaiError, match="baseline"):
        xai.integrated_gradients(model, batch, baseline="blur")
    with pytest.raises(XaiError, match="one for each of image, meta"):
        xai.integrated_gradients(model, batch, baseline={"image": 0})


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion", "lime_segments"])
def test_a_report_draws_a_map_over_the_picture(model: Model, batch: dict[str, Tensor], method: str) -> None:
    settings = {"lime_segments": {"samples": 60}}.get(method, {})
    e = getattr(xai, method)(model, batch, 1, **settings)
    pictures, rest = pictures_apart(e)
    values = e.values if isinstance(e.values, Tensor) else torch.stack(e.values)
    assert list(pictures) == ["image"]
    assert torch.equal(pictures["image"].inputs, batch["image"])
    assert torch.allclose(pictures["image"].values.flatten(1).float(), values[:, :36].float())
    assert rest.value_names() == ["meta age", "meta size", "meta dose"]
    assert torch.allclose(torch.stack(rest.values), values[:, 36:39])
    page = xai.Report("both", [e]).html()
    assert "<h3>image</h3>" in page
    assert page.count('class="overlay') == page.count("meta dose</td>") == 2
    assert "image [0, 0, 0]" not in page


def test_pictures_alone_leave_nothing_and_keep_their_evidence() -> None:
    kind = Inputs(one=ImageInput((1, 4, 4)), two=ImageInput((3, 4, 4)))
    network = nn.Sequential(nn.Linear(64, 2))
    alone = Model(
        network, input=kind, forward=lambda net, parts: net(torch.cat([p.flatten(1) for p in parts.values()], 1))
    )
    e = xai.saliency(alone, {"one": torch.rand(1, 1, 4, 4), "two": torch.rand(1, 3, 4, 4)})
    e = xai.verify(alone, e, ["non_sensitivity"], seed=0)
    pictures, rest = pictures_apart(e)
    assert rest is None
    assert pictures["two"].values.shape == (1, 3, 4, 4)
    assert pictures["two"].evidence == e.evidence
    shares = xai.kernel_shap(alone, e.inputs, segments="inputs")
    assert pictures_apart(shares) == ({}, shares)
    assert xai.Report("two", [e, shares]).html().count("<h3>two</h3>") == 1
