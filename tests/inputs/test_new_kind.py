"""A kind of input is one file: two of them are made here, outside the package, and everything works on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import xai
from xai.base.errors import FolderError, InputError
from xai.inputs.base import Input
from xai.inputs.parts import Parts


class SpectrogramInput(Input, frozen=True, tag="spectrogram"):
    """Loudness (N, bands, frames): its parts are blocks of neighboring bands and frames, silence is the quietest."""

    bands: int
    frames: int
    block: int = 4
    mean: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        return (self.bands, self.frames)

    def prepare(self, value: object, argument: str = "inputs") -> Tensor:
        batch = super().prepare(value, argument)
        if tuple(batch.shape[-2:]) != self.shape or batch.ndim > 3:
            raise InputError(argument, expected=f"spectrograms of shape {self.shape}", got=tuple(batch.shape))
        return batch.view(-1, *self.shape)

    def feed(self, batch: Tensor) -> Tensor:
        return (batch - self.mean)[:, None]  # the network wants a channel

    def axes(self, batch: Tensor) -> tuple[int, ...]:
        return (1, 2)

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        if how is not None:
            return super().parts(batch, how, seed)
        across = -(-self.frames // self.block)
        labels = torch.arange(self.bands)[:, None] // self.block * across + torch.arange(self.frames) // self.block
        return Parts(labels.expand(len(batch), -1, -1).contiguous().to(batch.device), "segments", "blocks")

    def baselines(self, batch: Tensor) -> tuple[str, ...]:
        return (*super().baselines(batch), "silence")

    def absent(self, batch: Tensor) -> str:
        return "silence"

    def baseline(self, name: object, batch: Tensor) -> tuple[Tensor, str | float]:
        if isinstance(name, str) and name == "silence":
            return batch.amin((1, 2), keepdim=True).expand_as(batch).clone(), name
        return super().baseline(name, batch)


class PointsInput(Input, frozen=True, tag="points"):
    """Sets of up to `count` points (N, count, 3); points at the origin, behind the others, are padding."""

    count: int

    @property
    def shape(self) -> tuple[int, int]:
        return (self.count, 3)

    @property
    def names(self) -> tuple[str, ...]:
        return ("x", "y", "z")

    def present(self, batch: Tensor) -> Tensor:
        return (batch != 0).any(2)

    def parts(self, batch: Tensor, how: object = None, seed: int = 0) -> Parts:
        if how is not None:
            return super().parts(batch, how, seed)
        octants = (batch > 0).long() @ torch.tensor([1, 2, 4], device=batch.device)
        names = tuple("".join("+" if octant >> axis & 1 else "-" for axis in range(3)) for octant in range(8))
        return Parts(torch.where(self.present(batch), octants, 0), "segments", "octants", (names,) * len(batch))


class Loud(nn.Module):
    """Answers with the loudness in blocks of 4 by 4, most with that of bands 4 to 7 and frames 8 to 11."""

    def __init__(self) -> None:
        super().__init__()
        blocks = torch.linspace(-0.02, 0.02, 12).view(3, 4)
        blocks[1, 2] = 0.1
        weight = blocks.repeat_interleave(4, 0).repeat_interleave(4, 1).flatten()
        self.linear = nn.Linear(12 * 16, 2, bias=False)
        self.linear.weight.data = torch.stack([-weight, weight])

    def forward(self, heard: Tensor) -> Tensor:
        assert heard.shape[1:] == (1, 12, 16)
        return self.linear(heard.flatten(1))


class Cloud(nn.Module):
    """A mean over the points there are."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(3, 6), nn.Linear(6, 2)

    def forward(self, points: Tensor) -> Tensor:
        there = (points != 0).any(2, keepdim=True)
        return self.outer((self.inner(points).tanh() * there).sum(1) / there.sum(1).clamp_min(1))


@pytest.fixture
def spectrograms() -> tuple[xai.Model, Tensor]:
    batch = torch.rand(2, 12, 16, generator=torch.Generator().manual_seed(0)) + 0.5
    return xai.Model(Loud(), classes=["quiet", "loud"], input=SpectrogramInput(12, 16, mean=0.5)), batch


@pytest.fixture
def clouds() -> tuple[xai.Model, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Cloud()
    batch = torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(1))
    batch[1, 7:] = 0
    return xai.Model(network, input=PointsInput(10)), batch


def worth(model: xai.Model, batch: Tensor) -> Tensor:
    """Return what each value adds to the score of class 1 over silence: the network is linear."""
    weight = model.network.linear.weight[1].detach().view(12, 16)
    return weight * (batch - batch.amin((1, 2), keepdim=True))


def test_its_own_parts_are_hidden_by_its_own_baseline(spectrograms: tuple) -> None:
    model, batch = spectrograms
    wanted = worth(model, batch).unfold(1, 4, 4).unfold(2, 4, 4).sum((3, 4)).flatten(1)  # blocks of 4 x 4
    lime = xai.lime_segments(model, batch, 1, of="output", samples=200, penalty=0.0)
    shap = xai.kernel_shap(model, batch, 1, background="silence")
    for row in range(2):
        torch.testing.assert_close(lime.values[row], wanted[row].float(), atol=1e-4, rtol=0)
        torch.testing.assert_close(shap.values[row], wanted[row].float(), atol=1e-4, rtol=0)
    assert lime.baseline == "silence"
    assert lime.heatmap().shape == batch.shape


def test_occlusion_slides_a_window_and_integrated_gradients_add_up(spectrograms: tuple) -> None:
    model, batch = spectrograms
    window = xai.occlusion(model, batch, 1, window=4, stride=4, baseline="silence")
    blocks = worth(model, batch).unfold(1, 4, 4).unfold(2, 4, 4).sum((3, 4))
    torch.testing.assert_close(window.values[:, ::4, ::4], blocks, atol=1e-4, rtol=0)
    path = xai.integrated_gradients(model, batch, 1, baseline="silence", steps=4)
    torch.testing.assert_close(path.values, worth(model, batch), atol=1e-5, rtol=0)


@pytest.mark.parametrize("method", ["lime_segments", "occlusion", "integrated_gradients", "kernel_shap"])
def test_checks_tell_a_right_map_from_a_wrong_one(spectrograms: tuple, method: str) -> None:
    model, batch = spectrograms
    settings = {"background": "silence"} if method == "kernel_shap" else {"baseline": "silence"}
    made = getattr(xai, method)(model, batch, 1, **settings)
    checked = xai.verify(model, made[0])
    found = {finding.check: finding for finding in checked.evidence[0]}
    assert found["deletion"].status == found["insertion"].status == "pass"
    assert found["agreement"].status != "untestable"
    assert found["stability"].status == "pass"
    values = made.values.roll(5, 2) if isinstance(made.values, Tensor) else [part.roll(1) for part in made.values]
    wrong = replace(made, values=values)[0]
    found = {finding.check: finding for finding in xai.verify(model, wrong, ["deletion", "insertion"]).evidence[0]}
    assert "pass" not in {finding.status for finding in found.values()}


@pytest.mark.parametrize("method", ["lime_segments", "occlusion", "integrated_gradients", "kernel_shap", "saliency"])
def test_a_report_and_a_figure_show_it(method: str, spectrograms: tuple, clouds: tuple, tmp_path: Path) -> None:
    for model, batch in (spectrograms, clouds):
        made = xai.verify(model, getattr(xai, method)(model, batch), ["deletion", "completeness"])
        path = xai.Report("A new kind", [made]).save(tmp_path / "report.html")
        assert method in path.read_text("utf-8")
        assert made.plot().axes
        assert len(made.to_frame()) == sum(part.numel() for part in made.values)
        made.save(tmp_path / "made.safetensors")
        assert xai.Explanation.load(tmp_path / "made.safetensors").target == made.target


def test_padding_is_no_part_and_has_no_weight(clouds: tuple) -> None:
    model, batch = clouds
    path = xai.integrated_gradients(model, batch, 0, baseline="mean")
    assert path.values[1, 7:].abs().max() == 0
    assert path.values[1, :7].abs().max() > 0
    with model.explaining("test", batch, 0) as session:
        center, _ = session.baseline("mean")
    torch.testing.assert_close(center[1, :7], batch[1, :7].mean(0).expand(7, 3))
    assert center[1, 7:].abs().max() == 0


def test_its_parts_have_its_names_and_shapley_values_are_exact(clouds: tuple) -> None:
    model, batch = clouds
    lime = xai.lime_segments(model, batch, 0, samples=400)
    assert lime.value_names(0)[:2] == ["---", "+--"]
    shap = xai.kernel_shap(model, batch[:1], 0, background="mean")
    with model.explaining("test", batch[:1], 0) as session:
        change = float(
            session.scores(session.inputs, session.rows) - session.scores(session.baseline("mean")[0], session.rows)
        )
    assert float(shap.values[0].sum()) == pytest.approx(change, abs=1e-5)
    empty = sorted(set(range(8)) - set(shap.segments[0].tolist()))
    assert empty
    assert shap.values[0][[number for number in empty if number < len(shap.values[0])]].abs().sum() < 1e-5


def test_labels_of_the_caller_are_parts_of_any_kind(clouds: tuple) -> None:
    model, batch = clouds
    halves = torch.arange(10) // 5
    made = xai.lime_segments(model, batch, 0, segments=halves, samples=50)
    assert [len(part) for part in made.values] == [2, 2]
    with pytest.raises(InputError, match="segments: expected whole numbers"):
        xai.lime_segments(model, batch, 0, segments=torch.arange(4))


def test_what_a_kind_cannot_do_is_named(clouds: tuple, tmp_path: Path) -> None:
    model, batch = clouds
    for method, argument in (("lime_image", "images"), ("lime_text", "model"), ("lime_tabular", "model")):
        settings = {"background": batch} if method == "lime_tabular" else {}
        with pytest.raises(InputError, match=f"{method}: {argument}: expected"):
            getattr(xai, method)(model, batch, **settings)
    with pytest.raises(InputError, match="read from files"):
        model.input.read(["points.csv"])
    xai.save_model(model, tmp_path / "cloud", factory="torch.nn:Identity")
    with pytest.raises(FolderError, match="points"):  # a folder names kinds of this package only
        xai.load(tmp_path / "cloud")
    assert model.trace().layers
    with pytest.raises(InputError, match="input: expected a kind of input"):
        xai.Model(nn.Linear(2, 2), input="points")
