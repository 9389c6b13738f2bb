"""Factors of a layer: planted parts are found where they lie, effects are those of the weights, noise has none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import xai
from tests.trace_state import differences, state_of
from xai.base.errors import FolderError, InputError, LayerError
from xai.global_explanations.deep_feature_factorization import _each, _whole
from xai.global_explanations.factoring import cosines_of_pairs, factorize, left_over
from xai.reports.language import in_language, translated
from xai.results.layer_factors import LayerFactors

DIRECTIONS = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0, 0.5]])  # of the planted network's channels
SCORES = torch.tensor([[0.0] * 5, [3.0, 1.0, 0.0, -1.0, 0.0]])  # of two classes, by channel


class Planted(nn.Module):
    """Two colors of a picture, each on channels of its own; a score is a weighted sum over positions."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.act = nn.Conv2d(2, 5, 1, bias=False), nn.ReLU()
        with torch.no_grad():
            self.mix.weight.copy_(DIRECTIONS.T[:, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.mix(x)).sum((2, 3)) @ SCORES.T.to(x)


def pictures(count: int = 10) -> Tensor:
    """Spots of the two colors, never at one place."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(count, 2, 4, 4, generator=generator)
    first = torch.rand(count, 4, 4, generator=generator) > 0.5
    return x * torch.stack([first, ~first], 1)


def planted() -> xai.Model:
    return xai.Model(Planted(), classes=["none", "some"], input=xai.ImageInput((2, 4, 4)))


def test_planted_parts_are_found_with_their_places_and_effects() -> None:
    model, x = planted(), pictures()
    before = state_of(model.network)
    found = xai.layer_factors(model, x, "act", "some", factors=2)
    assert differences(before, state_of(model.network)) == []
    assert found.error < 1e-3
    order = [1, 0]  # the second color makes up more of the squares
    unit = torch.nn.functional.normalize(DIRECTIONS, dim=1)
    assert torch.allclose(found.directions, unit[order], atol=2e-3)
    length = DIRECTIONS.norm(dim=1)
    assert torch.allclose(found.maps, (x * length[:, None, None])[:, order], atol=5e-3)
    assert torch.equal(found.heatmaps(), found.maps)  # the grid is that of the picture
    worth = DIRECTIONS @ SCORES[1]  # of each color, from the weights
    expected = (x.sum((2, 3)) * worth)[:, order]
    assert torch.allclose(found.effects.float(), expected, atol=2e-2)
    assert torch.allclose(found.shares.float(), expected / expected.sum(1, keepdim=True), atol=1e-2)
    assert [finding.status for finding in found.evidence] == ["pass"] * 3
    assert found.stability.min() > 0.99
    assert (found.target[0], found.options["run"]["negative"]) == ("some", 0.0)


def test_effects_of_a_network_that_is_not_linear_are_no_shares() -> None:
    """Score: the product of the two colors' sums. Without either it is 0: both effects are all of it."""

    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.maps = Planted()

        def forward(self, x: Tensor) -> Tensor:
            sums = self.maps.act(self.maps.mix(x)).sum((2, 3))
            score = sums[:, 0] * sums[:, 2]
            return torch.stack([score, -score], 1)

    found = xai.layer_factors(
        xai.Model(Product(), input=xai.ImageInput((2, 4, 4))), pictures(), "maps.act", 0, factors=2
    )
    whole = pictures().sum((2, 3)).prod(1)
    assert torch.allclose(found.effects.float(), whole[:, None].expand(-1, 2), rtol=2e-2)
    assert found.shares.isnan().all()


def test_noise_has_no_factors() -> None:
    """Channels that have nothing in common: factors leave as much of them as of shuffled ones."""
    network = nn.Sequential(nn.Conv2d(5, 5, 1, groups=5, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(80, 2))
    with torch.no_grad():
        network[0].weight.fill_(1.0)
    x = torch.rand(12, 5, 4, 4, generator=torch.Generator().manual_seed(3))
    found = xai.layer_factors(xai.Model(network), x, "1", 1, factors=2)
    assert found.evidence[0].status == "fail"
    assert {finding.status for finding in found.evidence[1:]} == {"fail"}
    assert "nothing in common" in found.evidence[0].text


def test_the_factorization_is_scikit_learns_and_its_length_is_in_the_weights() -> None:
    from sklearn.decomposition import non_negative_factorization

    values = np.random.default_rng(0).random((30, 4)) @ np.diag([1.0, 5.0, 2.0, 1.0])
    weights, directions = factorize(values * 1000, 2, 0)
    scale = np.sqrt(np.square(values).mean())
    theirs, parts, _ = non_negative_factorization(values / scale, n_components=2, init="nndsvda", max_iter=300)
    assert np.allclose(weights @ directions, theirs @ parts * scale * 1000, rtol=1e-6)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    assert np.isclose(
        left_over(values * 1000, weights, directions), left_over(values, theirs @ parts, np.eye(4) * scale)
    )
    assert np.allclose(cosines_of_pairs(directions, directions[::-1] * 1.0), 1)


@pytest.mark.parametrize("shape", [(6, 3, 9), (4, 2, 4, 4, 4)])
def test_series_and_volumes_have_factors(shape: tuple[int, ...]) -> None:
    conv = {3: nn.Conv1d, 5: nn.Conv3d}[len(shape)](shape[1], 4, 3)
    with torch.no_grad():
        conv.weight.abs_()
        conv.bias.zero_()
    network = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    network(x)
    found = xai.layer_factors(xai.Model(network), x, "1", 0, factors=2)
    assert found.heatmaps().shape == (shape[0], 2, *shape[2:])
    head = network[3].weight[0].detach().view(4, -1)
    parts = torch.einsum("nkp,kc,cp->nk", found.maps.flatten(2), found.directions, head)
    assert torch.allclose(found.effects.float(), parts, atol=1e-4)  # of a linear head: its weights on each part
    assert found.plot().axes


def test_saved_and_shown(tmp_path: Path) -> None:
    model = planted()
    found = xai.layer_factors(model, pictures(), "act", 1, factors=2)
    back = LayerFactors.load(found.save(tmp_path / "factors.safetensors"))
    assert all(torch.equal(getattr(back, name), getattr(found, name)) for name in ("maps", "directions", "effects"))
    pd.testing.assert_frame_equal(back.to_frame(), found.to_frame())
    assert back.to_frame()["factor"].tolist() == ["factor 1", "factor 2"]
    assert (back.evidence, back.options, back.size) == (found.evidence, found.options, found.size)
    assert len(found.plot().axes) == 2 * 5
    assert "is found again" in xai.Report("Factors", [found]).html()
    with in_language("de"):
        page = xai.Report("Factors", [found]).html()
    words = " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page)).split())
    assert "Faktor 1 wird wiedergefunden: " in words
    assert "2 Faktoren lassen" in words
    assert not re.search(r"is found again|leave|shuffled|puts out|its share", words)


@pytest.mark.parametrize(
    ("stability", "chance", "said"),
    [(0.99, 0.3, "Faktor 1 wird wiedergefunden:"), (0.2, 0.3, "nicht wiedergefunden"), (0.95, 0.97, "der Zufall auch")],
)
def test_every_finding_has_its_german(stability: float, chance: float, said: str) -> None:
    whole = [_whole(3, error, np.full(19, 0.4)) for error in (0.1, 0.9)]
    (each,) = _each(np.array([stability]), np.array([chance]))
    with in_language("de"):
        assert said in translated(each.text)
        for finding in (*whole, each):
            english = {"of", "the", "is", "other", "shuffled", "they", "found"}
            assert not english & set(re.findall(r"\w+", f"{translated(finding.text)} {translated(finding.control)}"))


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    model = planted()
    other = xai.saliency(model, pictures(), 1).save(tmp_path / "other.safetensors")
    for path in (other, tmp_path / "none.safetensors"):
        with pytest.raises(FolderError, match="saved factors of a layer"):
            LayerFactors.load(path)
    with pytest.raises(LayerError, match="at least 9 channels"):
        xai.layer_factors(model, pictures(), "act", factors=9)
    with pytest.raises(InputError, match="layer_factors: controls"):
        xai.layer_factors(model, pictures(), "act", controls=5)
    with pytest.raises(LayerError, match="more than 0"):
        xai.layer_factors(model, 0 * pictures(), "act")
