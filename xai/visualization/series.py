"""Series, as they are optimized: rows over time, as many steps as asked for."""

from __future__ import annotations

from xai.visualization.table_rows import RowProblem

__all__ = ["SeriesProblem"]


class SeriesProblem(RowProblem):
    """Series (T, D) within bounds; one to start from is cut to the steps that are optimized."""

    real_noun = "real series"

    def set_limits(self) -> None:
        super().set_limits()
        if self.start is not None:
            self.start = self.start[:, : self.shape[0]]
