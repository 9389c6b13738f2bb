"""Rollout and gradient-weighted attention: closed forms, Chefer's rule derived again, planted truths, named errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.planted_transformers import PlantedViT, by_patch, images
from xai.attribution.attention_maps import attention_gradient, attention_rollout
from xai.attribution.gradient_methods import saliency
from xai.base.errors import InputError, NetworkError
from xai.evidence.faithfulness import faithfulness
from xai.evidence.token_removal import attention
from xai.evidence.verify import usual_checks, verify
from xai.model.model import Model

BOTH = (attention_rollout, attention_gradient)
FIRST = np.log([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]])
SECOND = np.log([[0.2, 0.7, 0.1], [0.4, 0.4, 0.2], [0.3, 0.3, 0.4]])


class TwoLayers(nn.Module):
    """Two layers whose attention is set by hand, each added to what it read; the score is read at token 0."""

    def __init__(self, read: object = 0) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.from_numpy(np.stack([FIRST, SECOND])))
        self.weights = nn.Parameter(torch.tensor([[1.0, -2.0], [0.5, 1.0]]).double())
        self.read = read

    def forward(self, x: Tensor) -> Tensor:
        for logits in self.logits:
            x = x + (logits + 0 * x @ x.transpose(1, 2)).softmax(-1) @ x
        return (x[:, self.read] if isinstance(self.read, int) else x.mean(1)) @ self.weights.T


TOKENS = torch.tensor([[[1.0, 0.5], [-1.0, 2.0], [3.0, 1.0]]]).double()


def test_rollout_is_the_product_of_matrices_by_hand() -> None:
    first, second = np.exp(FIRST), np.exp(SECOND)
    layers = (np.eye(3) + second) / 2 @ ((np.eye(3) + first) / 2)
    for read, expected in ((0, layers[0]), (2, layers[2]), ("mean", layers.mean(0))):
        made = attention_rollout(Model(TwoLayers(read)), TOKENS, 1)
        np.testing.assert_allclose(made.values[0].numpy(), expected, atol=1e-12)
        assert made.values.sum() == pytest.approx(1)
        other = attention_rollout(Model(TwoLayers(read)), TOKENS, 0)
        assert torch.equal(made.values, other.values)  # no class is asked


def test_the_weighted_rule_is_that_of_gradients_by_hand() -> None:
    first, second, x = np.exp(FIRST), np.exp(SECOND), TOKENS[0].numpy()
    for number, weights in enumerate(([1.0, -2.0], [0.5, 1.0])):
        middle = x + first @ x
        of_second = np.zeros((3, 3))
        of_second[0] = middle @ weights
        of_first = np.outer(np.eye(3)[0] + second[0], x @ weights)
        kept = [np.maximum(part * by, 0) for part, by in ((first, of_first), (second, of_second))]
        relevance = (np.eye(3) + kept[1]) @ (np.eye(3) + kept[0]) - np.eye(3)
        made = attention_gradient(Model(TwoLayers()), TOKENS, number)
        np.testing.assert_allclose(made.values[0].numpy(), relevance[0], atol=1e-12)


class Encoder(nn.Module):
    """A transformer encoder of torch behind a patch embedding, read at the mean of its tokens, or at the last one."""

    def __init__(self, causal: bool = False, norm_first: bool = True) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=norm_first, dropout=0.1)
            self.body = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
            for parameter in self.body.parameters():
                parameter.data += 0.3 * torch.randn_like(parameter)
            self.head = nn.Linear(8, 3)
        self.causal = causal

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype) if self.causal else None
        x = self.body(x, mask=mask)
        return self.head(x[:, -1] if self.causal else x.mean(1))


def derived(network: Encoder, x: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Return Chefer's relevance and the rollout, from a forward pass written out and plain autograd, (N, T) each."""
    maps, steps = [], x.shape[1]
    for layer in network.body.layers:
        own = layer.self_attn
        read = layer.norm1(x) if layer.norm_first else x
        query, key, value = (
            part.unflatten(2, (2, 4)).transpose(1, 2)
            for part in (read @ own.in_proj_weight.T + own.in_proj_bias).chunk(3, 2)
        )
        logits = query @ key.transpose(2, 3) / 2
        if network.causal:
            logits = logits + torch.full((steps, steps), -torch.inf).double().triu(1)
        maps.append(logits.softmax(3).requires_grad_())
        maps[-1].retain_grad()
        x = x + own.out_proj((maps[-1] @ value).transpose(1, 2).flatten(2))
        x = x if layer.norm_first else layer.norm1(x)
        wide = layer.linear2(torch.relu(layer.linear1(layer.norm2(x) if layer.norm_first else x)))
        x = x + wide if layer.norm_first else layer.norm2(x + wide)
    network.head(x[:, -1] if network.causal else x.mean(1))[:, number].sum().backward()
    whole = rolled = torch.eye(steps).double()
    for layer in maps:
        whole = whole + (layer.grad * layer.detach()).clamp_min(0).mean(1) @ whole
        rolled = (0.5 * layer.detach().mean(1) + 0.5 * torch.eye(steps)) @ rolled
    whole = whole - torch.eye(steps)
    return (whole[:, -1], rolled[:, -1]) if network.causal else (whole.mean(1), rolled.mean(1))


@pytest.mark.parametrize("causal", [False, True])
def test_both_agree_with_a_forward_pass_written_out(causal: bool) -> None:
    """In eval mode and without gradients torch would run these layers in one piece; what is read is what they do."""
    network = Encoder(causal, norm_first=causal).double().eval()
    x = torch.randn(4, 5, 8, generator=torch.Generator().manual_seed(1)).double()
    relevance, rolled = derived(network, x, 2)
    made = attention_gradient(Model(network), x, 2, batch_size=3)
    assert torch.allclose(made.values, relevance, atol=1e-6)
    assert made.options["run"]["attention"] == [f"body.layers.{place}.self_attn" for place in range(3)]
    assert made.diagnostics[0]["tokens_read"] == (1 if causal else 5)
    assert torch.allclose(attention_rollout(Model(network), x, 2).values, rolled, atol=1e-6)
    assert not torch.allclose(attention_gradient(Model(network), x, 0).values, relevance, atol=1e-3)


@pytest.mark.parametrize("method", BOTH)
def test_it_points_at_the_patch_that_decides_however_attention_is_written(method: object) -> None:
    batch, where = images(16)
    maps = [method(Model(PlantedViT(style).eval()), batch).heatmap() for style in ("function", "module", "by hand")]
    assert torch.equal(by_patch(maps[0]).argmax(1), where)
    for other in maps[1:]:
        assert torch.allclose(other, maps[0], atol=1e-5 * float(maps[0].max()))


def test_the_heads_of_a_layer_are_put_together_as_asked() -> None:
    network = Encoder().double().eval()
    x = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(1)).double()
    maps = [attention_rollout(Model(network), x, heads=heads) for heads in ("mean", "max", "min")]
    assert all(made.values.sum() == pytest.approx(1) for made in maps)
    assert not torch.allclose(maps[0].values, maps[1].values, atol=1e-4)
    assert "heads" not in maps[0].options
    assert maps[1].options["heads"] == "max"
    with pytest.raises(InputError, match=r"attention_rollout: heads: expected one of mean, max, min"):
        attention_rollout(Model(network), x, heads="median")


class Mixed(nn.Module):
    """One stream of tokens, but for what `style` does to it."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style = style
        self.mix = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        heads = torch.stack([x, 2 * x], 1)  # (N, 2, T, D)
        weights = (heads @ heads.transpose(2, 3)).softmax(-1)
        if self.style == "talking heads":
            weights = self.mix(weights.movedim(1, -1)).movedim(-1, 1)
        x = x + (weights @ heads).sum(1)
        if self.style == "merged":
            x = x[:, ::2] + x[:, 1::2]
        if self.style == "latents":
            return ((x[:, :1] @ x.transpose(1, 2)).softmax(-1) @ x)[:, 0]
        return ((x @ x.transpose(1, 2)).softmax(-1) @ x)[:, 0]


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("talking heads", "got weights that are changed in between"),
        ("merged", "4 tokens in '', 2 in ''"),
        ("latents", "1 that look at 4 others"),
    ],
)
def test_what_is_no_single_stream_is_named(style: str, words: str) -> None:
    x = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1))
    for method in BOTH:
        with pytest.raises(NetworkError, match=f"{method.__name__}: network: expected .*{words}"):
            method(Model(Mixed(style)), x)


@pytest.mark.parametrize("length", [4, 5])
def test_an_encoder_beside_a_decoder_is_named(length: int) -> None:
    """Also where both have as many tokens, so that no shape tells them apart."""
    with torch.random.fork_rng(devices=[]):
        body = nn.Transformer(8, 2, 1, 1, 16, batch_first=True).eval()
    model = Model(body, forward=lambda network, x: network(x, x[:, :length].flip(1))[:, -1, :2])
    for method in BOTH:
        with pytest.raises(NetworkError, match=r"over all tokens.* got (values in 'decoder|4 that look)"):
            method(model, torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(1)))


def test_where_the_parts_of_the_input_are_can_be_said() -> None:
    class Begun(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = torch.cat([torch.ones(len(x), 1, 3) + 0 * x[:, :1], x], 1)
            return (x + (x @ x.transpose(1, 2)).softmax(-1) @ x)[:, 0]

    x = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1))
    with pytest.raises(InputError, match=r"reshape: expected .*their number.*5 tokens of \(4,\)"):
        attention_rollout(Model(Begun()), x)
    made = attention_rollout(Model(Begun()), x, reshape=(1, 4))
    assert made.options["reshape"] == [1, 4]
    weights = torch.cat([torch.ones(2, 1, 3), x], 1)
    shares = (weights @ weights.transpose(1, 2)).softmax(-1)[:, 0]
    assert torch.allclose(made.values, shares[:, 1:] / 2, atol=1e-6)
    with pytest.raises(InputError, match=r"reshape: expected .*got \(1, 5\) for 5 tokens"):
        attention_rollout(Model(Begun()), x, reshape=(1, 5))
    with pytest.raises(InputError, match="reshape: expected whole numbers"):
        attention_rollout(Model(Begun()), x, reshape=lambda part: part)


class Asked(nn.Module):
    """A class token looks at 12 others by their first number, and reads the sum of their second; or ignores it."""

    def __init__(self, ignored: bool = False) -> None:
        super().__init__()
        self.ignored = ignored

    def forward(self, x: Tensor) -> Tensor:
        numbers, said = torch.cat([torch.tensor([1.0, 0.0]).expand(len(x), 1, 2) + 0 * x[:, :1], x], 1).split(1, 2)
        looked = ((numbers @ numbers.transpose(1, 2)).softmax(-1) @ said)[:, 0]
        answer = looked * (1e-4 if self.ignored else 1) + 0.1
        return torch.cat([-answer, answer], 1)


def graded() -> Tensor:
    """Return tokens that are looked at more and more, of which the last says most, (1, 12, 2)."""
    said = torch.linspace(0, 0.1, 12)
    said[-1] = 3.0
    return torch.stack([torch.linspace(0, 4, 12), said], 1)[None]


@pytest.mark.parametrize("method", BOTH)
def test_taking_tokens_away_tells_attention_that_decides_from_one_that_does_not(method: object) -> None:
    made = {}
    for ignored in (False, True):
        model = Model(Asked(ignored))
        made[ignored] = attention(model, method(model, graded(), 1, reshape=(1, 12)))[0]
    assert made[False].status == "pass", made[False].text
    assert made[False].details["rank_correlation"] > 0.95
    assert ("the same for every class" in made[False].text) == (method is attention_rollout)
    # The map is of the same order: only taking tokens away tells the two apart.
    assert made[True].status == "warn"
    assert "hardly needs" in made[True].text
    assert made[True].details["change_most"] < 0.01


def test_the_change_is_that_of_a_network_that_cannot_look_there() -> None:
    model, x = Model(Asked()), graded()
    made = attention_rollout(model, x, 1, reshape=(1, 12))
    found = attention(model, made)[0].details["change"][0]
    weights = torch.cat([torch.ones(1), x[0, :, 0]]).softmax(0)
    said = torch.cat([torch.zeros(1), x[0, :, 1]])
    for change, token in zip(found, made.values[0].argsort(descending=True, stable=True).tolist(), strict=True):
        left = torch.where(torch.arange(13) == token + 1, 0, weights)
        expected = torch.sigmoid(2 * left / left.sum() @ said + 0.2) - torch.sigmoid(2 * weights @ said + 0.2)
        assert change == pytest.approx(float(expected.abs()), abs=1e-6)


def test_a_map_at_odds_with_what_is_looked_at_fails() -> None:
    model, x = Model(Asked()), graded()
    made = attention_rollout(model, x, 1, reshape=(1, 12))
    turned = replace(made, values=made.values.flip(1))
    assert attention(model, turned)[0].status == "fail"


def test_a_map_that_is_the_same_for_every_class_is_never_supported() -> None:
    batch, _ = images(2)
    model = Model(PlantedViT().eval())
    found = {method: faithfulness(model, method(model, batch)) for method in BOTH}
    assert {row.status for row in found[attention_gradient]} == {"pass"}
    assert {row.status for row in found[attention_rollout]} == {"warn"}
    assert all("the same for every class" in row.text for row in found[attention_rollout])
    verified = verify(model, attention_rollout(model, batch), ["faithfulness"])
    assert verified.pooled[0].status == "warn"
    assert "the same for every class" in verified.pooled[0].text


def test_attention_maps_carry_their_own_check_and_others_may_ask_for_it() -> None:
    assert usual_checks("attention_rollout")[-1] == usual_checks("attention_gradient")[-1] == "attention"
    assert "attention" not in usual_checks("saliency")
    model = Model(Asked())
    unknown = verify(model, saliency(model, graded(), 1), ["attention"]).evidence[0][0]
    assert unknown.status == "untestable"
    assert "13 tokens of (12,)" in unknown.text
    seen = Model(Encoder().eval())
    asked = attention(seen, saliency(seen, torch.rand(1, 5, 8, generator=torch.Generator().manual_seed(1)), 1))[0]
    assert asked.details["steps"] == 1
    plain = Model(nn.Sequential(nn.Flatten(), nn.Linear(24, 2)))
    untestable = attention(plain, saliency(plain, graded(), 1))[0]
    assert untestable.status == "untestable"
    assert "attention that can be read" in untestable.text
