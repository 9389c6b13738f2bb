"""Threads that read, draw and report leave the process as it was."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import nn

import xai


def four(work: Callable[[], object]) -> None:
    failed = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_threads_leave_no_filter_of_warnings_and_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)).save(path)
    kind = xai.ImageInput((3, 16, 16))
    explanation = xai.saliency(xai.Model(nn.Linear(4, 3)), torch.rand(2, 4), 1)
    explanation.plot()
    filters, settings = list(warnings.filters), dict(matplotlib.rcParams)
    four(lambda: [xai.read_image(path, kind) for _ in range(40)])
    four(lambda: [explanation.plot() for _ in range(5)])
    assert warnings.filters == filters
    assert dict(matplotlib.rcParams) == settings
