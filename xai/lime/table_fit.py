"""Fit the surrogates of many rows of a table, each around samples of its own, or all around one sample set."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.lime.controls import Controls
from xai.lime.rounds import Fitted, fit_rows
from xai.lime.settings import Settings
from xai.lime.solver import Moments
from xai.lime.table_samples import Drawn, TableSamples
from xai.model.session import Case

__all__ = ["fit_table"]

SLAB = 5120  # samples at a time
ROWS = 128  # rows whose sums are held at a time
CELLS = 2**18  # numbers at a time while sums are formed: more fall out of the processor's cache


def fit_table(
    case: Case, table: TableSamples, settings: Settings, width: float, shared: bool, controls: str | None
) -> list[Fitted]:
    """Fit all rows; with `shared` each sees the same samples, otherwise its own. controls: see `Controls`."""
    extra = Controls(table, controls, width)
    fits = []
    for start in range(0, len(table), ROWS):
        part = list(range(start, min(start + ROWS, len(table))))
        sampler = _Shared(case, extra, width, part) if shared else _Fresh(case, extra, width, part)
        fits += fit_rows(len(part), len(table.offset), width, sampler.sample, settings, extra.count)
    return fits


class _Fresh:
    """Samples of its own for each row, from the row's generator, which goes on from round to round."""

    def __init__(self, case: Case, extra: Controls, width: float, rows: list[int]) -> None:
        self.case, self.extra, self.width, self.rows = case, extra, width, rows
        self.generators = [case.generator(row) for row in rows]

    def sample(self, active: list[int], moments: Moments, goal: int) -> None:
        groups, count = moments.sums.shape[1], moments.count
        for place, number in enumerate(active):
            done = count
            row = torch.tensor(self.rows[number])
            while done < goal:
                pairs = min(max(1, SLAB // (2 * groups)), -(-(goal - done) // (2 * groups)))
                drawn = self.extra.table.draw(groups, pairs, self.generators[number])
                answers = torch.cat(
                    [
                        self.case.scores(drawn.values[part], row.to(part.device).expand(len(part))).cpu()
                        for part in self.case.chunks(len(drawn.values))
                    ]
                )
                _add(self.extra, moments, drawn, row[None], answers[None], self.width, place)
                done += 2 * pairs * groups
        moments.count = done


class _Shared:
    """One sample set for all rows, the same for every part of them."""

    def __init__(self, case: Case, extra: Controls, width: float, rows: list[int]) -> None:
        self.case, self.extra, self.width, self.rows = case, extra, width, rows
        self.generator = case.generator(None)

    def sample(self, active: list[int], moments: Moments, goal: int) -> None:
        groups = moments.sums.shape[1]
        rows = torch.tensor([self.rows[number] for number in active])
        while moments.count < goal:
            pairs = min(max(1, SLAB // (2 * groups)), -(-(goal - moments.count) // (2 * groups)))
            drawn = self.extra.table.draw(groups, pairs, self.generator)
            answers = torch.cat(
                [
                    self.case.scores_of_all(drawn.values[part], rows.to(part.device)).cpu()
                    for part in self.case.chunks(len(drawn.values))
                ],
                1,
            )  # (rows, n)
            for places in torch.arange(len(rows)).split(max(1, CELLS // drawn.codes.numel())):
                _add(self.extra, moments, drawn, rows[places], answers[places], self.width, int(places[0]))
            moments.count += len(drawn.values)


def _add(
    extra: Controls, moments: Moments, drawn: Drawn, rows: Tensor, answers: Tensor, width: float, place: int
) -> None:
    z, distance = extra.seen(drawn, rows, answers.view(len(rows), moments.sums.shape[1], -1))
    moments.add_columns(z, torch.exp(distance * (-1 / (2 * width**2))), place)
