"""Data that is unlike a clean problem: an audit of it ends in findings or in a named error, never in another one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import xai
from xai.auditing.scores import quality
from xai.base.errors import InputError

WEIGHTS = np.array([2.0, -1.0, 0.5])
ROWS = np.random.default_rng(0).normal(size=(120, 3))
LABELS = (ROWS @ WEIGHTS > 0).astype(int)
GOOD, BAD = ["good film", "fine music"], ["bad film", "dull music"]


def answer(rows: np.ndarray) -> np.ndarray:
    chance = 1 / (1 + np.exp(-np.clip(rows @ WEIGHTS, -50, 50)))
    return np.stack([1 - chance, chance], 1)


def table(function=answer, classes=("no", "yes"), **options) -> xai.Model:
    columns = xai.TabularInput(["a", "b", "c"])
    return xai.Model.from_callable(function, classes=classes and list(classes), input=columns, **options)


def regression(function=lambda rows: rows @ WEIGHTS) -> xai.Model:
    return table(function, None, task="regression")


def liked(texts: list[str]) -> np.ndarray:
    chance = np.array([0.9 if "good" in text or "fine" in text else 0.2 for text in texts])
    return np.stack([1 - chance, chance], 1)


def texts() -> xai.Model:
    return xai.Model.from_callable(liked, classes=["no", "yes"], input=xai.TextInput())


def statuses(result: xai.AuditResult) -> dict[str, str]:
    return {finding.check: finding.status for finding in result.findings}


@pytest.mark.parametrize("words", [("0", "1"), ("0", "f"), ("1", "2")])
def test_protected_columns_whose_words_are_numbers(words: tuple[str, str]) -> None:
    groups = {"sex": np.where(ROWS[:, 0] > 0, *words)}
    result = xai.audit(table(), xai.AuditData(ROWS, LABELS, groups=groups), ["bias"])
    told = next(finding for finding in result.findings if finding.check == "bias.proxies")
    assert told.score > 0.8, told.text  # column a tells it


def test_a_small_vocabulary_has_strangers_too() -> None:
    inputs, labels = (GOOD + BAD) * 10, [1, 1, 0, 0] * 10
    result = xai.audit(texts(), xai.AuditData(inputs, labels, train=(inputs, labels)), ["data"])
    assert statuses(result)["data.out_of_distribution"] == "pass"


@pytest.mark.parametrize("inputs", [["!!!", "?"] * 15, [" ", "  "] * 15])
def test_texts_without_a_word(inputs: list[str]) -> None:
    data = xai.AuditData(inputs, [0, 1] * 15, train=(inputs, [0, 1] * 15))
    result = xai.audit(texts(), data, ["complexity", "shortcuts", "data"])
    assert statuses(result)["data.constant"] == "untestable"


def test_a_regression_of_several_values() -> None:
    targets = np.stack([ROWS @ WEIGHTS, ROWS @ -WEIGHTS], 1)
    model = regression(lambda rows: np.stack([rows @ WEIGHTS, rows @ -WEIGHTS], 1))
    result = xai.audit(model, xai.AuditData(ROWS, targets, train=(ROWS, targets)))
    assert result.of("performance.skill")[0].score == pytest.approx(1)
    assert statuses(result)["robustness.attack"] == "untestable"


def test_labels_that_never_vary_have_no_part_to_explain() -> None:
    targets = torch.tensor([[1.0], [1.0], [1.0]], dtype=torch.float64)
    said = torch.tensor([[1.0], [1.5], [0.0]], dtype=torch.float64)
    assert quality(said, targets, "regression").tolist() == [1.0, 0.0, 0.0]
    result = xai.audit(regression(), xai.AuditData(ROWS, np.ones(120), train=(ROWS, np.ones(120))))
    assert result.of("performance.skill")[0].score == 0


def test_answers_that_never_vary() -> None:
    rows = np.random.default_rng(0).normal(size=(300, 3))
    labels = (rows[:, 0] > 0).astype(int)
    model = table(lambda rows: np.tile([0.7, 0.2, 0.1], (len(rows), 1)), "xyz")
    result = xai.audit(model, xai.AuditData(rows, labels, train=(rows, labels)), ["performance", "bias"])
    assert statuses(result)["performance.skill"] == "fail"
    assert statuses(result)["performance.classes"] == "fail"


def test_a_network_of_any_numbers_that_gives_one_answer() -> None:
    network = torch.nn.Linear(3, 2)
    torch.nn.init.zeros_(network.weight)
    result = xai.audit(xai.Model(network), xai.AuditData(ROWS, LABELS), ["shortcuts"])
    assert statuses(result)["shortcuts.one_column"] == "untestable"


def test_images_without_anything_on_them() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
    model = xai.Model(network, input=xai.ImageInput((1, 8, 8)))
    blank = np.zeros((40, 1, 8, 8), dtype=np.float32)
    result = xai.audit(model, xai.AuditData(blank, [0, 1] * 20, train=(blank, [0, 1] * 20)), ["data"])
    assert statuses(result)["data.constant"] == "warn"


def test_one_label_for_all_rows_is_said_to_be_one() -> None:
    result = xai.audit(table(), xai.AuditData(ROWS, LABELS * 0), ["data"])
    assert "all rows have one label" in result.of("data.contradictions")[0].text


def test_series_of_padding_alone() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
    model = xai.Model(network, input=xai.SequenceInput(["a", "b"], 8))
    result = xai.audit(model, xai.AuditData(np.zeros((40, 8, 2)), [0, 1] * 20), ["robustness", "shortcuts"])
    assert statuses(result)["robustness.noise"] == "pass"


@pytest.mark.parametrize(("labels", "status"), [([1] + [0] * 19, "untestable"), ([0] * 10 + [1] * 8 + [2] * 2, "any")])
def test_too_few_of_a_class_to_learn_crosswise(labels: list[int], status: str) -> None:
    def three(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([0.9 * answer(rows), np.full((len(rows), 1), 0.1)], 1)

    result = xai.audit(table(three, "xyz"), xai.AuditData(ROWS[:20], labels), ["complexity"])
    assert (statuses(result)["complexity.gain"] == "untestable") == (status == "untestable")


def test_two_training_rows() -> None:
    targets = ROWS @ WEIGHTS
    result = xai.audit(regression(), xai.AuditData(ROWS, targets, train=(ROWS[:2], targets[:2])))
    assert statuses(result)["shortcuts.leakage"] == "untestable"


@pytest.mark.parametrize(
    ("model", "data", "says"),
    [
        (table(), xai.AuditData(ROWS[:19], LABELS[:19]), "inputs: expected at least 20 rows, got 19"),
        (table(), xai.AuditData(ROWS, LABELS, train=(ROWS[:1], LABELS[:1])), "train: expected at least 2 rows, got 1"),
        (table(), xai.AuditData(np.where(ROWS[3, 0] == ROWS, 1e300, ROWS), LABELS), "inputs: expected numbers of at"),
        (regression(), xai.AuditData(ROWS, ROWS[:, 0] * 1e200), "labels: expected numbers of at most"),
        (regression(lambda rows: rows[:, 0] * 1e200), xai.AuditData(ROWS, ROWS[:, 0]), "model: expected answers of at"),
    ],
)
def test_what_no_check_could_compute_with(model: xai.Model, data: xai.AuditData, says: str) -> None:
    with pytest.raises(InputError, match=f"audit: {says}"):
        xai.audit(model, data)


def test_a_check_that_is_named_twice_is_made_once() -> None:
    result = xai.audit(table(), xai.AuditData(ROWS, LABELS), ["performance", "performance"])
    assert len(result.findings) == 3


def test_a_comparison_speaks_of_itself() -> None:
    for labels, data in ((np.full(120, 7), ROWS), (LABELS[:-1], ROWS), (LABELS[:5], ROWS[:5])):
        with pytest.raises(InputError, match=r"^compare: "):
            xai.compare(table(), table(lambda rows: answer(2 * rows)), xai.AuditData(data, labels))


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 1), (1, 1, 9), (1, 16, 1)], ids=str)
def test_images_that_are_one_pixel_wide(shape: tuple[int, int, int]) -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(shape[0] * shape[1] * shape[2], 2))
    images = torch.rand(120, *shape, generator=torch.Generator().manual_seed(0))
    model = xai.Model(network, input=xai.ImageInput(shape))
    labels = torch.arange(120) % 2
    result = xai.audit(model, xai.AuditData(images[:60], labels[:60], train=(images[60:], labels[60:])), ["shortcuts"])
    assert statuses(result)["shortcuts.shared_patch"] in ("pass", "warn", "fail")


def test_a_mark_that_could_move_no_row_is_untestable() -> None:
    class Third(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[0.0, 0.0, 9.0]]).expand(len(images), -1) + 0 * images.mean((1, 2, 3))[:, None]

    images = torch.rand(120, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0] * 10 + [1] * 10 + [2] * 100)
    result = xai.audit(
        xai.Model(Third(), input=xai.ImageInput((1, 8, 8))), xai.AuditData(images, labels), ["shortcuts"]
    )
    assert statuses(result)["shortcuts.shared_patch"] == "untestable"
