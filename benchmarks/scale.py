"""What a run costs as its data grow: seconds a row, memory, the store's share, workers, and kills.

`OMP_NUM_THREADS=1 python -m benchmarks.scale` prints the tables of docs/scale.md. Each size is a process of its own.
Cost is CPU time on one thread, where busy neighbors count little; two workers against one is a matter of the clock,
and needs two idle cores. `--images`, `--rows` and `--kills` choose sizes; `--only` one table.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

import xai
from benchmarks.timing import peak_bytes

IMAGES, ROWS, KILLS = (100, 1000, 10_000), (1000, 100_000, 1_000_000), 200
COLUMNS = 10
OF_IMAGES = {"methods": ["integrated_gradients"], "checks": ["deletion"], "shard_rows": 32}
SHARED = {"shared": True, "samples": 2000}


def images_model() -> xai.Model:
    """Return a convolutional network on 28 x 28, as large as the reference one of MNIST."""
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * 11 * 11, 10),
    )  # fmt: skip
    return xai.Model(nn.Sequential(*layers), input=xai.ImageInput((1, 28, 28)))


def table_model() -> xai.Model:
    """Return a network on a table of ten columns."""
    torch.manual_seed(0)
    names = [f"column {number}" for number in range(COLUMNS)]
    network = nn.Sequential(nn.Linear(COLUMNS, 32), nn.ReLU(), nn.Linear(32, 2))
    return xai.Model(network, input=xai.TabularInput(names))


def write_data(what: str, count: int, folder: Path) -> Path:
    """Write rows of random numbers as .npy, a part at a time, and return where."""
    shape = (count, 1, 28, 28) if what == "images" else (count, COLUMNS)
    path, drawn = folder / f"{what}-{count}.npy", np.random.default_rng(0)
    with open(path, "wb") as file:  # not mapped: its pages would count as memory of the run
        about = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, about)
        for start in range(0, count, 1000):
            file.write(drawn.random((min(1000, count - start), *shape[1:]), dtype=np.float32).tobytes())
    return path


def call(what: str, data: object, out: Path, **settings: object) -> object:
    """Make the run of images, or of a table."""
    if what == "images":
        return xai.run(images_model(), data, out=out, **OF_IMAGES, **settings)
    background = pd.DataFrame(np.random.default_rng(1).random((1000, COLUMNS)), columns=table_model().input.names)
    options = {"lime_tabular": {"background": background, **SHARED}}
    keywords = {"methods": ["lime_tabular"], "checks": "none", "options": options, "shard_rows": 1000, **settings}
    return xai.run(table_model(), data, out=out, **keywords)


def one_size(what: str, count: int) -> dict[str, float]:
    """Make one run in this process; return its CPU seconds, bytes on disk, and peak memory."""
    folder = Path(tempfile.mkdtemp())
    path = write_data(what, count, folder)
    few = np.load(path, mmap_mode="r")[:32]  # mapped: all of them in memory would count as the run's
    call(what, few, folder / "warm", workers=0)  # what is imported and traced once is not the rows' cost
    started, cpu = time.perf_counter(), time.process_time()
    call(what, path, folder / "run", workers=0)
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - started, "peak": peak_bytes()}
    took["bytes"] = sum(file.stat().st_size for file in (folder / "run").rglob("*") if file.is_file())
    shutil.rmtree(folder)
    return {"rows": count, **took}


def plain_loop(count: int) -> dict[str, float]:
    """Return the least CPU seconds of a loop of one's own over some batches, and of a run of them, in turn twice."""
    torch.set_num_threads(1)
    model, folder = images_model(), Path(tempfile.mkdtemp())
    data = torch.from_numpy(np.array(np.load(write_data("images", count, folder))))
    size, best = OF_IMAGES["shard_rows"], {"loop": float("inf"), "run": float("inf")}
    for turn in range(3):
        started = time.process_time()
        for start in range(0, count, size):
            made = xai.integrated_gradients(model, data[start : start + size])
            xai.verify(model, made, OF_IMAGES["checks"])
        middle = time.process_time()
        xai.run(model, data, out=folder / f"run-{turn}", workers=0, **OF_IMAGES)
        if turn:
            best["loop"] = min(best["loop"], middle - started)
            best["run"] = min(best["run"], time.process_time() - middle)
    shutil.rmtree(folder)
    return {"rows": count, **best}


def workers(count: int) -> dict[str, float]:
    """Return by the clock what one worker and two take for the same shards, from the first shard on to the last."""
    folder, found = Path(tempfile.mkdtemp()), {}
    path = write_data("images", count, folder)
    for number in (1, 2):
        ends: list[tuple[float, int]] = []

        def note(event: dict, ends: list[tuple[float, int]] = ends) -> None:
            if event["event"] == "shard":
                ends.append((time.perf_counter(), event["rows"]))

        call("images", path, folder / f"run-{number}", workers=number, log=note)
        # Processes start before the first shards, and all of those end at about the same time: counted are the shards
        # behind each worker's first one, so that what is left is the rate of work alone.
        first, last = ends[number - 1], ends[-1]
        found[str(number)] = (last[0] - first[0]) / (last[1] - first[1])
    shutil.rmtree(folder)
    return found


def kills(count: int, seed: int = 0) -> dict[str, int]:
    """Kill a run at random moments; return how often, how many runs came of it, and how many of them were wrong."""
    model, folder, drawn = images_model(), Path(tempfile.mkdtemp()), random.Random(seed)
    data = torch.rand(24, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    settings = {"methods": ["saliency"], "checks": ["completeness", "stability"], "shard_rows": 2, "workers": 0}
    started = time.perf_counter()
    xai.run(model, data, out=folder / "whole", **settings)
    took = time.perf_counter() - started
    wanted, killed, runs, wrong = contents(folder / "whole"), 0, 0, 0
    while killed < count:
        out, runs = folder / f"run-{runs}", runs + 1
        while True:
            child = os.fork()
            if child == 0:
                xai.run(model, data, out=out, **settings)
                os._exit(0)
            time.sleep(drawn.uniform(0, 0.6 * took) if killed < count else 3600)
            os.kill(child, signal.SIGKILL)
            if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
                break
            killed += 1
            if killed == count:
                xai.run(model, data, out=out, **settings)
                break
        wrong += contents(out) != wanted
    shutil.rmtree(folder)
    return {"kills": killed, "runs": runs, "wrong": wrong, "shards": len(data) // 2}


def contents(folder: Path) -> dict[str, str]:
    """Return the digest of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def table(what: str, sizes: tuple[int, ...]) -> None:
    """Print a line per size, each measured in a process of its own."""
    say("\n| what | rows | s a row (CPU) | of the least | peak memory | kB a row on disk |\n|---|---|---|---|---|---|")
    lines = []
    for count in sizes:
        command = [sys.executable, "-m", "benchmarks.scale", "--one", what, str(count)]
        lines.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    least = min(line["cpu"] / line["rows"] for line in lines)
    for line in lines:
        each = line["cpu"] / line["rows"]
        figures = f"{line['rows']:,} | {each:.3g} | {each / least:.2f} | {line['peak'] / 2**20:,.0f} MiB"
        say(f"| {what} | {figures} | {line['bytes'] / line['rows'] / 1000:.2f} |")


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", nargs=2, help="what and how many: one size alone, as JSON")
    parser.add_argument("--only", choices=("images", "table", "loop", "workers", "kills"), action="append")
    parser.add_argument("--images", type=int, nargs="+", default=IMAGES)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--kills", type=int, default=KILLS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.one:
        say(json.dumps(one_size(asked.one[0], int(asked.one[1]))))
        return
    chosen = asked.only or ("images", "table", "loop", "workers", "kills")
    if "images" in chosen:
        table("images", tuple(asked.images))
    if "table" in chosen:
        table("table", tuple(asked.rows))
    if "loop" in chosen:
        found = plain_loop(min(128, max(asked.images)))
        more = found["run"] / found["loop"] - 1
        say(f"\nstore and scheduling: {100 * more:.1f} % over a loop of one's own ({json.dumps(found)})")
    if "workers" in chosen:
        found = workers(min(640, max(asked.images)))
        say(f"\ntwo workers: {found['1'] / found['2']:.2f} times one ({json.dumps(found)})")
    if "kills" in chosen:
        say(f"\n{json.dumps(kills(asked.kills))}")


if __name__ == "__main__":
    main()
