"""Views of a whole network: maps, epochs, grids and constraints against what they are made of, and their pages."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.zoo import ZOO, images
from xai.base.errors import FolderError, InputError, LayerError
from xai.model.model import Model
from xai.reports.sections.atlas import atlas_section
from xai.reports.sections.strips import ablation_section, depth_section, emergence_section, maps_section
from xai.visualization import objectives
from xai.visualization.ablation import ablation
from xai.visualization.activation_grid import activation_grid
from xai.visualization.ascent import visualize
from xai.visualization.emergence import checkpoints, emergence
from xai.visualization.feature_maps import feature_maps, first_kernels


def test_feature_maps_are_what_the_layers_put_out() -> None:
    model = ZOO["inplace"]()
    image = images(1)
    assert list(feature_maps(ZOO["plain"](), image)) == ["norm", "conv2"]
    maps = feature_maps(model, image, ["norm"])
    with torch.no_grad():
        first = model.network.eval().norm(model.network.conv1(model.input.feed(image)))
    assert torch.allclose(maps["norm"], first[0], atol=1e-6)  # before the ReLU that overwrites it
    name, kernels = first_kernels(model)
    assert name == "conv1"
    assert torch.equal(kernels, model.network.conv1.weight)
    assert 'class="picture' in maps_section(model, image, "<a>").body
    assert "<a>" not in maps_section(model, image, "<a>").body
    with pytest.raises(InputError, match="one image"):
        feature_maps(model, images(2))
    with pytest.raises(LayerError, match="maps"):
        feature_maps(model, image, ["linear"])


def test_epochs_are_visualized_each_with_its_own_weights(tmp_path: Path) -> None:
    model, unit = ZOO["plain"](), objectives.channel("conv2", 1)
    (tmp_path / "epochs").mkdir()
    for epoch, factor in enumerate((1.0, -1.0), start=1):
        weights = {name: value.clone() for name, value in model.network.state_dict().items()}
        weights["conv2.weight"] = factor * weights["conv2.weight"]
        save_file(weights, tmp_path / "epochs" / f"epoch-00{epoch}.safetensors")
    files = checkpoints(tmp_path)
    made = emergence(model, files, unit, steps=4)
    assert list(made) == ["epoch-001", "epoch-002"]
    assert torch.equal(made["epoch-001"].image, visualize(model, unit, steps=4).image)
    assert not torch.equal(made["epoch-001"].image, made["epoch-002"].image)
    assert emergence_section(model, made).body.count("<figure") == 2
    assert [path.stem for path in checkpoints(tmp_path, most=2)] == list(made)
    with pytest.raises(FolderError, match="weights kept"):
        checkpoints(tmp_path / "epochs")
    save_file({"other": torch.zeros(1)}, files[0])
    with pytest.raises(FolderError, match="this very network"):
        emergence(model, files, unit, steps=1)


def test_a_grid_has_a_direction_for_each_place() -> None:
    model, image = ZOO["plain"](), images(1)
    made, strength = activation_grid(model, image, "conv2", cells=2, steps=3)
    assert made.image.shape == (4, 2, 8, 8)
    assert strength.shape == (2, 2)
    assert float(strength.max()) == 1
    maps = feature_maps(model, image, ["conv2"])["conv2"]
    corner = maps[:, 4:, :4].mean((1, 2))  # third of four places
    alone = visualize(
        model, [objectives.direction("conv2", torch.ones(4))] * 2 + [objectives.direction("conv2", corner)], steps=3
    )
    assert torch.allclose(made.image[2], alone.image[2], atol=1e-5)


def test_without_constraints_pixels_leave_their_range_and_with_clipping_not() -> None:
    model = ZOO["plain"]()
    made = ablation(model, objectives.channel("conv2", 1), steps=24)
    assert next(iter(made)) == "none"
    assert list(made)[-1] == "all"
    assert made["none"].image.max() > 1
    for name in ("clipping", "all"):
        assert made[name].image.min() >= 0
        assert made[name].image.max() <= 1
    for name, item in made.items():
        assert name == "none" or not torch.equal(item.image, made["none"].image)
    assert ablation_section(model, made).body.count("<figure") == len(made)


def atlas(model: Model, **settings: object):
    units = [objectives.channel("conv2", number) for number in range(4)]
    return visualize(model, units, steps=4, **settings)


def test_an_atlas_and_a_strip_say_what_the_evidence_says() -> None:
    model, real = ZOO["plain"](), images(24)
    made = atlas(model, reference=real)
    section = atlas_section(model, "conv2", "<conv2>", made, real, "<source>")
    assert section.body.count("<li ") == 4
    assert "<conv2>" not in section.body
    assert "<source>" not in section.body
    assert all(row.finding("real_images").text.partition(" ")[0] in section.body for row in made)
    assert "not compared" in atlas_section(
        model, "conv2", "conv2", atlas(model), None, ""
    ).body or "uninterpretable" in (atlas_section(model, "conv2", "conv2", atlas(model), None, "").body)
    assert "sees 5 × 5" in depth_section(model, {"conv2": made}).body
