"""Fit the surrogates of many rows of a table, each around samples of its own, or all around one sample set."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.base.progress import track
from xai.lime.control_variates import Controls
from xai.lime.rounds import Fitted, fit_rows
from xai.lime.settings import Settings
from xai.lime.solver import Moments
from xai.lime.table_samples import Drawn, TableSamples
from xai.model.session import Session

__all__ = ["fit_table"]

SLAB = 5120  # samples at a time
ROWS = 128  # rows whose sums are held at a time
CELLS = 2**18  # numbers at a time while sums are formed: more fall out of the processor's cache


def fit_table(
    session: Session, table: TableSamples, settings: Settings, width: float, shared: bool, controls: str | None
) -> list[Fitted]:
    """Fit all rows; with `shared` each sees the same samples, otherwise its own. controls: see `Controls`."""
    extra = Controls(table, controls, width)
    fits = []
    for start in range(0, len(table), ROWS):
        part = list(range(start, min(start + ROWS, len(table))))
        sampler = _Shared(session, extra, part) if shared else _Fresh(session, extra, part)
        fits += fit_rows(len(part), table.tables.size, width, sampler.sample, settings, extra.count)
    return fits


class _Fresh:
    """Samples of its own for each row, from the row's generator, which goes on from round to round."""

    def __init__(self, session: Session, extra: Controls, rows: list[int]) -> None:
        self.session, self.extra, self.rows = session, extra, rows
        self.generators = [session.generator(row) for row in rows]

    def sample(self, active: list[int], moments: Moments, target_count: int) -> None:
        groups, count = moments.sums.shape[1], moments.count
        if count == 0:
            moments.mixing = self.extra.mixing(torch.tensor(self.rows))
        for position, number in enumerate(active):
            done = count
            row = torch.tensor([self.rows[number]])
            while done < target_count:
                pairs = min(max(1, SLAB // (2 * groups)), -(-(target_count - done) // (2 * groups)))
                drawn = self.extra.table.draw(groups, pairs, self.generators[number])
                answers = _answers(self.session, drawn.values, row)
                _add(self.extra, moments, drawn, row, answers, position, done == 0)
                done += 2 * pairs * groups
        moments.count = done


class _Shared:
    """One sample set for all rows, the same for every part of them."""

    def __init__(self, session: Session, extra: Controls, rows: list[int]) -> None:
        self.session, self.extra, self.rows = session, extra, rows
        self.generator = session.generator(None)

    def sample(self, active: list[int], moments: Moments, target_count: int) -> None:
        groups = moments.sums.shape[1]
        rows = torch.tensor([self.rows[number] for number in active])
        asked, which = self._asked(rows)
        if moments.count == 0:
            moments.mixing = self.extra.mixing(rows)
        while moments.count < target_count:
            pairs = min(max(1, SLAB // (2 * groups)), -(-(target_count - moments.count) // (2 * groups)))
            drawn = self.extra.table.draw(groups, pairs, self.generator)
            answers, first = _answers(self.session, drawn.values, asked), moments.count == 0
            for positions in torch.arange(len(rows)).split(max(1, CELLS // drawn.codes.numel())):
                _add(self.extra, moments, drawn, rows[positions], answers[which[positions]], int(positions[0]), first)
            moments.count += len(drawn.values)

    def _asked(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return one row for each target among them, (k,), and which of those each row's answers are, (rows,)."""
        labels = self.session.target.labels()
        first: dict[object, int] = {}
        which = [first.setdefault(labels[row], len(first)) for row in rows.tolist()]
        return rows[[which.index(number) for number in range(len(first))]], torch.tensor(which)


def _answers(session: Session, values: Tensor, rows: Tensor) -> Tensor:
    """Return what the network answers to samples (n, columns) for the targets of some rows (r,), as (r, n)."""
    rows = rows.to(values.device)
    parts = values.split(session.plan.batch_size)
    shown = track(parts, session.operation, len(parts)) if len(parts) > 8 else parts
    found = [session.scores_of_all(part, rows) for part in shown]
    return (found[0] if len(found) == 1 else torch.cat(found, 1)).cpu()


def _add(
    extra: Controls, moments: Moments, drawn: Drawn, rows: Tensor, answers: Tensor, position: int, first: bool
) -> None:
    """Take in answers (rows, n) for the rows that stand from `position` on in the moments; `first` sets their shift."""
    here = slice(position, position + len(rows))
    if first:
        moments.shift[here] = answers.mean(1)
    answers = answers - moments.shift[here, None]
    moments.add_block(extra.block(drawn, rows, answers.view(len(rows), moments.sums.shape[1], -1)), position)
