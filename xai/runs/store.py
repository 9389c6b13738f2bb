"""A run on disk, read lazily: its lines as a table, its explanations shard by shard, any slice of its rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xai.base.errors import FolderError, InputError, describe, names_errors, one_line
from xai.results.audit_result import AuditResult
from xai.results.display import ShownAsHtml
from xai.results.explanation import Explanation
from xai.runs.manifest import Manifest, read_manifest
from xai.runs.shard_values import read_values
from xai.runs.table_sources import need_pyarrow
from xai.runs.worker import values_path

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow
    import pyarrow.dataset

__all__ = ["Run", "Where", "open_run"]

Where = Mapping[str, object] | Callable | object


@names_errors("open_run")
def open_run(folder: str | Path) -> Run:
    """Open the folder of a run, whole or not; nothing is read but its manifest.

    Args:
        folder: What `xai.run` wrote into.

    Returns:
        The run.

    Raises:
        FolderError: The folder holds no run.
        InputError: pyarrow is not installed.

    >>> import tempfile, torch
    >>> from xai.model.model import Model
    >>> from xai.runs.run import run
    >>> folder = tempfile.mkdtemp()
    >>> made = run(Model(torch.nn.Linear(3, 2)), torch.rand(10, 3), ["saliency"], "none", folder, workers=0)
    >>> part = open_run(folder)[2:5]
    >>> part.to_frame()["row"].tolist(), next(part.explanations()).values.shape
    ([2, 3, 4], torch.Size([3, 3]))
    """
    need_pyarrow("folder")
    return Run(Path(folder))


class Run(ShownAsHtml):
    """A run, or some of its rows: `run[10:20]`. pandas, Polars and DuckDB read `run/rows/*.parquet` as it is.

    manifest: which model, data and settings it is of. start, stop: the rows of a slice.
    """

    def __init__(self, folder: Path, start: int = 0, stop: int | None = None) -> None:
        self.folder = Path(folder)
        self.manifest: Manifest = read_manifest(self.folder)
        self.start, self.stop = start, stop

    @property
    def finished(self) -> bool:
        """Say whether every row was done."""
        return self.manifest.finished is not None

    @property
    def methods(self) -> list[str]:
        """Return the methods that were asked for."""
        return list(self.manifest.settings.methods)

    @property
    def rows(self) -> int:
        """Return how many rows of the data it holds, those that failed too."""
        with self._reading():
            return self._lines().count_rows(filter=self._expression({"method": self.methods[0]}))

    @property
    def failed(self) -> int:
        """Return how many explanations failed."""
        import pyarrow.dataset as dataset

        with self._reading():
            return self._lines().count_rows(filter=self._expression(dataset.field("error").is_valid()))

    @property
    def audit(self) -> AuditResult | None:
        """Return the audit that was made of its rows, if any."""
        return AuditResult.load(self.audit_path) if self.audit_path.is_file() else None

    @property
    def audit_path(self) -> Path:
        """Return where its audit stands."""
        return self.folder / "audit.json"

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, index: int | slice) -> Run:
        """Return some rows as a run; raises IndexError where there are none."""
        first, last = self.start, self.start + self.rows
        if isinstance(index, int):
            index = slice(index, index + 1 or None)
        if not isinstance(index, slice) or index.step not in (None, 1):
            raise IndexError(f"Run: index: expected a row or a slice without a step, got {index}")
        start, stop, _ = index.indices(last - first)
        if start >= stop:
            raise IndexError(f"Run: index: expected some of {last - first} rows, got {index}")
        return Run(self.folder, first + start, first + stop)

    @names_errors("to_frame")
    def to_frame(self, where: Where = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return one line per explanation, in the order of rows and methods.

        Args:
            where: Which ones: a dictionary of columns and the value, or list of values, that they have; or a
                `pyarrow.dataset` expression.
            columns: Which columns to read; all by default.

        Returns:
            The lines; see docs/scale.md for the columns.

        Raises:
            InputError: There is no such column.
        """
        return self._frame(where, self._columns(columns))

    def _frame(self, where: Where, columns: list[str] | None) -> pd.DataFrame:
        chosen = None if columns is None else list(dict.fromkeys([*columns, "row"]))
        with self._reading():
            table = self._lines().to_table(columns=chosen, filter=self._expression(where))
        # Shards are read in their order, and hold their rows method by method.
        frame = table.to_pandas().sort_values("row", kind="stable", ignore_index=True)
        return frame if columns is None else frame[columns]

    @names_errors("explanations")
    def explanations(self, where: Where = None, method: str | None = None) -> Iterator[Explanation]:
        """Yield the explanations, those of one shard and method at a time.

        Args:
            where: Which ones, as in `to_frame`.
            method: One method alone.

        Returns:
            Explanations of one row or more; each is read when it is asked for.

        Raises:
            InputError: There is no such column or method.
        """
        return (part for _, part in self._chosen(where, method))

    @names_errors("parts")
    def parts(self, where: Where = None, method: str | None = None) -> Iterator[tuple[list[int], Explanation]]:
        """Yield the same, each with the numbers of its rows in the data."""
        return self._chosen(where, method)

    def _chosen(self, where: Where, method: str | None) -> Iterator[tuple[list[int], Explanation]]:
        if method is not None and (not isinstance(method, str) or method not in self.methods):
            raise InputError("method", expected=f"among {', '.join(self.methods)}", got=describe(method))
        return self._parts(self._frame(where, ["row", "method", "shard", "position"]), method)

    def _parts(self, frame: pd.DataFrame, method: str | None) -> Iterator[tuple[list[int], Explanation]]:
        frame = frame[frame["position"].notna()]
        frame = frame if method is None else frame[frame["method"] == method]
        for number, lines in frame.groupby("shard", sort=True):
            wanted = [name for name in self.methods if name in set(lines["method"])]
            read = read_values(values_path(self.folder, int(number)), wanted[0] if len(wanted) == 1 else None)
            for name in wanted:
                explanation, _ = read[name]
                chosen = lines[lines["method"] == name]
                positions = chosen["position"].astype(int).tolist()
                whole = positions == list(range(len(explanation)))
                yield chosen["row"].tolist(), explanation if whole else explanation.take(positions)

    @names_errors("batches")
    def batches(self, where: Where = None, columns: Sequence[str] | None = None) -> Iterator[pyarrow.RecordBatch]:
        """Yield the lines as Arrow batches, some at a time, in the order of shards: for more lines than memory holds.

        Args:
            where: Which ones, as in `to_frame`.
            columns: Which columns to read.

        Raises:
            InputError: There is no such column.
        """
        return self._batches(self._columns(columns), self._expression(where))

    def _batches(
        self, columns: list[str] | None, chosen: pyarrow.dataset.Expression | None
    ) -> Iterator[pyarrow.RecordBatch]:
        with self._reading():
            yield from self._lines().to_batches(columns=columns, filter=chosen)

    def _columns(self, columns: Sequence[str] | None) -> list[str] | None:
        """Return the columns to read, None for all; raises InputError where there is no such column."""
        if columns is None:
            return None
        known = self._lines().schema.names
        wrong = [name for name in columns if not isinstance(name, str) or name not in known]
        if wrong:
            raise InputError("columns", expected=f"among {', '.join(known)}", got=describe(wrong[0]))
        return list(columns)

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Raise FolderError where the files of the rows are damaged."""
        import pyarrow

        try:
            yield
        except (OSError, pyarrow.ArrowInvalid) as error:
            raise FolderError(str(self.folder / "rows"), expected="the rows of a run", got=one_line(error)) from error

    def _lines(self) -> pyarrow.dataset.Dataset:
        import pyarrow.dataset as dataset

        from xai.runs.row_records import rows_schema

        schema = rows_schema(self.manifest.settings.checks)
        return dataset.dataset(str(self.folder / "rows"), format="parquet", schema=schema)

    def _expression(self, where: Where) -> pyarrow.dataset.Expression | None:
        """Return a filter of the rows of this slice and of what was asked."""
        import pyarrow.dataset as dataset

        parts = []
        if isinstance(where, Mapping):
            for name, value in where.items():
                field = self._field(name)
                parts.append(field.isin(list(value)) if isinstance(value, list | tuple | set) else field == value)
        elif isinstance(where, dataset.Expression):
            parts.append(where)
        elif where is not None:
            raise InputError("where", expected="columns and their values, or an expression", got=describe(where))
        if self.start:
            parts.append(dataset.field("row") >= self.start)
        if self.stop is not None:
            parts.append(dataset.field("row") < self.stop)
        if not parts:
            return None
        whole = parts[0]
        for part in parts[1:]:
            whole = whole & part
        return whole

    def _field(self, name: str) -> pyarrow.dataset.Expression:
        import pyarrow.dataset as dataset

        known = self._lines().schema.names
        if name not in known:
            raise InputError("where", expected=f"columns among {', '.join(known)}", got=repr(name))
        return dataset.field(name)

    def __repr__(self) -> str:
        state = "" if self.finished else ", not finished"
        return f"Run({self.folder.name}: {self.rows} rows, {', '.join(self.methods)}{state})"
