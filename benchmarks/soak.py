"""Writers that are killed, that find the disk full or read-only, and that meet: what stood there stays whole.

`OMP_NUM_THREADS=1 python -m benchmarks.soak` kills each kind of work at random moments (`--kills`, over all kinds),
then runs each on a full disk, on a read-only one, and twice at once. It prints a line for each and exits with 1 where a
file was lost, half, mixed or left over, or an error was bare. Disks are tmpfs, which takes root; without it the largest
size of a file stands for a full disk, and a read-only one is left out, which is said.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

import xai
from models.recipes import train_recipe
from xai.base.errors import XaiError
from xai.reports.page import sealed

__all__ = ["JOBS", "killed"]

ROWS = torch.rand(30, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(30) % 3
RIGHT, NAMED, WRONG = 0, 10, 11  # what a child exits with


class Job(NamedTuple):
    """A kind of work that writes into a folder, how its files are read, and what they are called."""

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    names: tuple[str, ...]


def table() -> xai.Model:
    """Return a small model of a table."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    return xai.Model(network, input=xai.TabularInput(list("abcd")))


def save(folder: Path) -> None:
    """Save a model whose numbers are all one number, another one each time, so that a mixture shows."""
    network = nn.Linear(200, 200)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(float(os.getpid() % 1000))
    xai.save_model(xai.Model(network), folder, factory="torch.nn:Linear",
                   arguments={"in_features": 200, "out_features": 200})  # fmt: skip


def saved(folder: Path) -> None:
    """Read it; raises ValueError for a mixture."""
    values = {float(number) for part in xai.load(folder).network.state_dict().values() for number in part.unique()}
    if len(values) != 1:
        raise ValueError(f"a mixture of {values}")


def page(path: Path) -> None:
    """Read a page; raises ValueError where characters are missing."""
    if not sealed(path.read_text()):
        raise ValueError(f"{path.name} is not whole")


def audit(folder: Path) -> None:
    """Write the result of an audit and its page."""
    result = xai.audit(table(), xai.AuditData(ROWS, LABELS), ["performance"])
    result.save(folder / "result.json")
    xai.audit_report(result).save(folder / "page.html")


def audited(folder: Path) -> None:
    """Read both."""
    xai.AuditResult.load(folder / "result.json")
    page(folder / "page.html")


JOBS = {
    "train": Job(lambda folder: train_recipe("diabetes-neuron", folder, epochs=2, rows=60), xai.load,
                 ("model.toml", "training.json", "weights.safetensors")),
    "save": Job(save, saved, ("model.toml", "weights.safetensors")),
    "explain": Job(lambda folder: xai.saliency(table(), ROWS.repeat(300, 1), 0).save(folder / "e.safetensors"),
                   lambda folder: xai.Explanation.load(folder / "e.safetensors"), ("e.safetensors",)),
    "report": Job(lambda folder: xai.Report("soak", [xai.saliency(table(), ROWS[:2], 0)]).save(folder / "page.html"),
                  lambda folder: page(folder / "page.html"), ("page.html",)),
    "audit": Job(audit, audited, ("page.html", "result.json")),
}  # fmt: skip


def child(job: Job, folder: Path, before: Callable[[], object] = lambda: None) -> int:
    """Start a process that does the work once; it exits with RIGHT, NAMED for an error of ours, or WRONG."""
    process = os.fork()
    if process:
        return process
    try:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        before()
        job.write(folder)
    except XaiError:
        os._exit(NAMED)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        os._exit(WRONG)
    os._exit(RIGHT)


def ended(process: int) -> int:
    """Wait for a process, and return what it exited with, -9 where it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def fault(job: Job, folder: Path) -> str:
    """Say what is wrong with the files in a folder after work that ended as it should; nothing where all is right."""
    try:
        job.read(folder)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    names = sorted(path.name for path in folder.iterdir())
    return "" if names == sorted(job.names) else f"left over: {names}"


def killed(name: str, count: int, seed: int = 0) -> list[str]:
    """Kill one kind of work at random moments; return what was wrong after a kill, and at the end."""
    job, found = JOBS[name], []
    choose = random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory() as mounted:
        folder = Path(mounted, "out")
        folder.mkdir()
        job.write(folder)  # what stands there and has to stay whole
        started = time.perf_counter()
        ended(child(job, folder))
        took, hit = time.perf_counter() - started, 0
        while hit < count:
            process = child(job, folder)
            time.sleep(choose.uniform(0, took))
            os.kill(process, signal.SIGKILL)
            hit += ended(process) == -signal.SIGKILL
            try:
                job.read(folder)
            except Exception as error:
                found.append(f"{name}, killed: {type(error).__name__}: {error}")
        time.sleep(0.1)
        ended(child(job, folder))
        wrong = fault(job, folder)
        return [*found, f"{name}, after {count} kills: {wrong}"] if wrong else found


@contextmanager
def disk(size: str) -> Iterator[Path | None]:
    """Mount a disk in memory; None where that is not allowed."""
    with tempfile.TemporaryDirectory() as mounted:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", mounted], capture_output=True)
        try:
            yield None if done.returncode else Path(mounted)
        finally:
            if not done.returncode:
                subprocess.run(["umount", "-l", mounted], check=False)


def full(name: str) -> list[str]:
    """Do one kind of work where no byte is left; what stood there has to stay, and the error has to be ours."""
    job = JOBS[name]
    with disk("32m") as mounted, tempfile.TemporaryDirectory() as plain:
        folder = (mounted or Path(plain)) / "out"
        folder.mkdir()
        job.write(folder)
        if mounted is not None:
            with open(mounted / "rest", "wb", buffering=0) as rest:
                try:
                    while rest.write(b"0" * 65536):
                        pass
                except OSError:
                    pass  # now it is full
        limit = (lambda: None) if mounted else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        code, wrong = ended(child(job, folder, limit)), fault(job, folder)
    return [f"{name}, disk full: exit {code}; {wrong}"] if code != NAMED or wrong else []


def read_only(name: str) -> list[str] | None:
    """Do one kind of work where nothing may be written; None where no such disk can be made."""
    job = JOBS[name]
    with disk("32m") as mounted:
        if mounted is None:
            return None
        folder = mounted / "out"
        folder.mkdir()
        job.write(folder)
        subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
        code, wrong = ended(child(job, folder)), fault(job, folder)
    return [f"{name}, read-only: exit {code}; {wrong}"] if code != NAMED or wrong else []


def two_writers(name: str, rounds: int) -> list[str]:
    """Do one kind of work twice at once, read all the while."""
    job, found = JOBS[name], []
    with tempfile.TemporaryDirectory() as mounted:
        folder = Path(mounted, "out")
        folder.mkdir()
        job.write(folder)
        for _ in range(rounds):
            pair = [child(job, folder), child(job, folder)]
            try:
                job.read(folder)
            except Exception as error:
                found.append(f"{name}, while two write: {type(error).__name__}: {error}")
            codes = [ended(process) for process in pair]
            wrong = fault(job, folder)
            if codes != [RIGHT, RIGHT] or wrong:
                found.append(f"{name}, two writers: exits {codes}; {wrong}")
    return found


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Print a line for each kind of trouble and work; return 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--kills", type=int, default=200, help="over all kinds of work")
    parser.add_argument("--rounds", type=int, default=5, help="of two writers at once")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    wrong: list[str] = []
    for name in JOBS:
        share, started = -(-chosen.kills // len(JOBS)), time.perf_counter()
        found = [*killed(name, share), *full(name), *two_writers(name, chosen.rounds)]
        kept = read_only(name)
        root_only = "read-only disk left out: it takes root" if kept is None else "a read-only disk"
        wrong += found + (kept or [])
        say(f"{name}: {share} kills, a full disk, {chosen.rounds} times two writers, {root_only}: "
            f"{len(found + (kept or []))} wrong, {time.perf_counter() - started:.0f} s")  # fmt: skip
    for line in wrong:
        say(line)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
