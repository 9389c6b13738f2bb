"""Modules that are no plain modules: right, or refused by name, and left as they were."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

import xai
from xai.base.errors import NetworkError, XaiError
from xai.model.model import Model

ROWS = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def plain(seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


class Stubs(nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        self.before, self.body = torch.ao.quantization.QuantStub(), plain(seed)
        self.behind = torch.ao.quantization.DeQuantStub()

    def forward(self, x: Tensor) -> Tensor:
        return self.behind(self.body(self.before(x)))


def static(seed: int = 0) -> nn.Module:
    network = Stubs(seed).eval()
    network.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")
    prepared = torch.ao.quantization.prepare(network)
    prepared(torch.randn(50, 4, generator=torch.Generator().manual_seed(1)))
    return torch.ao.quantization.convert(prepared)


def dynamic(seed: int = 0) -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(plain(seed), {nn.Linear})


class Beside(nn.Module):
    """A quantized branch beside a plain one, whose gradient alone would be half the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.quantized, self.linear = dynamic(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.quantized(x) + self.linear(x)


class Graph(nn.Module):
    def __init__(self, compressed: bool = False, edge: float = 1.0) -> None:
        super().__init__()
        edges = torch.eye(4)
        edges[0, 1] = edge
        self.register_buffer("edges", edges.to_sparse_csr() if compressed else edges.to_sparse())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear((self.edges @ x.T).T)


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unused, self.linear = nn.Linear(4, 3, device="meta"), plain()  # the first says nothing of the device

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


class Masked(nn.Module):
    """An encoder that makes nested tensors of what a mask leaves where no gradient is taken."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
            self.encoder, self.linear = nn.TransformerEncoder(layer, 1, enable_nested_tensor=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        steps = x[:, None] * torch.tensor([1.0, 2.0, 3.0])[:, None]
        mask = torch.tensor([False, False, True]).expand(len(x), 3)
        return self.linear(self.encoder(steps, src_key_padding_mask=mask).mean(1))


def exported(fixed: bool) -> nn.Module:
    shapes = None if fixed else ({0: torch.export.Dim("rows")},)
    return torch.export.export(plain(), (torch.randn(2, 4),), dynamic_shapes=shapes).module()


def scripted(frozen: bool, seed: int = 0) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to retire scripting
        made = torch.jit.script(plain(seed).eval())
        return torch.jit.freeze(made) if frozen else made


def traced() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(plain().eval(), torch.randn(1, 4))


def made_in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return plain()


def without_training() -> nn.Module:
    network = plain()
    del network[0].__dict__["training"]
    return network


# What saliency has to be: that of the plain network, or a named error.
SAME: dict[str, Callable[[], nn.Module]] = {
    "exported": lambda: exported(False),
    "exported, fixed batch": lambda: exported(True),
    "scripted": lambda: scripted(False),
    "frozen": lambda: scripted(True),
    "traced": traced,
    "meta parameters": Unused,
    "without training": without_training,
}
NO_GRADIENT: dict[str, Callable[[], nn.Module]] = {
    "static int8": static,
    "dynamic int8": dynamic,
    "int8 beside float": Beside,
    "inference mode": made_in_inference_mode,
}
ALL = {**SAME, **NO_GRADIENT, "sparse": Graph, "sparse rows": lambda: Graph(True), "masked encoder": Masked}


def state(network: nn.Module) -> list:
    modules = [(name, getattr(item, "training", None)) for name, item in network.named_modules()]
    return [modules, [item.requires_grad for item in network.parameters()]]


@pytest.fixture(autouse=True)
def no_deprecations() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to retire most of this; int8 scales depend on the batch
        yield


@pytest.mark.parametrize("name", SAME)
def test_the_same_network_in_another_form_has_the_same_explanations(name: str) -> None:
    ours, theirs = Model(SAME[name]()), Model(plain())
    for method in (xai.saliency, xai.integrated_gradients, xai.occlusion):
        assert torch.allclose(method(ours, ROWS, 1).values, method(theirs, ROWS, 1).values, atol=1e-5)


@pytest.mark.parametrize("name", NO_GRADIENT)
@pytest.mark.parametrize(
    "method", ["saliency", "integrated_gradients", "smoothgrad", "gradient_shap", "deeplift", "lrp"]
)
def test_gradient_methods_refuse_what_has_no_gradient(name: str, method: str) -> None:
    network = NO_GRADIENT[name]()
    before = state(network)
    with pytest.raises(NetworkError, match=rf"{method}: network: expected"):
        getattr(xai, method)(Model(network), ROWS, 1)
    assert state(network) == before


@pytest.mark.parametrize("name", ALL)
def test_perturbation_methods_work_and_leave_no_trace(name: str) -> None:
    network = ALL[name]()
    before = state(network)
    model = Model(network, task="regression")
    scores, zero = model.predict(ROWS[:2])[:, 1], model.predict(torch.zeros(2, 4))[:1, 1]
    fell = xai.occlusion(model, ROWS, 1).values
    assert fell.abs().max() > 0.01
    shares = xai.kernel_shap(model, ROWS[:2], 1, samples=100)
    sums = torch.stack([part.sum() for part in shares.values]).float()
    assert torch.allclose(sums, scores - zero, atol=1e-3)
    assert "non_deterministic" not in shares.diagnostics[0]
    assert len(model.digest()) == 64
    assert state(network) == before


def test_a_masked_encoder_is_one_function_with_and_without_gradients() -> None:
    model = Model(Masked())
    slopes = xai.saliency(model, ROWS, 1)
    assert "non_deterministic" not in slopes.diagnostics[0]
    with model.explaining("test", ROWS, 1) as session:
        for column in range(4):
            step = torch.zeros(4)
            step[column] = 1e-2
            up, down = (session.scores(ROWS + sign * step, session.rows) for sign in (1, -1))
            assert torch.allclose(((up - down) / 2e-2).abs().float(), slopes.values[:, column], atol=2e-2)
    assert model.network.encoder.use_nested_tensor


@pytest.mark.parametrize(
    "make", [static, dynamic, lambda seed: scripted(True, seed), lambda seed: Graph(edge=seed + 1)]
)
def test_other_weights_have_another_digest(make: Callable[[int], nn.Module]) -> None:
    first, again, other = (Model(make(seed)).digest() for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("layers", [(nn.Linear,), (nn.Linear, nn.Linear), (nn.EmbeddingBag,)])
def test_weights_without_memory_are_named(layers: tuple) -> None:
    words = layers[0] is nn.EmbeddingBag
    network = nn.Sequential(*[layer(4, 4, device="meta") for layer in layers])
    model = Model(network, input=xai.TextInput(["a", "b"]) if words else None)
    for method in (xai.saliency, xai.occlusion):
        with pytest.raises(
            NetworkError, match=f"{method.__name__}: network: expected weights with numbers, got .*meta"
        ):
            method(model, ["a b"] if words else torch.rand(1, 4), 1)


def test_a_lazy_network_is_refused_and_stays_lazy() -> None:
    network = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))
    for method in (xai.saliency, xai.occlusion):
        with pytest.raises(NetworkError, match="a lazy layer that was never run"):
            method(Model(network), ROWS, 0)
    assert isinstance(network[0], nn.LazyLinear)
    network(ROWS)
    assert xai.saliency(Model(network), ROWS, 0).values.shape == (3, 4)


def test_a_restore_that_fails_does_not_keep_the_others() -> None:
    network = made_in_inference_mode()
    with pytest.raises(XaiError):
        xai.saliency(Model(network), ROWS, 0)
    assert all(item.requires_grad for item in network.parameters())
    assert xai.occlusion(Model(network), ROWS, 0).values.shape == (3, 4)
