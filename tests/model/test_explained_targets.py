"""What becomes of an explanation whose target is no class: its evidence, its file, its page, captum's objects."""

from __future__ import annotations

import pickle
from pathlib import Path

import captum.attr
import pytest
import torch
from torch import Tensor

import xai
from tests.model.segments import Segments
from xai import ImageInput, Model, targets
from xai.base.errors import TargetError
from xai.inputs.image_files import LabelledImages


def test_an_explanation_of_a_pixel_has_evidence_and_a_file(segments: Model, images: Tensor, tmp_path: Path) -> None:
    found = xai.integrated_gradients(segments, images[:1], targets.pixel(2, 2))
    verified = xai.verify(segments, found, seed=0)
    said = {finding.check: finding for finding in verified.evidence[0]}
    assert said["completeness"].status == "pass"
    assert said["randomization"].status != "untestable"
    assert "at pixel (2, 2)" in said["faithfulness"].text
    read = xai.Explanation.load(verified.save(tmp_path / "pixel.safetensors"))
    assert read.target_name() == found.target_name()
    assert [item.text for item in xai.verify(segments, read, seed=0).evidence[0]] == [
        item.text for item in verified.evidence[0]
    ]
    assert pickle.loads(pickle.dumps(found)).target_name() == found.target_name()


def test_a_function_is_no_part_of_a_file(segments: Model, images: Tensor, tmp_path: Path) -> None:
    found = xai.saliency(segments, images, targets.function(lambda output: output["out"].sum((1, 2, 3)), "all of it"))
    read = xai.Explanation.load(found.save(tmp_path / "all.safetensors"))
    assert read.target_name() == "all of it"
    with pytest.raises(TargetError, match=r"the function itself, which no file holds, got its name, all of it"):
        xai.verify(segments, read)


def test_a_report_of_a_segmentation_network_explains_its_pixels(images: Tensor, tmp_path: Path) -> None:
    torch.manual_seed(2)
    model = Model(Segments(), classes=["sky", "road", "car"], input=ImageInput((2, 4, 4)))
    shown = LabelledImages(images[:1], ("street.png",), None, "one picture")
    report = xai.model_report(model, images=shown, target="pixel:1,2,2", methods=("saliency",), units=1, steps=2)
    page = report.save(tmp_path / "street.html").read_text()
    value = float(model.network(images[:1])["out"][0, 2, 1, 2].detach())
    assert f"<b>car at pixel (1, 2)</b> ({value:.3g})" in page
    assert '"target":"pixel:1,2,2"' in page.replace(": ", ":")


def test_an_object_of_captum_takes_them(segments: Model, images: Tensor) -> None:
    target = targets.pixel(1, 2, 2)
    found = xai.attribute(segments, captum.attr.Saliency, images, target=target)
    assert torch.equal(found.values, xai.saliency(segments, images, target).values)
    assert found.target_name() == "car at pixel (1, 2)"
