"""Two runs compared: which values moved between two models, or two months, beyond sampling noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xai.base.errors import InputError, describe, names_errors
from xai.base.statistics import ALPHA, holm
from xai.runs.sampling import Sample, coarser, draw_sample
from xai.runs.store import Run

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare_samples", "drift"]

FEWEST = 8  # rows of a group in each run, of which a test can say something
CELLS = 7  # a side, into which maps are cut: a test for each pixel would find nothing


@names_errors("drift")
def drift(
    before: Run, after: Run, *, method: str | None = None, by: str | None = None, most: int = 2000
) -> pd.DataFrame:
    """Return where the explanations of two runs differ: a line per feature, with corrected p-values.

    Each feature's values are compared by the Kolmogorov-Smirnov test, which sees a move of the mean as well as a spread
    that grows; p-values are corrected over all features and groups (Holm). Maps are averaged into 7 x 7 cells first.

    Args:
        before: A run.
        after: A run by the same method, of another model or other data.
        method: Which method; by default the first that both have.
        by: A column of `Run.to_frame` whose groups are compared one by one, such as "predicted" or "label".
        most: Rows of each run, evenly spread.

    Returns:
        Lines with `group`, `feature`, `before` and `after` (means), `shift` (in pooled standard deviations),
        `statistic`, `p_value`, `p_corrected` and `changed`, the least p-value first.

    Raises:
        InputError: The runs have no method, no values or no groups in common.

    >>> import tempfile, torch
    >>> from xai.model.model import Model
    >>> from xai.runs.run import run
    >>> network = torch.nn.Linear(3, 2)
    >>> def explained(rows):
    ...     return run(Model(network), rows, ["input_x_gradient"], "none", tempfile.mkdtemp(), target=1, workers=0)
    >>> rows = torch.rand(100, 3, generator=torch.Generator().manual_seed(0))
    >>> found = drift(explained(rows[:50]), explained(rows[50:] + torch.tensor([0.0, 2.0, 0.0])))
    >>> found["feature"][found["changed"]].tolist()
    ['1']
    """
    shared = [name for name in before.methods if name in after.methods]
    if not shared or (method is not None and method not in shared):
        raise InputError("method", expected=f"one that both runs have ({', '.join(shared)})", got=repr(method))
    return compare_samples(*(draw_sample(run, method or shared[0], most) for run in (before, after)), by)


def compare_samples(before: Sample, after: Sample, by: str | None = None) -> pd.DataFrame:
    """Return what `drift` returns, of samples of two runs."""
    import pandas as pd
    from scipy.stats import ks_2samp

    from xai.base.renamed_columns import RenamedColumns

    first, second = _features(before), _features(after)
    if first is None or second is None or first[0] != second[0]:
        raise InputError(
            "after", expected="values of the features that the other run has", got=describe(second and second[0])
        )
    lines = []
    for group, rows_before, rows_after in _groups(before, after, by):
        for index, name in enumerate(first[0]):
            a, b = first[1][rows_before, index], second[1][rows_after, index]
            pooled_std = float(np.sqrt((a.var() + b.var()) / 2))
            test = ks_2samp(a, b)
            shift = float(b.mean() - a.mean()) / pooled_std if pooled_std > 0 else 0.0
            means = {"before": float(a.mean()), "after": float(b.mean()), "shift": shift}
            rows = {"rows_before": len(a), "rows_after": len(b)}
            figures = {"statistic": float(test.statistic), "p_value": float(test.pvalue)}
            lines.append({"group": group, "feature": name, **rows, **means, **figures})
    if not lines:
        raise InputError("by", expected=f"groups with {FEWEST} rows in both runs", got=repr(by))
    frame = pd.DataFrame(lines)
    frame["p_corrected"] = holm(frame["p_value"].tolist())
    frame["changed"] = frame["p_corrected"] <= ALPHA
    return RenamedColumns(frame.sort_values("p_value", kind="stable", ignore_index=True), {"moved": "changed"})


def _features(sample: Sample) -> tuple[list[str], np.ndarray] | None:
    """Return the names and values (n, d) of what is compared: columns, or the cells of a map."""
    if sample.maps is not None:
        cells = coarser(sample.maps, CELLS)
        _, height, width = cells.shape
        names = [f"cell {row + 1}, {column + 1}" for row in range(height) for column in range(width)]
        return names, cells.flatten(1).double().numpy()
    if sample.values is None:
        return None
    return sample.names or [str(index) for index in range(sample.values.shape[1])], sample.values


def _groups(before: Sample, after: Sample, by: str | None) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return the groups that both have, each with its rows in both."""
    if by is None:
        return [("all rows", np.arange(len(before)), np.arange(len(after)))]
    for sample in (before, after):
        if by not in sample.lines.columns:
            raise InputError("by", expected=f"a column among {', '.join(sample.lines.columns)}", got=repr(by))
    group_values = [sample.lines[by].astype(object).to_numpy() for sample in (before, after)]
    names = sorted({str(value) for value in group_values[0]} & {str(value) for value in group_values[1]})
    found = [
        (name, *(np.array([str(value) == name for value in values]).nonzero()[0] for values in group_values))
        for name in names
    ]
    return [
        (name, rows_before, rows_after)
        for name, rows_before, rows_after in found
        if min(len(rows_before), len(rows_after)) >= FEWEST
    ]
