"""Every check on every kind of input: it ends, says why where it cannot, repeats itself, and leaves no trace."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

import xai
from tests.auditing.planted import bars, stripes
from tests.auditing.test_audit import table_data, table_model
from tests.auditing.test_shortcuts_robustness import spam
from tests.trace_state import differences, state_of
from xai.auditing.audit_data import AuditData
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.tensor import TensorInput
from xai.inputs.text import TextInput
from xai.methods import MODEL_CHECKS
from xai.model.model import Model

QUICK = {"explanations": {"sample": 4}}


def numbers() -> tuple[Model, AuditData]:
    rows = torch.randn(120, 3, generator=torch.Generator().manual_seed(0))
    network = nn.Linear(3, 1)
    targets = network(rows).detach() + 0.1
    data = AuditData(rows[:60], targets[:60], train=(rows[60:], targets[60:]), groups={"who": ["a", "b"] * 30})
    return Model(network, task="regression", input=TabularInput(["a", "b", "c"])), data


def labels() -> tuple[Model, AuditData]:
    rows = torch.randn(80, 3, generator=torch.Generator().manual_seed(0))
    network = nn.Linear(3, 4)
    return Model(network, task="multilabel", input=TabularInput(["a", "b", "c"])), AuditData(rows, network(rows) > 0)


def series() -> tuple[Model, AuditData]:
    rows = torch.randn(80, 6, 2, generator=torch.Generator().manual_seed(0))
    rows[::3, 4:] = 0
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    model = Model(network, input=SequenceInput(["x", "y"], 6))
    targets = network(rows).argmax(1)
    return model, AuditData(rows[:50], targets[:50], train=(rows[50:], targets[50:]))


def words() -> tuple[Model, AuditData]:
    generator = np.random.default_rng(0)
    known = ["red", "blue", "green", "old", "new", "tree"]
    texts = [" ".join(generator.choice(known, 5)) for _ in range(60)]
    network = nn.Sequential(nn.EmbeddingBag(8, 4, padding_idx=0), nn.Linear(4, 2))
    model = Model(network, input=TextInput(known))
    return model, AuditData(texts, model.predict(texts).argmax(1))


def strings() -> tuple[Model, AuditData]:
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(["red", "zq", "old"], 4)) for _ in range(60)]
    return Model.from_callable(spam, input=TextInput()), AuditData(texts, [int("zq" in text) for text in texts])


def table() -> tuple[Model, AuditData]:
    frame, train = table_data(120), table_data(120, 1)
    return table_model(), AuditData(frame, frame["label"], train=(train, train["label"]), protected=["color"])


def function() -> tuple[Model, AuditData]:
    rows = np.random.default_rng(0).normal(size=(100, 2))
    model = Model.from_callable(
        lambda batch: 1 / (1 + np.exp(-batch[:, :1] * [[-4, 4]])), input=TabularInput(["a", "b"]), task="classification"
    )
    return model, AuditData(rows, (rows[:, 0] > 0).astype(int))


def images() -> tuple[Model, AuditData]:
    pictures, targets = stripes(80)
    return bars(), AuditData(pictures[:50], targets[:50], train=(pictures[50:], targets[50:]))


@pytest.mark.parametrize("kind", [images, table, function, numbers, labels, series, words, strings])
def test_an_audit_of_every_kind(kind) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, data = kind()
    before = state_of(model.network)
    result = xai.audit(model, data, **QUICK)
    assert differences(before, state_of(model.network)) == []
    assert result.checks == [name for name, spec in MODEL_CHECKS.items() if not spec.asked]
    assert all(item.text for item in result.findings)
    assert all(item.text.startswith("Untestable: ") for item in result.findings if item.status == "untestable")
    assert any(item.status == "pass" for item in result.findings)
    silent = [item.check for item in result.findings if item.status == "pass" and not item.details["could_have_seen"]]
    assert silent == []  # each says the smallest effect that it would have seen
    reasons = result.of("shortcuts.other_reason")[0]
    assert ("in images alone" in reasons.text) == (kind is not images)
    json.dumps(result.to_dict(), allow_nan=False)
    again = xai.audit(model, data, **result.options)
    changed = [a.check for a, b in zip(result.findings, again.findings, strict=True) if a != b]
    assert changed == []
    page = xai.audit_report(result, model, data).html()
    assert "What was run" in page
    assert " style=" not in page


def test_without_raw_data_no_input_is_quoted() -> None:
    texts = [f"secretive{place % 2} other words {place % 3}" for place in range(80)]
    model = Model.from_callable(spam, input=TextInput())
    data = AuditData(texts, [place % 2 for place in range(80)])
    result = xai.audit(model, data, ["performance", "complexity", "shortcuts", "data", "bias"])
    assert "secretive" in xai.audit_report(result, model, data).html()
    assert "secretive" not in xai.audit_report(result, model, data, raw_data=False).html()
    assert "secretive" not in json.dumps(result.without_raw_data().to_dict())


def test_without_raw_data_no_number_of_a_table_is_quoted() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(120, 3, generator=draw)
    rows[60:80, 1] = 7.125  # of training rows: a value that repeats, and the largest
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    model = Model(network, input=TabularInput(["a", "b", "c"]))
    targets = model.predict(rows).argmax(1)
    data = AuditData(rows[:60], targets[:60], train=(rows[60:], targets[60:]))
    result = xai.audit(model, data, ["performance", "complexity", "shortcuts", "data", "bias"])
    assert "7.125" in json.dumps(result.to_dict())
    bare = (
        json.dumps(result.without_raw_data().to_dict()) + xai.audit_report(result, model, data, raw_data=False).html()
    )
    assert "7.125" not in bare
    ends = [f"{float(end):.4g}" for column in rows.T for end in (column.min(), column.max())]
    assert [end for end in ends if re.search(rf"(?<![\d.]){re.escape(end)}(?!\d)", bare)] == []


def test_names_from_outside_are_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    frame = table_data(100).rename(columns={"color": hostile})
    network = table_model().network
    inputs = TabularInput(["size", hostile], categorical={hostile: ["red", "blue"]})
    model = Model(network, classes=["no", hostile], input=inputs, name=hostile)
    data = AuditData(frame, frame["label"].map({"no": "no", "yes": hostile}), protected=[hostile], name=hostile)
    page = xai.audit_report(xai.audit(model, data, ["performance", "bias", "complexity", "data"]), model, data).html()
    assert hostile not in page


def test_an_interrupted_audit_writes_nothing(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from tests.cli.test_audit import TABLE
    from xai.cli.audit_command import command
    from xai.model.folder import save_model

    save_model(table_model(), tmp_path / "model", factory="table.py:build")
    (tmp_path / "model" / "table.py").write_text(TABLE)
    table_data().to_csv(tmp_path / "rows.csv", index=False)

    def interrupted(*arguments: object, **settings: object) -> list:
        raise KeyboardInterrupt

    monkeypatch.setattr("xai.auditing.checks.data_quality.dataset", interrupted)
    outputs = ["-o", str(tmp_path / "a.html"), "--json", str(tmp_path / "a.json")]
    arguments = [str(tmp_path / "model"), "--trust-code", "--data", str(tmp_path / "rows.csv"), "-c", "data", *outputs]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "rows.csv"]


def test_numbers_of_words_are_explained_as_words() -> None:
    from xai.auditing.explainers import explain
    from xai.auditing.kinds import texts_of

    network = nn.Sequential(nn.EmbeddingBag(5, 4, padding_idx=0), nn.Linear(4, 2))
    model = Model(network, input=TextInput(["red", "unknown", "old"]))
    numbers = torch.tensor([[2, 4, 1, 3], [4, 2, 0, 0]])
    texts = texts_of(model, numbers)
    assert texts == ["red old unknownx unknown", "old red"]
    assert torch.equal(model.input.feed(texts), numbers)
    assert {"red", "old"} <= set(explain(model, numbers, 0, seed=0).value_names(1))


class SoundInput(TensorInput, frozen=True, tag="sound"):
    """A kind of input that no check was written for: mono sound, (N, T)."""

    @property
    def kind(self) -> str:
        return "sound"


def test_a_new_kind_of_input_ends_in_named_untestable_findings() -> None:
    rows = torch.randn(120, 16, generator=torch.Generator().manual_seed(0))
    model = Model(nn.Sequential(nn.Linear(16, 2)), input=SoundInput())
    data = AuditData(rows[:60], [0, 1] * 30, train=(rows[60:], [0, 1] * 30), groups={"who": ["a", "b"] * 30})
    result = xai.audit(model, data)
    assert result.checks == [name for name, spec in MODEL_CHECKS.items() if not spec.asked]
    found = {item.check: item for item in result.findings}
    for name in (
        "complexity.gain", "bias.slices", "shortcuts.one_region", "shortcuts.leakage", "robustness.noise",
        "robustness.attack", "explanations.deletion", "data.contradictions", "data.out_of_distribution",
        "data.constant",
    ):  # fmt: skip
        assert found[name].text == 'Untestable: it is not made for inputs of kind "sound".', name
    assert found["shortcuts.planted_trigger"].status == "untestable"
    for name in ("performance.skill", "bias.errors", "calibration.error", "inside.dead", "data.duplicates"):
        assert found[name].status != "untestable", name
    compared = xai.compare(model, Model(nn.Sequential(nn.Linear(16, 2)), input=SoundInput()), data)
    assert compared.of("explanations.changed")[0].text == found["shortcuts.leakage"].text
