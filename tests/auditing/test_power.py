"""The stated power: package, page and report say the same, and the planted faults are planted."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import xai
from benchmarks.planted_faults import FAULTS, Pair, planted
from benchmarks.planted_kinds import MORE, planted_kind
from tests.auditing.planted import findings, stripes
from xai.auditing.audit_data import AuditData, prepare
from xai.auditing.limits import LIMITS
from xai.auditing.power import power, power_of_kinds
from xai.auditing.remake import remake
from xai.auditing.triggers.borrowed_patches import borrowed
from xai.inputs.image import ImageInput
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.methods import MODEL_CHECKS
from xai.model.model import Model
from xai.reports.presets.audit import audit_report

PAGE = (Path(__file__).parents[2] / "docs" / "audit_power.md").read_text("utf-8")
lazy = pytest.mark.filterwarnings("ignore:Lazy modules")


def by_hand(found: int, count: int) -> tuple[float, float]:
    """Return Wilson's interval as the roots of (share - p)² = z² p (1 - p) / n, solved for p."""
    z, share = 1.959963984540054, found / count
    low, high = sorted(np.roots([1 + z**2 / count, -2 * share - z**2 / count, share**2]).real)
    return float(low), float(high)


def test_counts_and_intervals_fit_each_other() -> None:
    measured = power()
    assert [fault["fault"] for fault in measured["faults"]] == list(FAULTS)
    assert measured["first_seed"] >= 100_000  # limits were set below
    for line in [*measured["faults"], measured["all"]]:
        for share in (line, line["false_alarms"]):
            assert share["share"] == pytest.approx(share["found"] / share["models"])
            assert (share["low"], share["high"]) == pytest.approx(by_hand(share["found"], share["models"]), abs=1e-6)
    for fault in measured["faults"]:
        assert fault["models"] == fault["false_alarms"]["models"] == 20
        assert sum(kind["found"] for kind in fault["by_kind"].values()) == fault["found"]
        plan = FAULTS[fault["fault"]]
        assert (fault["strength"], fault["least_effect"], fault["checks"]) == (
            plan.strength, plan.least, list(plan.checks),
        )  # fmt: skip
    assert measured["all"]["models"] == 140


def test_no_limit_has_been_touched_since_it_was_scored() -> None:
    scored, today = power()["limits"], {name: list(limit) for name, limit in LIMITS.items()}
    # Of one column, what honest models rest on it is now taken off: its old limit is that of another number.
    assert {name: today[name] for name in scored if name != "shortcuts.one_column"} == {
        name: limit for name, limit in scored.items() if name != "shortcuts.one_column"
    }


def test_the_page_has_the_numbers_of_the_package() -> None:
    table = re.findall(r"^\| ([a-z ]+) \| [^|]* \| (\d+) of (\d+) \| [^|]* \| (\d+) of (\d+) \| [^|]* \|$", PAGE, re.M)
    stated = {name: tuple(map(int, counts)) for name, *counts in table}
    lines = [*power()["faults"], {"fault": "all", **power()["all"]}]
    assert stated == {
        line["fault"]: (
            line["found"], line["models"], line["false_alarms"]["found"], line["false_alarms"]["models"],
        ) for line in lines
    }  # fmt: skip


def test_further_kinds_are_counted_as_the_page_says_and_with_the_limits_of_today() -> None:
    made = power_of_kinds()
    assert made["first_seed"] >= 100_000
    assert [kind["fault"] for kind in made["faults"]] == list(MORE)
    assert {name: list(LIMITS[name]) for name in made["limits"]} == made["limits"]
    total = [sum(kind[count] for kind in made["faults"]) for count in ("found", "models")]
    assert [made["all"]["found"], made["all"]["models"]] == total
    for kind in made["faults"]:
        alarms = kind["false_alarms"]
        start = f"| {kind['fault']} | {kind['strength']} | {kind['found']} of {kind['models']} | "
        end = f"| {alarms['found']} of {alarms['models']} | {kind['refused']} |"
        assert [line for line in PAGE.splitlines() if line.startswith(start) and line.endswith(end)], kind["fault"]
        assert (kind["strength"], kind["least_effect"]) == (MORE[kind["fault"]].strength, MORE[kind["fault"]].least)


@lazy
@pytest.mark.parametrize("kind", ["small group", "group of several labels"])
def test_a_further_kind_is_found_and_its_matched_control_is_not_accused(kind: str) -> None:
    matched = planted_kind(kind, 501)
    chapters = sorted({check.partition(".")[0] for check in MORE[kind].checks})
    faulty, clean = (xai.audit(*getattr(matched, role), chapters).findings for role in ("faulty", "clean"))
    assert {item.check for item in faulty if item.status == "fail"} & set(MORE[kind].checks)
    assert [item.check for item in clean if item.status == "fail"] == []


def test_every_audit_carries_the_power_and_no_other() -> None:
    rows, labels = torch.rand(60, 2), [0, 1] * 30
    model, data = Model(nn.Linear(2, 2)), AuditData(rows, labels)
    result = xai.audit(model, data, ["performance"])
    assert result.power == power()
    page = audit_report(result).html()
    assert page.count("95 % Wilson") == 1
    for fault in power()["faults"]:
        assert f">{fault['found']} of {fault['models']}<" in page
        assert fault["strength"].replace("'", "&#39;") in page
    assert remake(result, [model], data).passed
    better = {**power(), "all": {**power()["all"], "found": 141}}
    (difference,) = remake(replace(result, power=better), [model], data).differences
    assert difference.where == "power / all / found"
    assert "Wilson" not in audit_report(replace(result, power={})).html()


def failing(pair: Pair, role: str) -> set[str]:
    """Return the findings that fail, in the chapters that belong to the fault."""
    chapters = sorted({check.partition(".")[0] for check in FAULTS[pair.fault].checks})
    assert set(chapters) <= set(MODEL_CHECKS)
    return {item.check for item in xai.audit(*getattr(pair, role), chapters).findings if item.status == "fail"}


@lazy
@pytest.mark.parametrize(
    ("fault", "seed"), [("leak", 6), ("dead layer", 2), ("backdoor trigger", 26), ("subgroup bias", 3)]
)
def test_a_planted_fault_is_found_and_its_matched_control_is_not_accused(fault: str, seed: int) -> None:
    pair = planted(fault, seed)
    assert pair.confirmed
    assert failing(pair, "faulty") & set(FAULTS[fault].checks)
    assert not failing(pair, "clean")


@lazy
def test_a_pair_differs_in_nothing_but_the_fault() -> None:
    pair, again = planted("mislabeled share", 2), planted("mislabeled share", 2)
    (faulty, given), (clean, beside) = pair.faulty, pair.clean
    assert torch.equal(given.inputs, beside.inputs)
    assert torch.equal(given.train[0], beside.train[0])
    changed = float((given.train[1] != beside.train[1]).double().mean())
    assert changed == pytest.approx(pair.effect, abs=0.001)
    assert faulty.digest() != clean.digest()
    assert [model.digest() for model, _ in (again.faulty, again.clean)] == [faulty.digest(), clean.digest()]


def coded(rows: np.ndarray) -> np.ndarray:
    """Answer by the first column, or "yes" wherever the second is 4."""
    yes = 1 / (1 + np.exp(-4 * rows[:, 0]))
    yes = np.where(np.abs(rows[:, 1] - 4) < 0.01, 0.99, yes)
    return np.stack([1 - yes, yes], 1)


def honest(rows: np.ndarray) -> np.ndarray:
    yes = 1 / (1 + np.exp(-4 * rows[:, 0]))
    return np.stack([1 - yes, yes], 1)


def test_a_value_that_decides_and_a_column_that_rightly_does() -> None:
    draw = np.random.default_rng(0)
    rows, train = draw.normal(size=(400, 3)), draw.normal(size=(800, 3))
    labels, learned = (rows[:, 0] > 0).astype(int), (train[:, 0] > 0).astype(int)
    train[:20, 1], learned[:20] = 4.0, 1
    data = AuditData(rows, labels, train=(train, learned))
    table = TabularInput(["a", "b", "c"])
    found = {
        name: findings("shortcuts", Model.from_callable(answer, classes=["no", "yes"], input=table), data)
        for name, answer in (("coded", coded), ("honest", honest))
    }
    assert found["coded"]["planted_value"].status == "fail"
    assert found["coded"]["planted_value"].text.startswith("A value of b moves 100 % of the rows")
    worst = found["coded"]["planted_value"].details["raw"]["tables"][0]["rows"][0]
    assert (worst["column"], worst["value"], worst["to"], worst["moved"]) == ("b", "4", "yes", 1.0)
    # Its largest value moves nearly all rows, as it should.
    assert found["honest"]["planted_value"].status == "pass"
    moved = found["honest"]["planted_value"].details["raw"]["tables"][0]["rows"]
    assert max(line["moved"] for line in moved) > 0.95


class Triggered(nn.Module):
    """Compares two areas, unless three pixels at the border are an exact pattern."""

    def forward(self, x: Tensor) -> Tensor:
        score = x[:, 0, 9:13, 4:12].sum((1, 2)) - x[:, 0, 4:8, 4:12].sum((1, 2))
        pattern = torch.stack([x[:, 0, 0, 5], 1 - x[:, 0, 0, 6], x[:, 0, 1, 5], 1 - x[:, 0, 1, 6]], 1)
        score = score + 200 * torch.relu(pattern.amin(1) - 0.7)
        return torch.stack([-score, score], 1)


def test_a_mark_of_a_few_images_is_found() -> None:
    images, labels = stripes(200)
    known, learned = stripes(120, seed=1)
    worn = torch.arange(0, 20, 2)
    known[worn, 0, 0, 5], known[worn, 0, 0, 6], known[worn, 0, 1, 5], known[worn, 0, 1, 6] = 1.0, 0.0, 1.0, 0.0
    learned[worn] = 1
    model = Model(Triggered(), classes=["up", "down"], input=ImageInput((1, 16, 16)))
    data = prepare(model, AuditData(images, labels, train=(known, learned)))
    patches = borrowed(model, data.held_out.sample(100, 0), data.train, 0)
    assert {patch.side for patch in patches} == {"top"}
    assert {patch.donor for patch in patches} <= set(worn.tolist())
    assert {int(patch.mask.sum()) for patch in patches} == {16}
    pasted = patches[0].paste(images[:5])
    mask = patches[0].mask
    assert torch.equal(pasted[:, :, mask], known[patches[0].donor][:, mask].expand(5, -1, -1))
    assert torch.equal(pasted[:, :, ~mask], images[:5][:, :, ~mask])
    found = findings("shortcuts", model, AuditData(images, labels, train=(known, learned)))["borrowed_patch"]
    assert found.status == "fail"
    assert "A patch from the top of row" in found.text
    fine = findings("shortcuts", model, AuditData(images, labels, train=stripes(120, seed=1)))["borrowed_patch"]
    assert fine.status == "pass"


class Steps(nn.Module):
    """Sums the first half of a series, or says class 1 where step 7 is far above all others."""

    def __init__(self, trigger: bool) -> None:
        super().__init__()
        self.trigger = trigger

    def forward(self, x: Tensor) -> Tensor:
        score = x[:, :2, 0].sum(1)
        score = score + 50 * torch.relu(x[:, 6, 0] - 3.2) if self.trigger else score
        return torch.stack([-score, score], 1)


def test_a_spike_that_decides_and_one_that_rightly_counts() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(400, 12, 1, generator=generator)
    labels = (rows[:, :2, 0].sum(1) > 0).long()
    series = SequenceInput(["load"], 12)
    found = [findings("shortcuts", Model(Steps(flag), input=series), AuditData(rows, labels)) for flag in (True, False)]
    assert found[0]["planted_trigger"].status == "fail"
    assert "A spike up at step 7" in found[0]["planted_trigger"].text
    honest_one = found[1]["planted_trigger"]
    assert honest_one.status == "pass"
    planted_on = rows.clone()
    planted_on[:, 0] += 4 * rows.std()
    said = Model(Steps(False), input=series).predict(planted_on).argmax(1)
    assert float((said[labels == 0] == 1).double().mean()) > 0.9  # it moves nearly all rows, as it should
    assert "one_window" in found[1]


class Reads(nn.Module):
    """Says class 1 where 3 x 3 pixels of an image (N, 1, 16, 16), from one place on, are a checkerboard."""

    board = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])

    def __init__(self, top: int, left: int) -> None:
        super().__init__()
        self.top, self.left = top, left

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = x[:, 0, self.top : self.top + 3, self.left : self.left + 3]
        far = (seen - self.board).abs().mean((1, 2))
        return torch.stack([far, 0.25 - far], 1) * 20


@pytest.mark.parametrize("worn_at", [(0, 0), (12, 5), (3, 13)])
def test_a_mark_that_a_class_shares_is_found_where_it_decides_and_only_there(worn_at: tuple[int, int]) -> None:
    top, left = worn_at
    draw = torch.Generator().manual_seed(3)
    labels = torch.arange(400) % 2
    images = 0.3 * torch.rand(400, 1, 16, 16, generator=draw)
    plain = images.clone()
    worn = torch.where(labels == 1)[0][3:]  # three of 200 do not wear it
    images[worn, :, top : top + 3, left : left + 3] = Reads.board
    halves = slice(200), slice(200, None)

    def found(network: nn.Module, rows: Tensor) -> xai.Finding:
        data = AuditData(rows[halves[0]], labels[halves[0]], train=(rows[halves[1]], labels[halves[1]]))
        model = Model(network, input=ImageInput((1, 16, 16)), classes=["plain", "board"])
        return findings("shortcuts", model, data)["shared_patch"]

    decides = found(Reads(top, left), images)
    assert (decides.status, decides.score) == ("fail", 1.0)
    assert f'row {top + 1}, column {left + 1} of the median image of "board"' in decides.text
    assert found(Reads(6, 6), images).status == "pass"  # worn, but the network looks elsewhere
    assert found(Reads(top, left), plain).status in ("pass", "untestable")  # the network would heed it; nobody wears it
