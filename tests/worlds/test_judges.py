"""The judges: imputation against a dense solve, numbers against other libraries, verdicts on a known truth."""

from __future__ import annotations

import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

import xai
from benchmarks import map_numbers
from benchmarks.judges import NEIGHBORS, flipping_areas, imputed, judge, rivals, road_gaps

SIDE = 12


class Corner(nn.Module):
    """Answers by the mean of the pixels in a square of four by four."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(SIDE, SIDE))
        with torch.no_grad():
            self.weight[2:6, 1:5] = 0.5

    def forward(self, x: Tensor) -> Tensor:
        score = (x[:, 0] * self.weight).sum((1, 2)) - 3.5
        return torch.stack([-score, score], 1)


def world() -> tuple[xai.Model, Tensor, Tensor]:
    image = 0.3 + 0.1 * torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    truth = (Corner().weight > 0).float()
    image = torch.where(truth > 0, image + 0.5, image)
    image[..., 7:11, 6:10] += 0.5  # as bright, and ignored
    return xai.Model(Corner(), input=xai.ImageInput((1, SIDE, SIDE))), image, truth


@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_imputation_solves_the_same_system_as_a_dense_solver(share: float) -> None:
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(2, 7, 9, generator=generator, dtype=torch.float64)
    mask = torch.rand(7, 9, generator=generator) < share
    # All pixels stand in the system: a shown one is itself, a hidden one the weighted mean of its neighbors.
    system, right = torch.eye(63, dtype=torch.float64), image.flatten(1).T.clone()
    for place in torch.where(mask.flatten())[0].tolist():
        row, column = divmod(place, 9)
        around = [
            ((row + down) * 9 + column + across, weight)
            for (down, across), weight in NEIGHBORS
            if 0 <= row + down < 7 and 0 <= column + across < 9
        ]
        total = sum(weight for _, weight in around)
        for neighbor, weight in around:
            system[place, neighbor] = -weight / total
        right[place] = 0
    wanted = torch.linalg.solve(system, right).T.view_as(image)
    assert torch.allclose(imputed(image, mask), wanted, atol=1e-10)


def test_imputation_keeps_what_is_shown_and_continues_a_slope() -> None:
    slope = torch.arange(9.0).expand(1, 9, 9).clone()
    mask = torch.zeros(9, 9, dtype=torch.bool)
    mask[3:6, 3:6] = True
    spoiled = torch.where(mask, 77.0, slope)
    assert torch.allclose(imputed(spoiled, mask), slope, atol=1e-5)
    noisy = imputed(spoiled, mask, noise=torch.ones(1, 9, 9))
    assert torch.equal(noisy[:, ~mask], slope[:, ~mask])
    assert torch.allclose(noisy[:, mask], slope[:, mask] + 1, atol=1e-5)


def test_imputation_of_a_whole_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one pixel"):
        imputed(torch.zeros(1, 3, 3), torch.ones(3, 3, dtype=torch.bool))


def test_judges_pass_the_truth_and_no_other_map() -> None:
    model, image, truth = world()
    assert judge(model, image, truth, 1, rivals_each=10).passed == (True, True)
    decoy = torch.zeros(SIDE, SIDE)
    decoy[7:11, 6:10] = 1
    for wrong in (decoy, -truth, truth.roll(4, 1), torch.ones(SIDE, SIDE)):
        assert judge(model, image, wrong, 1, rivals_each=10).passed == (False, False)


def test_flipping_area_by_hand() -> None:
    model, image, truth = world()
    # 16 of 144 pixels are the truth: from the fourth step on all of them are replaced.
    one = flipping_areas(model, image, truth[None], 1, torch.Generator().manual_seed(0), fills=("low",))
    start = float(model.predict(image)[0, 1])
    gone = float(model.predict(torch.where(truth > 0, 0.0, image))[0, 1])
    assert 0.85 * (start - gone) < float(one) < start - gone
    none = flipping_areas(model, image, -truth[None], 1, torch.Generator().manual_seed(0), fills=("low",))
    assert abs(float(none)) < 1e-9


def test_road_gap_has_the_sign_of_the_map() -> None:
    model, image, truth = world()
    both = road_gaps(model, image, torch.stack([truth, -truth]), 1, torch.Generator().manual_seed(0))
    assert float(both[0]) > 0.3
    assert float(both[1]) < -0.3


def test_rivals_keep_the_values_and_move_them() -> None:
    heatmap = torch.rand(13, 10, generator=torch.Generator().manual_seed(1))
    made = rivals(heatmap, 5, torch.Generator().manual_seed(0))
    assert made.shape == (10, 13, 10)
    for one in made:
        assert torch.equal(one.flatten().sort().values, heatmap.flatten().sort().values)
        assert float((one == heatmap).float().mean()) < 0.5


def test_numbers_agree_with_scikit_learn_and_captum() -> None:
    generator = torch.Generator().manual_seed(5)
    values = torch.randn(8, 8, generator=generator).mul(3).round()  # with ties
    truth = (torch.rand(8, 8, generator=generator) < 0.3).float()
    wanted = roc_auc_score(truth.flatten().numpy(), values.flatten().numpy())
    assert map_numbers.rank_auc(values, truth) == pytest.approx(wanted, abs=1e-12)
    network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1))
    row, changes = torch.randn(6, generator=generator), 0.1 * torch.randn(40, 6, generator=generator)
    heat = torch.randn(6, generator=generator)
    theirs = captum_infidelity(
        lambda batch: network(batch)[:, 0], lambda inputs: (changes, inputs - changes), row[None], heat[None],
        n_perturb_samples=len(changes),
    )  # fmt: skip
    ours = map_numbers.infidelity(lambda batch: network(batch)[:, 0], row, heat, changes)
    assert ours == pytest.approx(float(theirs), rel=1e-5)

    def gradient(batch: Tensor) -> Tensor:
        batch = batch.detach().clone().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(network(batch).sum(), batch)[0]

    theirs = sensitivity_max(
        lambda inputs: (gradient(inputs[0]),), row[None], lambda inputs: (row + changes,),
        n_perturb_samples=len(changes),
    )  # fmt: skip
    assert map_numbers.max_sensitivity(gradient, row, changes) == pytest.approx(float(theirs), rel=1e-5)
