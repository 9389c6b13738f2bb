"""`xai.run`: explain and verify a data set of any size, on any number of workers, into a folder that can be resumed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import msgspec

from xai.base.arguments import whole_number
from xai.base.errors import InputError, describe, describe_error, names_errors
from xai.base.files import clean_up
from xai.model.folder import load
from xai.model.model import Model
from xai.runs.audited import audit_checks, audit_of_run
from xai.runs.manifest import Manifest, made_by, open_manifest, sole_writer, write
from xai.runs.progress import Event, default_log
from xai.runs.run_events import Telling
from xai.runs.schedule import Task, in_this_process, on_executor, on_processes
from xai.runs.settings import by_name, resolve
from xai.runs.shards import done_shards, totals
from xai.runs.sources import Source, open_source
from xai.runs.store import Run
from xai.runs.summaries import summarized
from xai.runs.table_sources import need_pyarrow
from xai.runs.tasks import Tasks
from xai.runs.worker import Done, Job

__all__ = ["run"]

MOST_WORKERS = 10_000


@names_errors("run")
def run(
    model: Model | str | Path,
    data: object,
    methods: Sequence[str] | None = None,
    checks: Sequence[str] | str | None = None,
    out: str | Path = "run",
    *,
    options: Mapping[str, Mapping[str, object]] | None = None,
    check_options: Mapping[str, Mapping[str, object]] | None = None,
    target: object = None,
    label: str | None = "label",
    labels: Sequence[object] | None = None,
    id: str | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    shard_rows: int | None = None,
    seed: int = 0,
    keep_inputs: bool = True,
    fail_fast: bool = False,
    device: str = "cpu",
    audit: bool | Sequence[str] = False,
    trust_code: bool = False,
    log: Callable[[Event], None] | None = None,
) -> Run:
    """Explain and verify every row of a data set, and return the run, which `xai.open_run` opens again.

    A run that was killed, at any moment, is called again and does only what is left; its files are then the same, byte
    for byte, as those of one that was not, whatever the number of workers. A row that fails is a line with its error.

    Args:
        model: A model folder, or a model that can be pickled.
        data: A path, array, memmap, DataFrame, list of texts, torch Dataset or iterable: see
            `xai.runs.sources.open_source`. It is read in chunks.
        methods: Names of `xai list methods`; integrated gradients by default.
        checks: "none", "quick", "full" or names of checks. By default "full", and "quick" (the cheapest checks, at most
            ten times the explanation's cost) where full ones would take over about a minute a row.
        out: The folder of the run. One of another model, other data or other settings is refused.
        options: Keyword arguments by method, such as {"integrated_gradients": {"steps": 20}}.
        check_options: Keyword arguments by check.
        target: A class, its name, a pair (a, b), or a written target such as "pixel:40,60", for every row; None is
            each row's predicted class.
        label: The column or key of the labels, where the data have one.
        labels: One label per row, for data that hold none.
        id: The column or key that names a row.
        workers: Processes, spawned, of one thread each; 0 works in this process. By default one for each core, and
            none for a single shard. With an executor: how many tasks it does at once.
        executor: Any `concurrent.futures.Executor` in place of those, such as Dask's `Client.get_executor()`. Its
            workers write into `out`, which all of them must see under this path.
        shard_rows: Rows of a shard, which are explained as one batch; by default about twenty seconds of work.
        seed: Of everything drawn at random; draws depend on it and on a row's content, not on where the row stands.
        keep_inputs: Store the inputs beside the values, for drawings.
        fail_fast: End at the first row that fails.
        device: "cpu", or "cuda": each worker takes the device of its rank.
        audit: Audit the model on the data as well, when all rows are done: True for the checks that `xai.audit` makes
            by default, or names of checks. Of the explained rows that have a label at most 10,000, drawn at random, are
            audited, in this process; `Run.audit` has the result, and `xai report` shows it.
        trust_code: Run whatever code the model folder names.
        log: Is called with every event (see docs/scale.md); by default a bar on a terminal.

    Returns:
        The run.

    Raises:
        InputError: An argument cannot be, or the folder holds another run.
        FolderError: The model folder cannot be loaded.
        OutputError: The folder cannot be written, or another run is at work in it.

    >>> import tempfile, torch
    >>> from xai.model.model import Model
    >>> model = Model(torch.nn.Linear(3, 2))
    >>> found = run(model, torch.rand(10, 3), ["saliency"], "none", tempfile.mkdtemp(), workers=0)
    >>> found.rows, found.to_frame()["method"].unique().tolist()
    (10, ['saliency'])
    """
    need_pyarrow("out")
    loaded, sent = _model(model, trust_code)
    to_audit = audit_checks(audit, keep_inputs)
    chosen, check_options = summarized(loaded, by_name("options", options)), by_name("check_options", check_options)
    if workers is not None:
        workers = whole_number("workers", workers, most=MOST_WORKERS)
    folder = Path(out)
    with sole_writer(folder):
        source = open_source(data, loaded.input, classes=loaded.classes or [], label=label, id=id, labels=labels)
        settings = resolve(
            loaded, methods=methods, checks=checks, target=target, options=chosen, check_options=check_options,
            seed=seed, shard_rows=shard_rows, keep_inputs=keep_inputs, device=device, total=source.rows,
        )  # fmt: skip
        manifest = open_manifest(folder, made_by(loaded, source, settings))
        job = Job(str(folder.resolve()), sent, loaded.digest(), trust_code, settings, chosen, check_options, fail_fast)
        log = log or default_log()
        _work(job, source, manifest, executor, workers, log)
        found = Run(folder)
        if to_audit is not None:
            result = audit_of_run(loaded, found, to_audit, seed)
            log({"event": "audited", "passed": result.passed, "findings": dict(result.counts)})
        return found


def _model(model: Model | str | Path, trust_code: bool) -> tuple[Model, Model | str]:
    """Return a model, and what workers are told of it: its folder, or the model itself."""
    if isinstance(model, str | Path):
        return load(model, trust_code=trust_code), str(Path(model).resolve())
    if not isinstance(model, Model):
        raise InputError("model", expected="a model folder or a Model", got=describe(model))
    return model, model


def _work(
    job: Job,
    source: Source,
    manifest: Manifest,
    executor: Executor | None,
    workers: int | None,
    log: Callable[[Event], None],
) -> None:
    """Do the shards that are left, and finish the manifest."""
    out = Path(job.out)
    parts = [out, out / "rows", out / "values"]
    for part in parts:
        part.mkdir(exist_ok=True)
        clean_up(part, now=True)
    done = done_shards(out)
    total = None if source.rows is None else -(-source.rows // job.settings.shard_rows)
    count = _workers(executor, workers, None if total is None else total - len(done))
    tasks = Tasks(source, job, done)
    telling = Telling(job.settings, source.rows, tasks, len(done), count, log)
    try:
        for shard in _scheduled(iter(tasks), job, executor, count):
            telling.shard(shard)
    except BaseException as error:
        telling.stopped(error)
        raise
    finally:
        for part in parts:
            clean_up(part, now=True)
    finished = manifest.finished or totals(out, tasks.reached, len(job.settings.methods))
    if manifest.finished is None:
        write(out, msgspec.structs.replace(manifest, finished=finished))
    telling.finished(finished)


def _scheduled(tasks: Iterator[Task], job: Job, executor: Executor | None, workers: int) -> Iterator[Done]:
    if executor is not None:
        return on_executor(tasks, job, executor, workers)
    if not workers:
        return in_this_process(tasks, job)
    try:
        ForkingPickler.dumps(job)
    except Exception as error:  # what cannot be sent says so in many ways
        wanted = "a model folder, or what can be sent to processes (workers=0 works in this one)"
        raise InputError("model, options", expected=wanted, got=describe_error(error)) from error
    return on_processes(tasks, job, workers)


def _workers(executor: Executor | None, workers: int | None, left: int | None) -> int:
    """Return how many tasks are worked on at once; 0 in this process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if executor is not None:
        return workers or getattr(executor, "_max_workers", cores)
    if workers is not None:  # no more of them than there are shards
        return workers if left is None else min(workers, max(1, left))
    return 0 if left is not None and left <= 1 else min(cores, left or cores)
