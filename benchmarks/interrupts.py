"""Ctrl-C at random moments of explanations: what is left behind in the network and in the process.

`OMP_NUM_THREADS=1 python -m benchmarks.interrupts --count 3000` prints how many interrupts hit, how many left a trace
or came out as another error, and what was left. It exits with 1 where there is any.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

import xai
from tests.trace_state import differences, state_of

__all__ = ["interrupted"]

IMAGES = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
ROWS = torch.rand(30, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(30) % 3


def network() -> nn.Module:
    """Return a small network with what can be left changed: norms that count, dropout, gradients, training mode."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(), nn.Flatten())
    made = nn.Sequential(*layers, nn.Linear(144, 3)).train()
    made(IMAGES).sum().backward()
    return made


def calls() -> tuple[list[nn.Module], dict[str, Callable[[], object]]]:
    """Return two networks, and calls on them by name."""
    image_network, columns = network(), nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).train()
    images, table = (
        xai.Model(image_network, input=xai.ImageInput((1, 8, 8))),
        xai.Model(columns, input=xai.TabularInput(list("abcd"))),
    )
    made, data = xai.saliency(images, IMAGES, 0), xai.AuditData(ROWS, LABELS)
    channel = xai.objectives.channel("0", 0)
    return [image_network, columns], {
        "saliency": lambda: xai.saliency(images, IMAGES, 0),
        "integrated gradients": lambda: xai.integrated_gradients(images, IMAGES, 0, steps=8),
        "smoothgrad": lambda: xai.smoothgrad(images, IMAGES, 0, samples=4),
        "deeplift": lambda: xai.deeplift(images, IMAGES, 0),
        "lrp": lambda: xai.lrp(images, IMAGES, 0),
        "guided backprop": lambda: xai.guided_backprop(images, IMAGES, 0),
        "gradcam": lambda: xai.gradcam(images, IMAGES, 0),
        "occlusion": lambda: xai.occlusion(images, IMAGES, 0),
        "kernel shap": lambda: xai.kernel_shap(table, ROWS[:2], 0, samples=40),
        "lime": lambda: xai.lime_tabular(table, ROWS[:2], 0, background=ROWS, samples=50),
        "verify": lambda: xai.verify(images, made, ["completeness", "stability"]),
        "visualize": lambda: xai.visualize(images, channel, steps=3),
        "permutation": lambda: xai.permutation_importance(table, ROWS, LABELS, repeats=2),
        "audit": lambda: xai.audit(table, data, ["performance"]),
        "plot": made.plot,
    }


def process_state() -> dict[str, object]:
    """Return what a call could leave behind in the process, beside what `state_of` knows."""
    return {
        "numpy errors": dict(np.geterr()),
        "warnings": list(warnings.filters),
        "matplotlib": str(sorted(mpl.rcParams.items())),
        "modes": [len(_get_current_function_mode_stack()), len(_get_current_dispatch_mode_stack())],
    }


def interrupted(count: int, seed: int = 0) -> dict[str, object]:
    """Interrupt calls so often; return how many interrupts hit, what was left, and other errors by their text."""
    networks, known = calls()
    took: dict[str, float] = {}
    for name, call in known.items():
        call()  # what is imported and traced once is no part of the moment
        started = time.perf_counter()
        call()
        took[name] = time.perf_counter() - started
    before_signal = signal.signal(signal.SIGALRM, signal.default_int_handler)  # what Ctrl-C runs
    choose, hit, left, others = random.Random(seed), 0, collections.Counter(), collections.Counter()
    before, around = [state_of(item) for item in networks], process_state()
    try:
        while hit < count:
            name = choose.choice(list(known))
            try:
                signal.setitimer(signal.ITIMER_REAL, max(1e-5, choose.uniform(0, took[name])))
                known[name]()
                signal.setitimer(signal.ITIMER_REAL, 0)
                continue
            except KeyboardInterrupt:
                hit += 1
            except Exception as error:
                hit += 1
                others[f"{name}: {type(error).__name__}: {str(error)[:80]}"] += 1
            after, now = [state_of(item) for item in networks], process_state()
            changed = [part for a, b in zip(before, after, strict=True) for part in differences(a, b)]
            changed += [part for part, value in around.items() if now[part] != value]
            for part in changed:
                left[f"{name}: {part}"] += 1
            before, around = after, now
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before_signal)
    return {"interrupts": hit, "left": dict(left), "other errors": dict(others)}


def main() -> int:
    """Print what was found; return 1 where an interrupt left a trace or became another error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.interrupts")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    mpl.use("agg")
    found = interrupted(chosen.count, chosen.seed)
    sys.stdout.write(json.dumps(found) + "\n")
    return int(bool(found["left"] or found["other errors"]))


if __name__ == "__main__":
    sys.exit(main())
