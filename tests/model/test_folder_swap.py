"""A model folder is replaced as a whole: writers that are killed, that meet, and that find the disk full."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from xai.base.errors import FolderError, OutputError
from xai.base.files import write_atomically
from xai.model import folder_swap
from xai.model.folder import load, read_description, save_model
from xai.model.model import Model


def constant(width: int, value: float) -> Model:
    """Return a linear model whose numbers are all `value`, so that a mixture shows."""
    network = nn.Linear(width, width)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(value)
    return Model(network)


def store(folder: Path, width: int, value: float) -> Path:
    arguments = {"in_features": width, "out_features": width}
    origin = {"value": value}
    return save_model(constant(width, value), folder, factory="torch.nn:Linear", arguments=arguments, origin=origin)


def stored(folder: Path) -> float:
    """Return the number of a folder's model, held against its description."""
    for _ in range(100):
        value = read_description(folder).origin["value"]
        network = load(folder).network
        if read_description(folder).origin["value"] == value:
            assert {float(number) for part in network.state_dict().values() for number in part.unique()} == {value}
            return value
    raise AssertionError("never still")


# One process imports torch, then makes those that write and are killed: each costs milliseconds, not seconds.
WRITERS = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
from tests.model.test_folder_swap import store, stored
from xai.base.files import write_atomically

torch.set_num_threads(1)
folder, kills, writers, kind = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
draw = random.Random(0)


def write_forever(own, parent):
    number = 0
    while os.getppid() == parent:  # a test that fails leaves no writer behind
        number += 1
        width = 40 + 160 * (number % 2)  # of two sizes: a mixture is unloadable too
        if kind == "model":
            store(folder, width, float(own * 10000 + number))
        else:
            write_atomically(folder / "file", str(number % 10) * 3_000_000)


def start(own):
    parent, process = os.getpid(), os.fork()
    if process == 0:
        write_forever(own, parent)
        os._exit(0)
    return process


seen, litter, read = [], 0, 0
for number in range(kills):
    processes = [start(2 * number + own) for own in range(writers)]
    ends = time.monotonic() + 0.02 + 0.1 * draw.random()
    while time.monotonic() < ends:
        if kind == "model":
            stored(folder)
            read += 1
        else:
            time.sleep(0.001)
    for process in processes:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    names = sorted(os.listdir(folder))
    litter += any(name.startswith(".") for name in names)
    seen.append(stored(folder) if kind == "model" else len(set((folder / "file").read_text())))
print(json.dumps({"seen": seen, "litter": litter, "read": read}))
"""


def run_writers(folder: Path, kills: int, writers: int, kind: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WRITERS), str(folder), str(kills), str(writers), kind],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("writers", [1, 2])
def test_writers_that_are_killed_leave_a_whole_model(tmp_path: Path, writers: int) -> None:
    """At random moments, read all the while; with two writers none mixes its weights with the other's description."""
    folder = store(tmp_path / "model", 40, 1.0)
    (folder / "network.py").write_text("# stays")
    found = run_writers(folder, 10, writers, "model")
    assert len(found["seen"]) == 10
    assert len(set(found["seen"])) > 1, "no writer got anywhere"
    assert found["read"] > 10
    store(folder, 40, 7.0)
    assert stored(folder) == 7.0
    assert names_in(folder) == ["model.toml", "network.py", "weights.safetensors"]


def test_a_file_is_whole_after_a_kill_and_the_next_write_cleans_up(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", "first")
    found = run_writers(tmp_path, 10, 2, "file")
    assert found["seen"] == [1] * 10
    assert found["litter"], "no writer was killed while it wrote"
    time.sleep(0.1)
    write_atomically(tmp_path / "file", "last")
    assert names_in(tmp_path) == ["file"]


def test_a_live_writers_file_is_no_leftover(tmp_path: Path) -> None:
    from xai.base.files import _NEXT_CLEANUP, written_aside

    with written_aside(tmp_path, b"mine") as mine:
        (tmp_path / ".xai-dead.part").write_bytes(b"half")
        _NEXT_CLEANUP.clear()
        with written_aside(tmp_path, b"other") as other:
            assert mine.exists()
            assert other.exists()
            assert not (tmp_path / ".xai-dead.part").exists()
    assert names_in(tmp_path) == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("stop", ["before the description", "after the description"])
def test_each_moment_of_the_swap_is_a_whole_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str) -> None:
    folder = store(tmp_path / "model", 3, 1.0)
    moved = []
    replace = os.replace

    def stopping(source: object, target: object) -> None:
        if len(moved) == (1 if stop.startswith("before") else 2):
            os._exit(9)
        replace(source, target)
        moved.append(target)

    process = os.fork()
    if process == 0:
        monkeypatch.setattr(folder_swap.os, "replace", stopping)
        store(folder, 5, 2.0)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    assert len(names_in(folder)) > 2
    assert stored(folder) == (1.0 if stop.startswith("before") else 2.0)
    with pytest.raises(FolderError, match="what TOML can hold"):
        save_model(constant(3, 0.0), folder, factory="torch.nn:Linear", arguments={"none": None})
    store(folder, 4, 3.0)
    assert stored(folder) == 3.0
    assert names_in(folder) == ["model.toml", "weights.safetensors"]


@pytest.mark.parametrize("room", [0, 100, 3000])
def test_a_full_disk_leaves_the_old_model(tmp_path: Path, room: int) -> None:
    folder = store(tmp_path / "model", 3, 1.0)
    write_atomically(tmp_path / "file", "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(OutputError, match="save_model: folder: expected a folder that can be written"):
            store(folder, 60, 2.0)
        with pytest.raises(OutputError, match="output: expected"):
            write_atomically(tmp_path / "file", "new" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert stored(folder) == 1.0
    assert (tmp_path / "file").read_text() == "old"
    assert names_in(folder) == ["model.toml", "weights.safetensors"]
    assert names_in(tmp_path) == ["file", "model"]


def test_weights_of_another_model_are_named(tmp_path: Path) -> None:
    first, second = store(tmp_path / "a", 3, 1.0), store(tmp_path / "b", 3, 2.0)
    (first / "weights.safetensors").write_bytes((second / "weights.safetensors").read_bytes())
    with pytest.raises(FolderError, match=r"the weights of model\.toml .*, got others"):
        load(first)
    text = (first / "model.toml").read_text()
    (first / "model.toml").write_text("".join(line for line in text.splitlines(True) if "sha256" not in line))
    assert float(load(first).network.bias.detach()[0]) == 2.0  # an older folder names no digest


def test_a_writer_waits_for_another_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store(tmp_path / "model", 3, 1.0)
    monkeypatch.setattr(folder_swap, "PATIENCE", 0.05)
    with folder_swap._alone(folder), pytest.raises(OutputError, match="another that writes"):
        store(folder, 3, 2.0)
    store(folder, 3, 3.0)
    assert stored(folder) == 3.0


def test_a_reader_that_only_meets_writers_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store(tmp_path / "model", 3, 1.0)
    (folder / "weights.safetensors").write_bytes(b"")
    states = iter(range(1000))
    monkeypatch.setattr("xai.model.folder.state_of", lambda folder: next(states))
    with pytest.raises(FolderError, match="stays as it is"):
        load(folder)


@pytest.mark.parametrize("name", ["model.toml", "weights.safetensors"])
def test_a_place_that_is_no_file_is_named_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match="the folder"):
        store(tmp_path, 3, 1.0)
    assert names_in(tmp_path) == [name]
