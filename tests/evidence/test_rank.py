"""Which method to trust: the order, the sentence, and what cannot be made."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import xai
from xai.base.errors import InputError
from xai.evidence.rank import in_order, reason_for
from xai.results.finding import Finding
from xai.results.method_ranking import RankedMethod


def ranked(method: str, status: str, score: float, passes: int) -> RankedMethod:
    details = {"low": score - 0.1, "high": score + 0.1, "rows": 5, "p_value": 0.001}
    pooled = Finding("faithfulness", status, score, 0.75, "", "", details)
    return RankedMethod(method, pooled, {"supported": 5}, {}, passes)


def linear() -> xai.Model:
    network = nn.Linear(8, 1, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[4.0, -3.0, 2.0, 1.0, 0.0, 0.5, -1.0, 0.2]]))
    return xai.Model(network, task="regression")


def test_what_stands_comes_first_and_among_equals_the_cheaper() -> None:
    found = [
        ranked("wrong", "fail", -0.8, 1), ranked("dear", "pass", 0.901, 500), ranked("unsure", "warn", 0.95, 1),
        ranked("cheap", "pass", 0.9, 3), RankedMethod("none", None, {}, {}, 1),
        RankedMethod("no", None, {}, {}, 1, "x"),
    ]  # fmt: skip
    order = [item.method for item in in_order(found)]
    assert order == ["cheap", "dear", "unsure", "none", "wrong", "no"]
    assert "Trust cheap first: over 5 rows" in reason_for(in_order(found))
    assert "about 3 passes" in reason_for(in_order(found))
    assert reason_for([found[0]]).startswith("No method's claims were shown")


def test_methods_of_a_sum_all_stand() -> None:
    rows = torch.rand(5, 8, generator=torch.Generator().manual_seed(0)) + 0.5
    found = xai.rank_methods(linear(), rows, ["integrated_gradients", "occlusion", "gradcam"])
    frame = found.to_frame()
    assert frame["method"].tolist()[-1] == "gradcam"
    assert "expected a network with (C, H, W) feature maps" in frame["remarks"].iloc[-1]
    assert frame["over all rows"].tolist()[:2] == ["supported"] * 2
    assert frame["correlation"].iloc[0] == pytest.approx(1.0)
    assert found.recommended in ("integrated_gradients", "occlusion")
    page = found._repr_html_()
    assert "Which method to trust" in page
    assert "1.00 (1.00 – 1.00)" in page
    assert "5 of 5" in page
    assert "<li><b>Grad-CAM</b>" in page.split("Not possible here (1)")[1].split("</details>")[0]


def test_by_default_only_methods_that_can_be_made_are_listed() -> None:
    found = xai.rank_methods(
        linear(), torch.ones(3, 8), checks=["faithfulness"], options={"kernel_shap": {"samples": 64}}
    )
    assert "gradcam" not in [item.method for item in found.methods]


def test_bad_requests_are_named() -> None:
    for given, match in (
        ({"methods": ["magic"]}, "methods: expected among"),
        ({"checks": ["deletion"]}, "faithfulness among them"),
        ({"checks": ["faithfulness", "magic"]}, "checks: expected among"),
    ):
        with pytest.raises(InputError, match=match):
            xai.rank_methods(linear(), torch.ones(3, 8), **given)
    with pytest.raises(InputError, match="at least two rows"):
        xai.rank_methods(linear(), torch.ones(1, 8))
