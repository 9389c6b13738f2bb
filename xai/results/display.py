"""Results that draw themselves: how each looks is said in `xai.reports`, by its type."""

from __future__ import annotations

__all__ = ["Shown"]


class Shown:
    """`plot()` and notebook display for a result that has its place in `xai.reports.result_bodies`."""

    def plot(self, row: int | None = None):
        """Draw it as a matplotlib figure; row: which one, of a result with rows."""
        from xai.reports.result_bodies import FIGURES

        return FIGURES[type(self)](self if row is None else self[row])

    def _repr_html_(self) -> str:
        from xai.reports.notebook import result_html

        return result_html(self, type(self).__name__)
