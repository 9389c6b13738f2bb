"""Regularizers against formulas by hand, finite differences, enumerated subnetworks, and faults that must show."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models.regularizers.augmentation import CHOICES, augmentation, augmentation_for
from models.regularizers.dropout import subnetwork_average
from models.regularizers.early_stopping import EarlyStopping
from models.regularizers.noise import activation_noise, add_to_gradients, gaussian, target_noise, weight_noise
from models.regularizers.penalties import l1, l2, total
from tests.trace_state import differences, state_of
from xai.base.errors import InputError, LayerError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small(seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(0.4), nn.Linear(5, 2))


# Penalties


@given(st.floats(0, 3), st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_penalties_are_their_formula_and_finite_differences(alpha: float, seed: int) -> None:
    network = small(seed).double()
    matrices = [p for p in network.parameters() if p.ndim == 2]
    values = [v for p in matrices for v in p.flatten().tolist()]
    assert l1(alpha)(network).item() == pytest.approx(alpha * sum(abs(v) for v in values))
    assert l2(alpha)(network).item() == pytest.approx(alpha * sum(v * v for v in values) / 2)
    for penalty in (l1(alpha), l2(alpha)):
        network.zero_grad()
        penalty(network).backward()
        weight = network[0].weight
        got = float(weight.grad[1, 2])
        with torch.no_grad():
            step, here = 1e-5, weight[1, 2].item()
            weight[1, 2] = here + step
            above = penalty(network).item()
            weight[1, 2] = here - step
            below = penalty(network).item()
            weight[1, 2] = here
        assert got == pytest.approx((above - below) / (2 * step), abs=1e-6)
        assert network[0].bias.grad is None


def test_penalties_add_and_refuse() -> None:
    network = small()
    both = float(total(l1(0.1), l2(0.2))(network).detach())
    assert both == pytest.approx(float(l1(0.1)(network).detach()) + float(l2(0.2)(network).detach()))
    assert float(l1(1)(nn.ReLU())) == 0
    for bad in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="alpha"):
            l2(bad)
    with pytest.raises(InputError, match="at least one"):
        total()


# Noise


def test_gaussian_has_mean_0_and_the_stated_deviation() -> None:
    drawn = gaussian(0.3)(torch.zeros(200_000), generator())
    assert abs(float(drawn.mean())) < 4 * 0.3 / 200_000**0.5
    assert float(drawn.std()) == pytest.approx(0.3, rel=0.01)
    torch.testing.assert_close(drawn, gaussian(0.3)(torch.zeros(200_000), generator()), rtol=0, atol=0)
    for bad in (-1, float("nan")):
        with pytest.raises(InputError, match="scale"):
            gaussian(bad)


def test_target_and_gradient_noise() -> None:
    assert target_noise(0.5)(torch.zeros(4), generator()).abs().min() > 0
    with pytest.raises(InputError, match="floating-point targets, got int64"):
        target_noise(0.5)(torch.zeros(4, dtype=torch.int64), generator())
    network = small()
    network[3].requires_grad_(False)
    network.eval()(torch.ones(1, 3)).sum().backward()
    before = network[0].weight.grad.clone()
    add_to_gradients(network, gaussian(0.1), generator())
    assert float((network[0].weight.grad - before).abs().min()) > 0
    assert network[3].weight.grad is None


def test_activation_noise_leaves_no_trace() -> None:
    network = small().eval()
    inputs = torch.randn(4, 3, generator=generator())
    plain, state = network(inputs), state_of(network)
    hooks = [len(module._forward_hooks) for module in network.modules()]
    with activation_noise(network, ["1"], 0.5, generator()):
        noisy = network(inputs)
    expected = network[3](network[1](network[0](inputs)) + 0.5 * torch.randn(4, 5, generator=generator()))
    torch.testing.assert_close(noisy, expected)
    with activation_noise(network, [""], 0.5, generator()):
        torch.testing.assert_close(network(inputs), plain + 0.5 * torch.randn(4, 2, generator=generator()))
    with pytest.raises(RuntimeError), activation_noise(network, ["1", "0"], 0.5, generator()):
        raise RuntimeError
    with pytest.raises(LayerError, match="activation_noise"), activation_noise(network, ["0", "no"], 0.5, generator()):
        pass
    assert [len(module._forward_hooks) for module in network.modules()] == hooks
    assert not differences(state, state_of(network))
    torch.testing.assert_close(network(inputs), plain, rtol=0, atol=0)


def test_weight_noise_is_there_for_forward_and_backward_and_gone_after() -> None:
    network = small().eval()
    inputs = torch.randn(4, 3, generator=generator())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    noisy = small()
    draw = generator(7)
    with torch.no_grad():
        for parameter in noisy.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=draw)
    noisy.eval()(inputs).square().sum().backward()
    with weight_noise(0.2)(network, generator(7)):
        network(inputs).square().sum().backward()
    for (name, mine), other in zip(network.named_parameters(), noisy.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)
        assert torch.equal(mine.detach(), before[name])
    with pytest.raises(RuntimeError), weight_noise(0.2)(network, generator()):
        raise RuntimeError
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


# Augmentation


def test_flips_and_shifts_are_exact() -> None:
    images = torch.rand(3, 2, 6, 8, generator=generator())
    for settings_, axis in (({"flip": 1}, 3), ({"flip_vertical": 1}, 2)):
        torch.testing.assert_close(
            augmentation(**settings_)(images, generator()), images.flip(axis), rtol=1e-4, atol=1e-5
        )
    moved = augmentation(shift=2)(images, generator(3))
    draws = 2 * torch.rand(6, 3, generator=generator(3)) - 1
    for image, new, right, down in zip(images, moved, draws[0].tolist(), draws[1].tolist(), strict=True):
        for row, column in itertools.product(range(6), range(8)):
            # Bilinear interpolation by hand, going on with the border pixels.
            y = min(max(row + 2 * down, 0), 5)
            x = min(max(column + 2 * right, 0), 7)
            top, left = min(int(y), 4), min(int(x), 6)
            a, b = y - top, x - left
            part = image[:, top : top + 2, left : left + 2]
            value = (1 - a) * ((1 - b) * part[:, 0, 0] + b * part[:, 0, 1])
            value = value + a * ((1 - b) * part[:, 1, 0] + b * part[:, 1, 1])
            torch.testing.assert_close(new[:, row, column], value, rtol=1e-4, atol=1e-4)


def test_a_rotation_keeps_distances_in_pixels() -> None:
    """A dot at a known place lands at the same distance from the middle, on an image that is not square."""
    images = torch.zeros(40, 1, 21, 41)
    images[:, 0, 10, 27] = 1  # 7 pixels right of the middle
    turned = augmentation(rotate=90)(images, generator())
    rows = torch.arange(21.0).view(1, 21, 1) - 10
    columns = torch.arange(41.0).view(1, 1, 41) - 20
    mass = turned[:, 0] / turned[:, 0].sum((1, 2), keepdim=True)
    place = torch.stack([(mass * rows).sum((1, 2)), (mass * columns).sum((1, 2))])
    assert float((place.norm(dim=0) - 7).abs().max()) < 0.15
    angles = torch.rad2deg(torch.atan2(place[0], place[1])).abs()
    assert float(angles.max()) > 60
    assert float(angles.max()) < 91


def test_zoom_noise_and_one_draw_for_each_image() -> None:
    images = torch.rand(1, 1, 9, 9, generator=generator()).expand(6, 1, 9, 9).contiguous()
    changed = augmentation_for("mnist")(images, generator())
    assert len({tuple(image.flatten().tolist()) for image in changed}) == 6
    assert torch.equal(changed, augmentation_for("mnist")(images, generator()))
    middle = augmentation(zoom=0.5)(images, generator())[:, 0, 4, 4]  # the middle stays where it is
    torch.testing.assert_close(middle, images[:, 0, 4, 4], rtol=1e-4, atol=1e-5)
    noisy = augmentation(noise=0.2)(images, generator())
    torch.testing.assert_close(noisy, images + 0.2 * torch.randn(images.shape, generator=generator()))
    assert torch.equal(augmentation()(images, generator()), images)


def test_digits_are_not_flipped() -> None:
    for name in ("mnist", "digits"):
        assert not {"flip", "flip_vertical"} & CHOICES[name].keys()
        assert CHOICES[name]["rotate"] < 45
    with pytest.raises(InputError, match="one of mnist, digits"):
        augmentation_for("cats")
    for bad in ({"flip": 2}, {"zoom": 1}, {"shift": -1}, {"rotate": float("nan")}):
        with pytest.raises(InputError, match="augmentation"):
            augmentation(**bad)
    with pytest.raises(InputError, match=r"\(N, C, H, W\)"):
        augmentation(flip=1)(torch.zeros(3, 4), generator())


# Early stopping


@given(st.lists(st.floats(0, 10) | st.just(float("nan")), min_size=1, max_size=30), st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_early_stopping_on_any_curve(losses: list[float], patience: int) -> None:
    """Against the definition: the first epoch that ends `patience` epochs without a new best."""
    network = nn.Linear(1, 1)
    stopping = EarlyStopping(network, patience)
    stopped = None
    for epoch, loss in enumerate(losses):
        with torch.no_grad():
            network.weight.fill_(epoch)
        if stopping(epoch, loss):
            stopped = epoch
            break
    seen = losses if stopped is None else losses[: stopped + 1]
    finite = [loss for loss in seen if loss == loss]
    if not finite:
        with pytest.raises(InputError, match="a finite one"):
            stopping.restore()
        return
    best = seen.index(min(finite))
    assert stopping.best_epoch == best
    stopping.restore()
    assert network.weight.item() == best
    if stopped is not None:
        assert stopped - best == patience
    else:
        assert len(seen) - 1 - best < patience


def test_early_stopping_refuses() -> None:
    for bad in (0, True, 1.5):
        with pytest.raises(InputError, match="patience"):
            EarlyStopping(nn.Linear(1, 1), patience=bad)
    with pytest.raises(InputError, match="least"):
        EarlyStopping(nn.Linear(1, 1), least=-1)


# Dropout


@pytest.mark.parametrize("chance", [0.2, 0.5, 0.7])
def test_scaling_is_the_average_of_subnetworks_where_all_after_it_is_linear(chance: float) -> None:
    network = small().double()
    network[2].p = chance
    inputs = torch.randn(6, 3, generator=generator(), dtype=torch.float64)
    state = state_of(network)
    result = subnetwork_average(network, "2", inputs)
    assert not differences(state, state_of(network))
    assert result.gap < 1e-12
    # By hand, without PyTorch's 1/(1-p): subnetworks of unscaled weights; outgoing weights times 1-p at test time.
    hidden = network[0](inputs).relu()
    average = sum(
        (1 - chance) ** sum(bits) * chance ** (5 - sum(bits))
        * ((hidden * torch.tensor(bits)) @ network[3].weight.T + network[3].bias)
        for bits in itertools.product((0, 1), repeat=5)
    )  # fmt: skip
    torch.testing.assert_close(average, hidden @ (network[3].weight * (1 - chance)).T + network[3].bias)


def test_with_relu_behind_it_there_is_a_gap() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 1), nn.ReLU())
    with torch.no_grad():
        network[1].weight[:] = torch.tensor([[1.0, -1.0]])
        network[1].bias.zero_()
    # Kept inputs count twice: relu of 0, 2, -2 and 0, each with chance 1/4, averages 1/2; without dropout relu(0) = 0.
    result = subnetwork_average(network, "0", torch.ones(1, 2))
    assert float(result.average) == pytest.approx(0.5)
    assert float(result.scaled) == 0
    assert result.gap == pytest.approx(0.5)


def test_what_cannot_be_enumerated() -> None:
    with pytest.raises(LayerError, match=r"torch\.nn\.Dropout"):
        subnetwork_average(small(), "0", torch.zeros(1, 3))
    with pytest.raises(InputError, match="at most 14 units"):
        subnetwork_average(nn.Sequential(nn.Dropout()), "0", torch.zeros(1, 15))
    with pytest.raises(LayerError, match="chance below 1"):
        subnetwork_average(nn.Sequential(nn.Dropout(1.0)), "0", torch.zeros(1, 3))


def test_they_compose_in_one_step() -> None:
    """Augmented noisy inputs, weight and activation noise, dropout, both penalties, gradient noise: one finite step."""
    network, draw = small().train(), generator()
    images = augmentation(shift=1)(torch.rand(8, 1, 1, 3, generator=draw), draw)
    inputs = gaussian(0.1)(images.flatten(1), draw)
    before = network[0].weight.detach().clone()
    with weight_noise(0.1)(network, draw), activation_noise(network, ["0"], 0.1, draw):
        loss = network(inputs).square().mean() + total(l1(1e-3), l2(1e-3))(network)
        loss.backward()
    add_to_gradients(network, gaussian(0.01), draw)
    assert torch.equal(network[0].weight.detach(), before)
    torch.optim.SGD(network.parameters(), 0.1).step()
    assert bool(torch.isfinite(network[0].weight).all())
    assert not torch.equal(network[0].weight.detach(), before)
