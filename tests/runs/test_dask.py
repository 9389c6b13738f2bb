"""Dask: a local cluster, one of whose workers is killed, and processes over loopback; the bytes are the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import xai
from tests.runs.folders import CHECKS, METHODS, OPTIONS, contents, image_model, images

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's own
SETTINGS = {"methods": METHODS, "checks": CHECKS, "options": OPTIONS, "shard_rows": 2}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the bytes of a run in this process."""
    out = tmp_path_factory.mktemp("whole") / "run"
    xai.run(image_model(), images(16), out=out, workers=0, **SETTINGS)
    return contents(out)


def test_a_worker_of_a_local_cluster_is_killed_in_the_middle(tmp_path: Path, whole: dict[str, str]) -> None:
    killed = []

    def kill_one(event: dict) -> None:
        if event["event"] == "shard" and not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    cluster = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**cluster) as local, distributed.Client(local, set_as_default=False) as client:
        executor = client.get_executor()
        xai.run(image_model(), images(16), out=tmp_path / "run", executor=executor, workers=2, log=kill_one, **SETTINGS)
        executor.shutdown()
    assert killed
    assert contents(tmp_path / "run") == whole


def test_one_of_two_workers_over_loopback_is_killed_in_the_middle(tmp_path: Path, whole: dict[str, str]) -> None:
    file, environment = tmp_path / "scheduler.json", {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    base = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    scheduler = [*base, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    worker = [
        sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1",
        "--no-dashboard", "--no-nanny", "--local-directory", str(tmp_path / "spill"),
    ]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    started = [subprocess.Popen(command, **quiet) for command in (scheduler, worker, worker)]
    killed = []

    def kill_one(event: dict) -> None:
        if event["event"] == "shard" and not killed:
            killed.append(started[-1].pid)
            started[-1].kill()

    try:
        with distributed.Client(scheduler_file=str(file), timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            executor, out = client.get_executor(), tmp_path / "run"
            xai.run(image_model(), images(16), out=out, executor=executor, workers=2, log=kill_one, **SETTINGS)
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert killed
    assert contents(tmp_path / "run") == whole
