"""What comes a row at a time gives what an array of the same rows gives, and no more of it is held than is drawn."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

import xai
from tests.runs.folders import table_model
from xai.base.errors import InputError
from xai.inputs.streams import draw_rows, stack_rows
from xai.lime.training_summary import TrainingSummary

ROWS = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
LABELS = (ROWS[:, 0] > 0).long()


class Pairs(Dataset):
    def __init__(self) -> None:
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(ROWS)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        self.read.append(row)
        return ROWS[row], int(LABELS[row])


class Flow(IterableDataset):
    def __len__(self) -> int:  # some have a length, and no rows by number all the same
        return len(ROWS)

    def __iter__(self) -> Iterator:
        return zip(ROWS, LABELS.tolist(), strict=True)


def table() -> pd.DataFrame:
    return pd.DataFrame(ROWS.numpy(), columns=table_model().input.names).assign(label=LABELS.numpy())


FORMS: dict[str, Callable[[], object]] = {
    "dataset": Pairs,
    "iterable": Flow,
    "loader": lambda: DataLoader(Pairs(), batch_size=7),
    "pairs": lambda: zip(ROWS, LABELS.tolist(), strict=True),
    "lists": lambda: ((row.tolist(), int(label)) for row, label in zip(ROWS, LABELS, strict=True)),
    "dictionaries": lambda: iter(table().to_dict("records")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_what_the_array_gives(form: str) -> None:
    model = table_model()
    made, background = FORMS[form], TrainingSummary.of(ROWS, like=model.input)
    assert torch.equal(stack_rows(made(), model.input, "rows"), ROWS)
    assert TrainingSummary.of(made(), like=model.input) == background
    given = {"samples": 50, "background": made(), "shared": True}
    alone = xai.lime_tabular(model, ROWS, **{**given, "background": background})
    assert torch.equal(torch.stack(xai.lime_tabular(model, made(), **given).values), torch.stack(alone.values))
    found = xai.permutation_importance(model, made(), repeats=2)
    assert torch.equal(found.values, xai.permutation_importance(model, ROWS, LABELS, repeats=2).values)
    assert found.rows == 60
    audited = xai.audit(model, xai.AuditData(made(), train=made()), ["performance"])
    whole = xai.audit(model, xai.AuditData(ROWS, LABELS, train=(ROWS, LABELS)), ["performance"])
    assert audited.findings == whole.findings
    assert audited.data["digest"] == whole.data["digest"]


def test_of_a_dataset_only_the_drawn_rows_are_read_and_they_are_those_of_the_array() -> None:
    model, data = table_model(), Pairs()
    found = xai.permutation_importance(model, data, rows=25, seed=3)
    alone = xai.permutation_importance(model, ROWS, LABELS, rows=25, seed=3)
    assert len(data.read) == len(set(data.read)) == found.rows == alone.rows == 25
    assert torch.equal(found.values, alone.values)
    chosen = sorted(data.read)
    there = xai.permutation_importance(model, ROWS[chosen], LABELS[chosen], seed=3)
    assert torch.equal(found.values, there.values)


def test_each_row_of_a_stream_is_drawn_equally_often() -> None:
    input, counts = xai.TensorInput(), Counter()
    for seed in range(400):
        drawn = draw_rows(iter([[float(row)] for row in range(20)]), 5, input, seed=seed)
        assert drawn.rows[:, 0].tolist() == drawn.numbers == sorted(set(drawn.numbers))
        assert (len(drawn.numbers), drawn.total, drawn.labels) == (5, 20, None)
        counts.update(drawn.numbers)
    assert len(counts) == 20
    assert all(60 <= count <= 140 for count in counts.values())  # 100 expected, 4.6 standard deviations


def test_no_more_is_held_than_is_drawn() -> None:
    class Row(np.ndarray):
        pass

    alive, most = weakref.WeakSet(), 0

    def rows() -> Iterator[np.ndarray]:
        nonlocal most
        for number in range(3000):
            row = np.full(2, number, dtype=np.float32).view(Row)
            alive.add(Held(row))
            most = max(most, len(alive))
            yield row

    class Held:
        def __init__(self, row: Row) -> None:
            row.held = self

    assert draw_rows(rows(), 50, xai.TensorInput()).total == 3000
    assert most < 60


def test_an_audit_keeps_what_it_draws_and_calls_rows_by_their_places() -> None:
    model, groups = table_model(), {"side": ["left", "right"] * 30}
    data = xai.AuditData(Pairs(), most=30, groups=groups, weights=list(range(1, 61)))
    assert (len(data.labels), data.total) == (30, 60)
    assert torch.equal(torch.as_tensor(data.inputs), ROWS[data.numbers])
    assert data.groups["side"] == [groups["side"][row] for row in data.numbers]
    assert data.weights == [row + 1 for row in data.numbers]
    assert data.positions(data.numbers[3:5]) == [3, 4]
    result = xai.audit(model, data, ["performance"])
    assert result.data["total"]["held_out"] == 60
    worst = next(finding.details["worst"] for finding in result.findings if "worst" in finding.details)
    wrong = {row for row in data.numbers if int(model.predict(ROWS[row]).argmax()) != int(LABELS[row])}
    assert worst
    assert set(worst) <= wrong


class Broken(Pairs):
    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        if row == 7:
            raise OSError("a bad sector")
        return super().__getitem__(row)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda model: xai.permutation_importance(model, Broken()), r"data: .*row 7: OSError: a bad sector"),
        (lambda model: xai.permutation_importance(model, iter(ROWS)), "labels: expected one per row, got none"),
        (lambda model: xai.permutation_importance(model, iter(())), "data: expected at least one row"),
        (lambda model: xai.permutation_importance(model, ROWS, LABELS, rows=1), "rows: expected"),
        (lambda model: xai.lime_tabular(model, iter(()), background=ROWS), "rows: expected at least one row"),
        (lambda model: xai.AuditData(iter(ROWS)), "labels: expected one per row, got none"),
        (lambda model: xai.AuditData(ROWS, LABELS, train=iter(ROWS)), "train: expected items"),
        (lambda model: xai.AuditData(Pairs(), weights=[1, 2]), "weights: expected one entry per row"),
        (lambda model: xai.AuditData(Pairs(), most=3), "most: expected"),
    ],
)
def test_what_cannot_be_drawn_from_is_named(call: Callable, named: str) -> None:
    with pytest.raises(InputError, match=named):
        call(table_model())
