"""What a worker does: load the model once, explain and verify one chunk, and write its shard."""

from __future__ import annotations

import copy
import hashlib
import multiprocessing
import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from xai.base.errors import FolderError, InputError
from xai.base.files import write_atomically
from xai.evidence.verify import verify
from xai.methods import ASKED_CHECKS, CHECKS, all_methods
from xai.model.folder import load
from xai.model.model import Model
from xai.results.explanation import Explanation
from xai.runs.chunks import Chunk, HeldRows, take
from xai.runs.failures import make_all
from xai.runs.row_records import rows_table
from xai.runs.settings import Settings
from xai.runs.shard_values import encode_values

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Done", "Job", "explain_chunk", "one_thread", "rank", "rows_path", "values_path"]

_AT_WORK = threading.Lock()  # a network is explained by one thread at a time
_MODELS: dict[str, Model] = {}  # by digest: loaded once in each process
RANKS = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID", "PMI_RANK")


@dataclass(frozen=True)
class Job:
    """What every task of a run shares. model: a folder, or the model itself; digest: of its weights."""

    out: str
    model: str | Model
    digest: str
    trust_code: bool
    settings: Settings
    options: Mapping[str, Mapping[str, object]]
    check_options: Mapping[str, Mapping[str, object]]
    fail_fast: bool


@dataclass(frozen=True)
class Done:
    """What a task tells of the shard that it wrote. failed: explanations; seconds: of work, the model loaded."""

    number: int
    rows: int
    explanations: int
    failed: int
    seconds: float
    size: int
    first_error: str | None
    warnings: tuple[str, ...]


def rows_path(out: str | Path, number: int) -> Path:
    """Return where the lines of a shard stand."""
    return Path(out) / "rows" / f"{number:08d}.parquet"


def values_path(out: str | Path, number: int) -> Path:
    """Return where the values of a shard stand."""
    return Path(out) / "values" / f"{number:08d}.safetensors"


def explain_chunk(job: Job, number: int, chunk: Chunk) -> Done:
    """Explain one chunk and write its shard: values first, so that a shard with lines is whole.

    Raises what ends a run: a model that cannot be loaded, a disk that is full, and with `fail_fast` a row that fails.
    """
    with _AT_WORK, one_thread(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = _model(job)
        for name in job.settings.methods:
            all_methods()[name].load()
        for name in job.settings.checks:
            (CHECKS | ASKED_CHECKS)[name].load()
        started = time.perf_counter()
        done = _explain(job, model, number, chunk, started)
    warned = tuple(
        dict.fromkeys(str(item.message) for item in caught if not issubclass(item.category, DeprecationWarning))
    )
    return Done(*done, warned)


def _explain(job: Job, model: Model, number: int, chunk: Chunk, started: float) -> tuple:
    settings = job.settings
    loaded = chunk.load(model.input)
    errors = dict(loaded.errors)
    positions = {row: position for position, row in enumerate(loaded.read)}

    def prepared(rows: list[int]) -> torch.Tensor:
        return model.prepare(take(loaded.inputs, [positions[row] for row in rows]))

    batch, good, wrong = make_all(prepared, loaded.read)
    errors |= wrong
    made, failures = {}, {}
    for method in settings.methods:
        explanation, rows, wrong = _explained(job, model, method, batch, good)
        made[method], failures[method] = (explanation, rows), {**errors, **wrong}
    failed = sum(map(len, failures.values()))
    first = next(
        (f"{loaded.ids[row]}: {text}" for found in failures.values() for row, text in sorted(found.items())), None
    )
    if failed and job.fail_fast:
        raise InputError("data", expected="rows that can be explained (fail_fast)", got=first, operation="run")
    content = encode_values(made, settings.keep_inputs)
    start = number * settings.shard_rows
    table = rows_table(model, loaded, made, failures, settings.checks, number, start)
    lines = _as_parquet(table, content, chunk)
    write_atomically(values_path(job.out, number), content)
    write_atomically(rows_path(job.out, number), lines)
    count = len(loaded.ids)
    seconds = time.perf_counter() - started
    return number, count, count * len(made), failed, seconds, len(content) + len(lines), first


def _explained(
    job: Job, model: Model, method: str, batch: torch.Tensor | None, good: list[int]
) -> tuple[Explanation | None, list[int], dict[int, str]]:
    """Return what a method makes of a batch, whose rows have these numbers; None where there is none."""
    if batch is None:
        return None, [], {}
    at = {row: position for position, row in enumerate(good)}

    def made(rows: list[int]) -> Explanation:
        return _one_method(job, model, method, batch if len(rows) == len(good) else batch[[at[row] for row in rows]])

    return make_all(made, good)


def _one_method(job: Job, model: Model, method: str, batch: torch.Tensor) -> Explanation:
    settings = job.settings
    target = tuple(settings.target) if isinstance(settings.target, list) else settings.target
    function = all_methods()[method].load()
    options = dict(job.options.get(method, {}))
    if _takes_seed(function):
        options.setdefault("seed", settings.seed)
    explanation = function(model, batch, target, **options)
    if settings.checks:
        by_check = {name: dict(entries) for name, entries in job.check_options.items()}
        return verify(model, explanation, settings.checks, seed=settings.seed, **by_check)
    return explanation


def _takes_seed(function: Callable) -> bool:
    from inspect import signature

    parameters = signature(function).parameters
    return "seed" in parameters or any(item.kind is item.VAR_KEYWORD for item in parameters.values())


def _as_parquet(table: pa.Table, content: bytes, chunk: Chunk) -> bytes:
    """Return a table as a file that says which values belong to it, and which rows it is of."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    about = {"values_sha256": hashlib.sha256(content).hexdigest()}
    about |= {"content": chunk.content} if isinstance(chunk, HeldRows) and chunk.content else {}
    sink = pa.BufferOutputStream()
    parquet.write_table(table.replace_schema_metadata(about), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _model(job: Job) -> Model:
    """Return the model of a job, loaded once in this process, on the device of its rank."""
    # The same weights may be explained otherwise: other classes, another output, another way to call the network.
    sent = job.model
    ways = (sent.output_key, getattr(sent.forward, "__qualname__", "")) if isinstance(sent, Model) else str(sent)
    about = (sent.task, sent.output, sent.classes, repr(sent.input)) if isinstance(sent, Model) else ()
    key = f"{job.digest}|{job.settings.device}|{ways}|{about}"
    if key not in _MODELS:
        model = job.model if isinstance(job.model, Model) else load(job.model, trust_code=job.trust_code)
        if model.digest() != job.digest:
            got = f"others ({model.digest()[:12]}): it was written anew meanwhile"
            raise FolderError("model", expected=f"the weights that the run began with ({job.digest[:12]})", got=got)
        if job.settings.device == "cuda":
            device = torch.device("cuda", rank() % max(1, torch.cuda.device_count()))
            model = model.with_network(copy.deepcopy(model.network).to(device))
        _MODELS.clear()  # one at a time: a long-lived worker serves many runs
        _MODELS[key] = model
    return _MODELS[key]


def rank() -> int:
    """Return the place of this worker among those of its machine: by what its launcher says, or by its process.

    >>> rank()
    0
    """
    value = next((os.environ[name] for name in RANKS if os.environ.get(name, "").isdecimal()), None)
    if value is not None:
        return int(value)
    found = re.search(r"-(\d+)$", multiprocessing.current_process().name)
    return int(found[1]) - 1 if found else 0


@contextmanager
def one_thread() -> Generator[None]:
    """Run on one thread: sums in another order would be other bytes, and workers would take each other's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
