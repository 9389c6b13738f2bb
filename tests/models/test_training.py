"""The training loop: what it measures, what regularizes it, that it repeats, and that a killed run goes on the same."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from models.batches import hold_out, shuffled_batches
from models.optimizers import OPTIMIZERS
from models.schedules import SCHEDULES
from models.training import Extras, train
from tests.models.small import blobs, network
from xai.base.errors import InputError, NetworkError

QUICK = {"epochs": 4, "batch_size": 8, "learning_rate": 0.05, "optimizer": "momentum", "validation": 0.2}


def weights(net: nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten() for value in net.state_dict().values()])


def trained(data=None, net=None, **settings: object) -> tuple[torch.Tensor, object]:
    net = net or network()
    curves = train(net, data or blobs(), **{**QUICK, **settings})
    return weights(net), curves


def test_full_batch_descent_is_the_formula() -> None:
    """Three steps on all rows, by hand: w <- w - a dJ/dw; and the curves say the loss and norm before each step."""
    data, ours, hand = blobs(), network(dropout=0.0), network(dropout=0.0)
    curves = train(ours, data, optimizer="sgd", learning_rate=0.1, epochs=3, batch_size=None, validation=0.0)
    losses, norms = [], []
    for _ in range(3):
        loss = functional.cross_entropy(hand(data.train_inputs), data.train_labels)
        gradients = torch.autograd.grad(loss, list(hand.parameters()))
        losses.append(loss.item())
        norms.append(torch.cat([part.flatten() for part in gradients]).norm().item())
        with torch.no_grad():
            for parameter, gradient in zip(hand.parameters(), gradients, strict=True):
                parameter -= 0.1 * gradient
    assert torch.allclose(weights(ours), weights(hand), atol=1e-6)
    assert curves.train_loss == pytest.approx(losses, abs=1e-6)
    assert curves.gradient_norm == pytest.approx(norms, abs=1e-5)
    assert curves.validation_loss == []


@pytest.mark.parametrize("batch_size", [1, 7, None, 10_000])
def test_any_batch_size_learns(batch_size: int | None) -> None:
    net = network(0.0)
    curves = train(net, blobs(), optimizer="adam", learning_rate=0.02, epochs=30, batch_size=batch_size)
    assert curves.train_loss[-1] < curves.train_loss[0]
    assert len(curves.validation_accuracy) == len(curves.gradient_norm) == 30
    assert not net.training


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_same_seed_gives_the_same_weights(optimizer: str, schedule: str) -> None:
    before = torch.get_rng_state()
    first, curves = trained(optimizer=optimizer, schedule=schedule, learning_rate=0.01)
    torch.rand(3)
    second, again = trained(optimizer=optimizer, schedule=schedule, learning_rate=0.01)
    assert torch.equal(first, second)
    assert curves == again
    torch.set_rng_state(before)
    other, _ = trained(optimizer=optimizer, schedule=schedule, learning_rate=0.01, seed=1)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_schedules_go_where_they_say() -> None:
    assert [SCHEDULES["linear"](done) for done in (0, 0.5, 1)] == [1, 0.5, 0]
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=101)
    for step in range(101):
        assert SCHEDULES["one-cycle"](step / 100) == pytest.approx(theirs.get_last_lr()[0], abs=0.03)
        optimizer.step()
        if step < 100:
            theirs.step()


class TestSplits:
    def test_validation_comes_out_of_the_training_part(self) -> None:
        """The test part is not looked at: garbage there changes nothing."""
        data = blobs()
        spoiled = replace(data, test_inputs=data.test_inputs * torch.nan, test_labels=data.test_labels * 0)
        assert torch.equal(trained(data)[0], trained(spoiled)[0])

    def test_held_out_rows_are_not_learned_from(self) -> None:
        data = blobs()
        rows, held = hold_out(data, 0.2, seed=0)
        assert sorted(torch.cat([rows, held]).tolist()) == list(range(45))
        assert len(held) == 9
        labels = data.train_labels.clone()
        labels[held] = 0
        assert torch.equal(trained(data)[0], trained(replace(data, train_labels=labels))[0])
        assert not torch.equal(rows, hold_out(data, 0.2, seed=1)[0])

    def test_groups_stay_together(self) -> None:
        data = blobs(train_groups=torch.arange(45) // 3)
        rows, held = hold_out(data, 0.2, seed=0)
        assert not set(data.train_groups[rows].tolist()) & set(data.train_groups[held].tolist())
        assert len(held) == 9

    def test_rows_of_similar_length_share_a_batch(self) -> None:
        lengths = torch.randint(1, 50, (400,), generator=torch.Generator().manual_seed(0))
        rows = torch.arange(400)
        batches = shuffled_batches(rows, 8, torch.Generator().manual_seed(1), lengths)
        assert sorted(torch.cat(batches).tolist()) == rows.tolist()
        assert max(int(lengths[batch].max() - lengths[batch].min()) for batch in batches) <= 3
        others = shuffled_batches(rows, 8, torch.Generator().manual_seed(2), lengths)
        assert not torch.equal(batches[0], others[0])

    @pytest.mark.parametrize("share", [-0.1, 1.0, 0.001, 0.999])
    def test_an_empty_part_is_named(self, share: float) -> None:
        with pytest.raises(InputError, match="validation: expected"):
            trained(validation=share)


class TestExtras:
    def test_a_penalty_is_added_to_the_loss(self) -> None:
        """With L2 of strength k, one full step of descent shrinks each weight by a k w more."""
        plain, _ = trained(net=network(0.0), optimizer="sgd", epochs=1, batch_size=None, validation=0.0)
        start = weights(network(0.0))
        extras = Extras(penalty=lambda net: 0.3 / 2 * sum((p**2).sum() for p in net.parameters()))
        penalized, curves = trained(
            net=network(0.0), optimizer="sgd", epochs=1, batch_size=None, validation=0.0, extras=extras
        )
        assert torch.allclose(penalized, plain - 0.05 * 0.3 * start, atol=1e-6)
        assert curves.train_loss == trained(net=network(0.0), epochs=1, batch_size=None, validation=0.0)[1].train_loss

    def test_each_hook_is_called_where_it_belongs(self) -> None:
        seen: list[str] = []

        def change(name: str, shape: tuple):
            def hook(tensor: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
                seen.append(name)
                assert tensor.shape == shape
                return tensor

            return hook

        @contextmanager
        def around(net: nn.Module, generator: torch.Generator):
            seen.append("weights on")
            yield
            assert all(p.grad is not None for p in net.parameters())  # the backward pass is inside
            seen.append("weights off")

        extras = Extras(
            penalty=lambda net: seen.append("penalty") or torch.zeros(()),
            augment=change("augment", (45, 2)),
            input_noise=change("input", (45, 2)),
            target_noise=change("target", (45,)),
            weight_noise=around,
            activation_noise=around,
            gradient_noise=lambda net, generator: seen.append("gradient"),
            stopping=lambda epoch, loss: seen.append(f"stop? {epoch}") or False,
        )
        assert all(getattr(extras, field.name) is not None for field in fields(Extras))
        trained(epochs=1, batch_size=None, validation=0.0, extras=extras)
        assert seen == [
            "augment", "input", "target", "weights on", "weights on", "penalty",
            "weights off", "weights off", "gradient", "stop? 0",
        ]  # fmt: skip

    def test_noise_is_drawn_from_the_seed(self) -> None:
        extras = Extras(input_noise=lambda x, generator: x + torch.randn(x.shape, generator=generator))
        assert torch.equal(trained(extras=extras)[0], trained(extras=extras)[0])
        assert not torch.equal(trained(extras=extras)[0], trained()[0])

    def test_gradients_are_clipped(self) -> None:
        start = weights(network(0.0))
        after, curves = trained(
            net=network(0.0), optimizer="sgd", epochs=1, batch_size=None, validation=0.0, clip=0.01, learning_rate=1.0
        )
        assert float((after - start).norm()) == pytest.approx(0.01, rel=1e-3)
        assert curves.gradient_norm[0] > 0.01  # the norm before it was cut

    def test_stopping_stops_and_the_best_weights_come_back(self) -> None:
        stopping = Stopping(at=2)
        net = network()
        stopping.network = net
        after, curves = trained(net=net, epochs=10, extras=Extras(stopping=stopping))
        assert len(curves.train_loss) == 3
        assert stopping.seen == list(enumerate(curves.validation_loss))
        assert torch.equal(after, trained(net=network(), epochs=1, schedule="constant")[0])


class Stopping:
    """Stops after the epoch `at` and holds that the first was best."""

    def __init__(self, at: int) -> None:
        self.at, self.seen, self.best_state, self.network = at, [], None, None

    def __call__(self, epoch: int, loss: float) -> bool:
        self.seen.append((epoch, loss))
        if epoch == 0:
            self.best_state = {name: value.clone() for name, value in self.network.state_dict().items()}
        return epoch >= self.at

    def restore(self) -> None:
        self.network.load_state_dict(self.best_state)


class TestWhatIsWrong:
    @pytest.mark.parametrize("rate", [1e6, 1e30])
    def test_a_learning_rate_that_diverges_is_named(self, rate: float) -> None:
        with pytest.raises(NetworkError, match=f"a learning rate smaller than {re.escape(f'{rate:g}')} may help"):
            trained(optimizer="sgd", learning_rate=rate, epochs=30)

    def test_a_finite_loss_that_explodes_is_named_too(self) -> None:
        data = blobs(train_labels=10 * torch.randn(45, 3), test_labels=torch.zeros(15, 3))
        with pytest.raises(NetworkError, match=r"got \S+ after \S+ in the first epoch"):
            trained(data, net=nn.Linear(2, 3), task="regression", optimizer="sgd", learning_rate=2.0, epochs=9)

    def test_nan_in_the_inputs_is_named(self) -> None:
        data = blobs()
        data.train_inputs[3] = torch.nan
        with pytest.raises(NetworkError, match="a loss of nan"):
            trained(data)

    def test_an_empty_data_set_is_named(self) -> None:
        for fields_ in ({"train_inputs": torch.zeros(0, 2)}, {"test_inputs": torch.zeros(0, 2)}):
            with pytest.raises(InputError, match="at least one row, got an empty data set"):
                blobs(**fields_)
        with pytest.raises(InputError, match="15, one per row of test_inputs"):
            blobs(test_labels=torch.zeros(3))

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"optimizer": "lion"}, "one of sgd, momentum"),
            ({"task": "guess"}, "one of regression"),
            ({"schedule": "random"}, "one of constant, linear"),
            ({"epochs": 0}, "epochs: expected a whole number from 1"),
            ({"epochs": True}, "epochs: expected a whole number from 1"),
            ({"batch_size": 2.5}, "batch_size: expected a whole number from 1"),
            ({"seed": -1}, "seed: expected a whole number from 0"),
            ({"clip": 0.0}, "clip: expected a number above 0"),
            ({"learning_rate": -1.0}, "learning_rate: expected a number above 0"),
        ],
    )
    def test_settings_that_cannot_be_are_named(self, settings: dict, message: str) -> None:
        with pytest.raises(InputError, match=message):
            trained(**settings)

    def test_labels_out_of_range_are_named_before_training(self) -> None:
        with pytest.raises(InputError, match="labels from 0 to 2, got 0 to 3"):
            trained(blobs(train_labels=torch.arange(45) % 4))


def test_one_run_may_use_every_regularizer_each_named_as_in_a_recipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They compose, and the same seed gives the same weights; without them the weights are others."""
    import xai
    from models import recipe_table, recipes
    from models.recipes import train_recipe

    noise = "models.regularizers.noise"
    extras = {
        "penalty": ("models.regularizers.penalties:l2", {"alpha": 1e-3}),
        "augment": ("models.regularizers.augmentation:augmentation", {"shift": 1.0, "rotate": 5.0}),
        "input_noise": (f"{noise}:gaussian", {"scale": 0.1}),
        "activation_noise": (f"{noise}:noisy_activations", {"layers": ["relu1"], "scale": 0.05}),
        "weight_noise": (f"{noise}:weight_noise", {"scale": 0.01}),
        "gradient_noise": (f"{noise}:gradient_noise", {"scale": 1e-3}),
        "stopping": ("models.regularizers.early_stopping:EarlyStopping", {"patience": 1}),
    }
    plain = recipe_table.RECIPES["mnist-cnn"]
    monkeypatch.setitem(recipes.RECIPES, "everything", replace(plain, extras=extras))
    monkeypatch.setitem(recipes.RECIPES, "nothing", plain)
    digests = []
    for place, name in enumerate(("everything", "everything", "nothing")):
        folder = train_recipe(name, tmp_path / str(place), epochs=2, rows=200)
        digests.append(xai.load(folder).digest())
    assert digests[0] == digests[1] != digests[2]
    assert "gradient_noise" in (tmp_path / "0" / "model.toml").read_text()
