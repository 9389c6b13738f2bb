"""Killed at any moment: nothing is lost, nothing is left over, and the bytes are those of one uninterrupted run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import xai
from tests.runs.folders import CHECKS, METHODS, OPTIONS, contents, image_model, images
from xai.base.errors import InputError, OutputError

SETTINGS = {"methods": METHODS, "checks": CHECKS, "options": OPTIONS, "shard_rows": 2}
ROWS = 16
KILLS = 10


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the bytes of a run that nobody interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    xai.run(image_model(), images(ROWS), out=out, workers=0, **SETTINGS)
    return contents(out)


def test_ten_kills_at_random_moments_change_nothing(tmp_path: Path, whole: dict[str, str]) -> None:
    model, data, drawn = image_model(), images(ROWS), random.Random(0)
    stopped = 0
    out = tmp_path / "run"
    while stopped < KILLS:
        child = os.fork()
        if child == 0:
            xai.run(model, data, out=out, workers=0, **SETTINGS)
            os._exit(0)
        time.sleep(drawn.uniform(0.0, 0.25))
        os.kill(child, signal.SIGKILL)
        if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            stopped += 1
            # A kill in the middle of a write leaves a file under another name, which the next run takes away.
            kept = contents(out) if out.exists() else {}
            lines = {name: digest for name, digest in kept.items() if name.endswith(".parquet")}
            assert lines == {name: whole[name] for name in lines}
        else:  # it was done before: begin anew
            assert contents(out) == whole
            out = tmp_path / f"run {stopped}"
    xai.run(model, data, out=out, workers=0, **SETTINGS)
    assert contents(out) == whole


def test_what_is_done_is_not_done_again(tmp_path: Path, whole: dict[str, str]) -> None:
    model, data, out = image_model(), images(ROWS), tmp_path / "run"
    xai.run(model, data, out=out, workers=0, **SETTINGS)
    for name in ("rows/00000003.parquet", "values/00000007.safetensors", "manifest.msgpack"):
        kept = out / name
        kept.unlink() if name != "manifest.msgpack" else None
    told = []
    xai.run(model, data, out=out, workers=0, log=told.append, **SETTINGS)
    assert [event["shard"] for event in told if event["event"] == "shard"] == [3, 7]
    assert contents(out) == whole


def test_a_full_disk_ends_the_run_and_keeps_what_is_done(
    tmp_path: Path, whole: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from xai.runs import worker

    written, plain = [], worker.write_atomically

    def full(path: Path, content: bytes) -> Path:
        if len(written) == 5:
            raise OutputError("output", expected="a path that can be written", got=f"{path} (No space left on device)")
        written.append(path)
        return plain(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(worker, "write_atomically", full)
        with pytest.raises(OutputError, match="No space left"):
            xai.run(image_model(), images(ROWS), out=tmp_path / "run", workers=0, **SETTINGS)
    assert len(list((tmp_path / "run" / "rows").iterdir())) == 2
    xai.run(image_model(), images(ROWS), out=tmp_path / "run", workers=0, **SETTINGS)
    assert contents(tmp_path / "run") == whole


def test_an_interruption_leaves_the_run_to_be_gone_on_with(tmp_path: Path, whole: dict[str, str]) -> None:
    def interrupt(event: dict) -> None:
        told.append(event["event"])
        if told.count("shard") == 3:
            raise KeyboardInterrupt

    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        xai.run(image_model(), images(ROWS), out=tmp_path / "run", workers=2, log=interrupt, **SETTINGS)
    assert not children_of(os.getpid())
    xai.run(image_model(), images(ROWS), out=tmp_path / "run", workers=0, **SETTINGS)
    assert contents(tmp_path / "run") == whole


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path, whole: dict[str, str]) -> None:
    killed = []

    def kill_one(event: dict) -> None:
        if event["event"] == "shard" and not killed:
            killed.append(children_of(os.getpid())[-1])
            os.kill(killed[0], signal.SIGKILL)

    xai.run(image_model(), images(ROWS), out=tmp_path / "run", workers=1, log=kill_one, **SETTINGS)
    assert killed
    assert contents(tmp_path / "run") == whole


SCRIPT = """
import sys
import xai
from tests.runs.folders import image_model, images
from tests.runs.test_resume import ROWS, SETTINGS

tell = lambda event: print(event["event"], flush=True)
# Workers do not run this script, so nothing here must be kept from them.
xai.run(image_model(), images(ROWS), out=sys.argv[1], workers=2, log=tell, **SETTINGS)
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path, whole: dict[str, str]) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script), str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert any(line.startswith("shard") for line in parent.stdout)
        workers = children_of(parent.pid)
        parent.kill()
    assert workers
    ends = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    xai.run(image_model(), images(ROWS), out=tmp_path / "run", workers=0, **SETTINGS)
    assert contents(tmp_path / "run") == whole


def test_a_generator_with_other_rows_is_refused(tmp_path: Path) -> None:
    model, data = image_model(), images(12)
    given = {"methods": ["saliency"], "checks": "none", "shard_rows": 4, "workers": 0, "out": tmp_path / "run"}
    xai.run(model, (row for row in data), **given)
    before = contents(tmp_path / "run")
    assert xai.run(model, (row for row in data), **given).rows == 12
    other = data.clone()
    other[5] = 0
    with pytest.raises(InputError, match=r"^run: data: expected the rows from 4 on"):
        xai.run(model, (row for row in other), **given)
    with pytest.raises(InputError, match=r"^run: data: expected at least 3 shards, got 2"):
        xai.run(model, (row for row in data[:8]), **given)
    assert contents(tmp_path / "run") == before


def children_of(parent: int) -> list[int]:
    """Return the Python workers that a process started; not the helper that keeps track of their semaphores."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                after = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if int(after[1]) == parent and after[0] != "Z" and "spawn_main" in command:
                found.append(int(entry.name))
    return sorted(found)
