"""SP-LIME against a search over every choice, and on each kind of input."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from tests.zoo import ZOO, images
from xai.attribution.gradient_methods import saliency
from xai.base.errors import InputError
from xai.inputs.table import TabularInput
from xai.inputs.text import TextInput
from xai.lime.image import lime_image
from xai.lime.pick import _greedy, submodular_pick
from xai.lime.tabular import lime_tabular
from xai.lime.text import lime_text
from xai.model.model import Model


@pytest.mark.parametrize("seed", range(5))
def test_greedy_reaches_its_guarantee(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    covers = torch.rand(8, 12, generator=generator) < 0.25
    importance = torch.rand(12, generator=generator, dtype=torch.float64)
    _, coverage = _greedy(covers, importance, 3)
    best = max(float(importance[covers[list(rows)].any(0)].sum()) for rows in combinations(range(8), 3))
    assert coverage[-1] >= (1 - 1 / np.e) * best / float(importance.sum()) - 1e-9
    assert coverage == sorted(coverage)


def test_texts_that_say_different_things_are_picked() -> None:
    worth = {"good": 0.2, "bad": -0.2, "slow": -0.1}

    def score(texts: list[str]) -> np.ndarray:
        return np.array([[0.5 + sum(worth.get(word, 0) for word in text.split())] for text in texts])

    model = Model.from_callable(score, input=TextInput(), task="regression")
    texts = ["good film", "good end", "bad film", "bad slow film", "film end"]
    e = lime_text(model, texts, of="output", samples=200, penalty=0.0)
    picked = submodular_pick(e, budget=5)
    assert picked.rows == (3, 0), "the two texts that hold all words with a worth; a third would add nothing"
    assert picked.coverage[-1] == pytest.approx(1)
    assert set(picked.importance) == {"good", "film", "end", "bad", "slow"}
    assert picked.importance["film"] == pytest.approx(0, abs=1e-3)
    assert list(picked.to_frame()["row"]) == [3, 0]


def test_tables_and_images() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Linear(4, 2)
    data = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    table = lime_tabular(
        Model(network, input=TabularInput(["a", "b", "c", "d"])), data[:10], background=data, samples=500
    )
    picked = submodular_pick(table, budget=2)
    assert 1 <= len(picked) <= 2
    assert set(picked.importance) == {"a", "b", "c", "d"}
    pictures = lime_image(ZOO["plain"](), images(4), segments="grid", samples=200)
    seen = submodular_pick(list(pictures), budget=3, sure=False)
    assert 0 < seen.coverage[-1] <= 1
    assert all(name.startswith("kind ") for name in seen.importance)


def test_what_cannot_be_picked_is_named() -> None:
    e = lime_image(ZOO["plain"](), images(2), segments="grid", samples=50)
    for arguments in ({"budget": 0}, {"budget": 1.5}, {"features": 0}):
        with pytest.raises(InputError, match=r"submodular_pick: .*expected"):
            submodular_pick(e, **arguments)
    for given in ([], None, saliency(ZOO["plain"](), images(2))):
        with pytest.raises(InputError, match="submodular_pick: explanations"):
            submodular_pick(given)
