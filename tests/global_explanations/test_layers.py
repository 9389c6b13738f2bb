"""Examples, neighbors and concepts: sorted by hand, brute force, and planted truths that must and must not be found."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.trace_state import differences, state_of
from tests.zoo import ZOO, images
from xai.base.errors import InputError, LayerError
from xai.global_explanations.activating_examples import activating_examples
from xai.global_explanations.neighbors import nearest_examples
from xai.inputs.series import SequenceInput
from xai.inputs.text import TextInput
from xai.model.model import Model


def rows(count: int, width: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def dense(seed: int = 0, width: int = 4) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Model(nn.Sequential(nn.Linear(width, 6), nn.ReLU(), nn.Linear(6, 3)), classes=["x", "y", "z"])


class TestActivatingExamples:
    def test_of_rows(self) -> None:
        model, data = dense(), rows(40)
        before = state_of(model.network)
        made = activating_examples(model, data, "1", [2, 0], count=3)
        assert differences(before, state_of(model.network)) == []
        values = model.network[0](data).detach()[:, [2, 0]]  # what the ReLU reads, not what it puts out
        for place in range(2):
            ranked = sorted(range(40), key=lambda row: -float(values[row, place]))
            assert made.most[place].tolist() == ranked[:3]
            assert made.least[place].tolist() == ranked[::-1][:3]
        assert torch.allclose(made.mean.float(), values.mean(0), atol=1e-5)
        frame = made.to_frame()
        assert len(frame) == 2 * 2 * 3
        first = frame.iloc[0]
        assert first["deviations"] == pytest.approx(
            float((values[:, 0].max() - values[:, 0].mean()) / values[:, 0].std(correction=0)), rel=1e-4
        )

    def test_of_channels_the_mean_over_positions(self) -> None:
        model, batch = ZOO["plain"](), images(12)
        made = activating_examples(model, batch, "conv2", [1], count=2, batch_size=5)
        seen = []
        handle = model.network.conv2.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
        model.predict(batch)
        handle.remove()
        means = torch.cat(seen)[:12, 1].mean((1, 2))
        assert made.most[0].tolist() == means.argsort(descending=True)[:2].tolist()

    @pytest.mark.parametrize("packed", [True, False])
    def test_of_recurrent_states_the_largest_over_the_steps_that_are_there(self, packed: bool) -> None:
        class Reader(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layer = nn.GRU(2, 3, batch_first=True)
                self.linear = nn.Linear(3, 2)

            def forward(self, series: Tensor) -> Tensor:
                lengths = (series != 0).any(2).sum(1)
                if packed:
                    _, last = self.layer(nn.utils.rnn.pack_padded_sequence(series, lengths, True, False))
                    return self.linear(last[0])
                return self.linear(self.layer(series)[0][:, 0])

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            network = Reader()
        series = rows(10, 12, 3).view(10, 6, 2)
        series[::2, 3:] = 0
        made = activating_examples(Model(network, input=SequenceInput(["a", "b"], 6)), series, "layer", count=10)
        states = network.layer(series)[0].detach()
        states[::2, 3:] = -math.inf
        assert torch.allclose(made.most_values, states.amax(1).T.sort(1, descending=True).values.double(), atol=1e-6)

    def test_of_texts(self) -> None:
        class Bag(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.table = nn.Embedding(6, 3, padding_idx=0)
                self.linear = nn.Linear(3, 2)

            def forward(self, words: Tensor) -> Tensor:
                return self.linear(self.table(words).sum(1))

        network = Bag()
        with torch.no_grad():
            network.table.weight[:] = -1
            network.table.weight[3, 1] = 9.0
        model = Model(network, input=TextInput(["good", "bad", "film"]))
        made = activating_examples(model, ["good film", "film", "a bad film", "film film"], "table", [1], count=1)
        assert made.most[0].tolist() == [2]
        import xai

        assert "a bad film" in xai.Report("Examples", [made]).html()

    def test_what_cannot_be_is_named(self) -> None:
        with pytest.raises(LayerError, match="units: expected numbers from 0 to 5"):
            activating_examples(dense(), rows(5), "0", [6])
        with pytest.raises(LayerError, match="layer: expected one like"):
            activating_examples(dense(), rows(5), "nothing")
        with pytest.raises(InputError, match="count"):
            activating_examples(dense(), rows(5), "0", count=0)

    def test_it_shows_itself(self) -> None:
        import xai

        made = activating_examples(ZOO["plain"](), images(12), "conv2", [0, 1], count=2)
        assert len(made.plot().axes) == 4
        assert xai.Report("Examples", [made]).html().count("<img") == 8


class TestNearestExamples:
    @pytest.mark.parametrize("distance", ["cosine", "euclidean"])
    def test_against_brute_force(self, distance: str) -> None:
        model, train, new = dense(), rows(30, seed=1), rows(5, seed=2)
        before = state_of(model.network)
        made = nearest_examples(model, new, train, count=3, distance=distance)
        assert differences(before, state_of(model.network)) == []
        assert made.layer == "2"
        hidden = lambda x: model.network[:2](x).detach().double().numpy()  # noqa: E731
        own, known = hidden(new), hidden(train)
        center = known.mean(0) if distance == "cosine" else 0

        def apart(a: np.ndarray, b: np.ndarray) -> float:
            if distance == "euclidean":
                return float(np.sqrt(((a - b) ** 2).sum()))
            a, b = a - center, b - center
            return float(1 - a @ b / np.sqrt((a @ a) * (b @ b)))

        nearest_of_train = [min(apart(a, b) for j, b in enumerate(known) if i != j) for i, a in enumerate(known)]
        for row in range(5):
            lengths = [apart(own[row], other) for other in known]
            order = sorted(range(30), key=lengths.__getitem__)[:3]
            assert made.indices[row].tolist() == order
            assert made.distances[row].tolist() == pytest.approx([lengths[i] for i in order], abs=1e-6)
            expected = np.mean([length < lengths[order[0]] for length in nearest_of_train])
            assert float(made.novelty[row]) == pytest.approx(expected)

    def test_a_training_row_is_nearest_to_itself_and_a_strange_one_is_far(self) -> None:
        model, train = dense(), rows(60, seed=1)
        made = nearest_examples(model, torch.cat([train[:2], torch.full((1, 4), 90.0)]), train, distance="euclidean")
        assert made.indices[:2, 0].tolist() == [0, 1]
        assert made.novelty.tolist() == [0, 0, 1]

    def test_its_evidence_is_a_binomial_test(self) -> None:
        train = torch.cat([rows(30, 2) * 0.1 + 3, rows(90, 2, 1) * 0.1 - 3])
        labels = torch.tensor([0] * 30 + [1] * 90)
        network = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))
        with torch.no_grad():
            network[0].weight.copy_(torch.eye(2) * 0.1)
            network[2].weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
            network[0].bias.zero_()
            network[2].bias.zero_()
        made = nearest_examples(Model(network, classes=["few", "many"]), [[3.0, 3.0], [-3.0, -3.0]], train, labels)
        few, many = (row[0] for row in made.evidence)
        assert few.details["p_value"] == pytest.approx(0.25**5)
        assert few.status == "pass"
        assert many.details["p_value"] == pytest.approx(0.75**5)
        assert many.status == "untestable"  # three in four are of that class anyway: five neighbors can never tell
        more = nearest_examples(Model(network), [[-3.0, -3.0], [3.0, 3.0]], train, 1 - labels, count=15)
        assert [row[0].status for row in more.evidence] == ["fail", "fail"]  # all have the other class
        assert set(made.to_frame()["label"]) == {"few", "many"}
        unknown = nearest_examples(Model(network), [[3.0, 3.0]], train)
        assert unknown.evidence[0][0].status == "untestable"

    def test_what_cannot_be_is_named(self) -> None:
        model = dense()
        with pytest.raises(InputError, match="more than 5 rows"):
            nearest_examples(model, rows(2), rows(5))
        with pytest.raises(InputError, match="distance"):
            nearest_examples(model, rows(2), rows(9), distance="manhattan")
        with pytest.raises(InputError, match=r"labels: expected one per row .9."):
            nearest_examples(model, rows(2), rows(9), [0, 1])
        callable_model = Model.from_callable(lambda x: np.full((len(x), 2), 0.5))
        with pytest.raises(LayerError, match="no linear layer"):
            nearest_examples(callable_model, rows(2), rows(9))


def test_the_table_of_model_methods_is_public_and_documented() -> None:
    import xai
    from xai.methods import METHODS, MODEL_METHODS

    for name, spec in MODEL_METHODS.items():
        assert getattr(xai, name) is spec.load()
        assert spec.load().__doc__
        assert spec.kind == "model"
    assert not set(METHODS) & set(MODEL_METHODS)
