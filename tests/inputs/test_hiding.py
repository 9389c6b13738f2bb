"""The one masked evaluation: each mask gets its own answer, equal ones are asked once, whatever the kind of input."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from xai.inputs.hiding import masked_scores
from xai.inputs.image import ImageInput
from xai.inputs.parts import Parts
from xai.inputs.series import SequenceInput
from xai.inputs.table import TabularInput
from xai.inputs.tensor import TensorInput
from xai.inputs.text import TextInput
from xai.model.model import Model

WEIGHTS = torch.tensor([3.0, -2.0, 1.0, 0.5], dtype=torch.float64)


class Asked:
    """A session that answers with a weighted sum of the columns, and keeps what it was asked."""

    def __init__(self, inputs: Tensor) -> None:
        self.inputs, self.seen = inputs, []

    def chunks(self, total: int) -> list[Tensor]:
        return list(torch.arange(total).split(100))

    def scores(self, batch: Tensor, rows: Tensor) -> Tensor:
        self.seen.append(batch)
        return batch.double() @ WEIGHTS


@pytest.mark.parametrize("size", [4, 80], ids=["by one number", "bit by bit"])
def test_equal_masks_are_evaluated_once_and_each_gets_its_own_answer(size: int) -> None:
    asked = Asked(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
    masks = torch.zeros(1000, size, dtype=torch.bool)
    masks[:, :4] = torch.rand(1000, 4, generator=torch.Generator().manual_seed(0)) < 0.5
    hiding = TabularInput(list("abcd")).hiding(
        asked.inputs, Parts(torch.arange(4)[None], "features"), torch.zeros(1, 1, 4)
    )
    found = masked_scores(asked, hiding, masks, torch.tensor([0]))
    assert sum(map(len, asked.seen)) == len(masks.unique(dim=0)) <= 16
    torch.testing.assert_close(found[0], (masks[:, :4] * asked.inputs).double() @ WEIGHTS)
    asked.seen.clear()
    again = masked_scores(asked, hiding, masks, torch.tensor([0]), once=False)
    assert sum(map(len, asked.seen)) == 1000
    torch.testing.assert_close(again, found)


def test_more_parts_than_equal_masks_are_looked_for_in_are_all_evaluated() -> None:
    asked = Asked(torch.ones(1, 4))
    hiding = TensorInput().hiding(asked.inputs, Parts(torch.arange(4)[None], "features"), torch.zeros(1, 1, 4))
    masks = torch.ones(7, 300, dtype=torch.bool)
    assert masked_scores(asked, hiding, masks, torch.tensor([0])).tolist() == [[2.5] * 7]
    assert sum(map(len, asked.seen)) == 7


def test_several_rows_and_backgrounds_are_means_over_the_backgrounds() -> None:
    asked = Asked(torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]))
    behind = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[0, 0, 1, 1], [1, 0, 0, 1]])
    masks = torch.tensor([[True, False], [False, False], [True, True]])
    hiding = TensorInput().hiding(asked.inputs, Parts(labels, "segments"), behind)
    found = masked_scores(asked, hiding, masks, torch.tensor([1, 0]))
    for place, row in enumerate((1, 0)):
        for number, mask in enumerate(masks):
            shown = mask[labels[row]]
            wanted = torch.stack([torch.where(shown, asked.inputs[row], part[row]) for part in behind])
            assert float(found[place, number]) == pytest.approx(float((wanted.double() @ WEIGHTS).mean()), abs=1e-9)


def flat(size: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(size, 2))


@pytest.mark.parametrize(
    ("kind", "batch"),
    [
        (ImageInput((2, 6, 6)), torch.rand(2, 2, 6, 6)),
        (TabularInput(list("abcde")), torch.randn(2, 5)),
        (SequenceInput(["a", "b"], 5), torch.randn(2, 5, 2)),
        (TensorInput(), torch.randn(2, 4, 3)),
    ],
    ids=["image", "table", "series", "tensor"],
)
def test_all_parts_hidden_is_the_baseline_and_all_shown_the_input(kind: object, batch: Tensor) -> None:
    model = Model(flat(batch[0].numel()), input=kind)
    with model.explaining("test", batch, 0, seed=0) as session:
        parts = kind.parts(session.inputs)
        hidden, _ = session.baseline(0.25)
        hiding = kind.hiding(session.inputs, parts, hidden[None])
        size = max(parts.counts())
        masks = torch.stack([torch.zeros(size), torch.ones(size)]).bool()
        found = masked_scores(session, hiding, masks, session.rows)
        torch.testing.assert_close(found[:, 0], session.scores(hidden, session.rows))
        torch.testing.assert_close(found[:, 1], session.scores(session.inputs, session.rows))


class Counter(nn.Module):
    """Counts word 2 once, word 3 twice, and the padding by a hundredth: the same text is padded differently."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.0, 0.0, 1.0, 2.0]))

    def forward(self, words: Tensor) -> Tensor:
        total = self.weight[words].sum(1)
        return torch.stack([total, -total], 1)


TEXT = "good, bad!  good old bad film"


@pytest.mark.parametrize("hide", [None, "old"])
@pytest.mark.parametrize("units", ["words", "characters", "[a-z]{2}"])
def test_words_hidden_in_numbers_are_words_hidden_in_the_string(units: str, hide: str | None) -> None:
    kind = TextInput(["good", "bad"])
    model = Model(Counter(), input=kind)
    with model.explaining("test", [TEXT], 0, seed=0) as session:
        parts = kind.parts(session.inputs, (units, "position"))
        size = parts.counts()[0]
        masks = torch.rand(40, size, generator=torch.Generator().manual_seed(0)) < 0.6
        found = masked_scores(session, kind.hiding(session.inputs, parts, hide), masks, session.rows)[0]
        strings = [parts.texts[0].text(on, hide or "") for on in masks.tolist()]
        torch.testing.assert_close(found, session.scores(strings, session.rows.expand(40)))
        numbered = isinstance(kind.hiding(session.inputs, parts, hide).show(session.rows, masks, session.rows), Tensor)
        assert numbered == (units == "words")  # two letters of a word are none: only strings will do


def test_lengths_are_those_of_the_strings() -> None:
    kind = TextInput()
    batch = kind.prepare(TEXT)
    for hide in (None, "???"):
        parts = kind.parts(batch)
        hiding = kind.hiding(batch, parts, hide)
        masks = torch.rand(20, parts.counts()[0], generator=torch.Generator().manual_seed(1)) < 0.5
        row = torch.tensor([0])
        assert hiding.lengths(row, masks).tolist() == list(map(len, hiding.show(row, masks, row)))


def test_numbers_of_words_keep_the_length_that_they_were_given_in() -> None:
    kind = TextInput(["good", "bad"])
    batch = torch.tensor([[2, 3, 2, 0, 0]])
    row, masks = torch.tensor([0]), torch.tensor([[False, True, True, True, True], [False, False, False, True, False]])
    shown = kind.hiding(batch, kind.parts(batch), None).show(row, masks, row)
    assert shown.tolist() == [[3, 2, 0, 0, 0], [0, 0, 0, 0, 0]]


def test_labels_of_characters_lead_back_to_the_pieces() -> None:
    kind = TextInput()
    batch = kind.prepare([TEXT, "bad"])
    parts = kind.parts(batch)
    back = kind.hiding(batch, Parts(parts.labels, "tokens"), "_")
    given = kind.hiding(batch, parts, "_")
    masks = torch.rand(9, parts.counts()[0], generator=torch.Generator().manual_seed(2)) < 0.5
    row = torch.tensor([0])
    assert back.show(row, masks, row) == given.show(row, masks, row)
