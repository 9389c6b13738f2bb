"""Spectral relevance analysis: a watermark on a part of a class is found, shown and tested; its twin is not accused."""

from __future__ import annotations

import re
from functools import cache

import pytest
import torch
from torch import Tensor, nn

import xai
from tests.auditing.planted import stripes
from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.triggers.reason_groups import reason_groups
from xai.inputs.image import ImageInput
from xai.model.model import Model
from xai.results.audit_result import AuditResult


def marked(share: float) -> tuple[Tensor, Tensor]:
    """Return images of bars, of which a share of the lower ones has a bright square in a corner."""
    images, labels = stripes(400)
    images[..., 12:15, 12:15] = 0.0
    lower = torch.where(labels == 1)[0]
    images[lower[: round(share * len(lower))], :, 12:15, 12:15] = 1.0
    return images, labels


class Corner(nn.Module):
    """Compares two areas, as an honest network does, and adds a weight on the lower right corner."""

    def __init__(self, corner: float) -> None:
        super().__init__()
        weight = torch.zeros(2, 1, 16, 16)
        weight[0, 0, 4:8, 4:12] = weight[1, 0, 9:13, 4:12] = 0.2
        weight[1, 0, 12:15, 12:15] = corner
        self.score = nn.Linear(256, 2)
        with torch.no_grad():
            self.score.weight.copy_(weight.view(2, 256))
            self.score.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.score(x.flatten(1))


@cache
def audited(corner: float) -> tuple[AuditResult, Model, AuditData]:
    images, labels = marked(0.25)
    order = torch.randperm(400, generator=torch.Generator().manual_seed(0))
    images, labels = images[order], labels[order]
    model = Model(Corner(corner), classes=["up", "down"], input=ImageInput((1, 16, 16)))
    data = AuditData(images[:150], labels[:150], train=(images[150:], labels[150:]))
    return xai.audit(model, data, ["shortcuts"]), model, data


@pytest.mark.parametrize("corner", [1.0, 0.0])
def test_a_watermark_on_a_quarter_of_a_class(corner: float) -> None:
    found = audited(corner)[0].of("shortcuts.other_reason")[0]
    assert found.status == ("fail" if corner else "pass"), found.text
    if corner:
        assert 'rows of "down" have a reason of their own' in found.text
        line = found.details["tables"][0]["rows"][0]
        assert line["class"] == "down"
        assert line["moved by it"] > 0.9
        assert line["moved by the rest's"] < 0.2  # a few of them wear it, too
        assert line["changed in the rest"] < 0.1


def test_the_group_is_the_rows_with_the_mark_and_the_region_is_where_it_is() -> None:
    _, model, data = audited(1.0)
    known = prepare(model, data).train
    group = next(item for item in reason_groups(model, known) if item.label == 1)
    assert (known.inputs[group.rows][:, 0, 13, 13] == 1).all()
    smallest = group.regions[0]
    assert smallest[12:15, 12:15].sum() >= 0.8 * smallest.sum()
    assert group.elsewhere(smallest)


def test_the_report_shows_points_that_lead_to_rows_and_quotes_none_without_raw_data() -> None:
    result, model, data = audited(1.0)
    page = xai.audit_report(result, model, data).html()
    links = set(re.findall(r'href="#(reason-1-(?:group|rest)-\d+)"', page))
    assert len(links) > 10
    assert links <= set(re.findall(r'id="(reason-1-[a-z]+-\d+)"', page))
    assert "mean map of the group" in page
    assert "reason-1-" not in xai.audit_report(result, model, data, raw_data=False).html()
    assert "groups" not in str(result.without_raw_data().of("shortcuts.other_reason")[0].details)
