"""Every argument of every public function with nasty values: right, or an error that the library means.

`python -m tests.fuzz 20000` runs so many calls and prints what ended in a bare error; a test runs a slice.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import fractions
import inspect
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hypothesis import strategies as st
from torch import nn

import xai
from xai.base.errors import XaiError

__all__ = ["CALLS", "NASTY", "bare_error", "calls"]

SECONDS = 20  # of one call: longer ones are findings as well

NASTY: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "true": lambda: True,
    "minus one": lambda: -1,
    "zero": lambda: 0,
    "half": lambda: 0.5,
    "huge": lambda: 10**30,
    "infinity": lambda: float("inf"),
    "nan": lambda: float("nan"),
    "complex": lambda: 1j,
    "decimal": lambda: decimal.Decimal("0.5"),
    "fraction": lambda: fractions.Fraction(1, 3),
    "empty text": lambda: "",
    "text": lambda: "nasty",
    "long text": lambda: "a" * 5000,
    "surrogate": lambda: "\ud800",
    "nul": lambda: "a\x00b",
    "bytes": lambda: b"ab",
    "empty list": list,
    "nested": lambda: [[1, [2]], 3],
    "ragged": lambda: [[1.0], [1.0, 2.0]],
    "list of none": lambda: [None],
    "list of texts": lambda: ["a", "b"],
    "numbers": lambda: [1, 2, 3],
    "tuple": lambda: (0, 0),
    "dictionary": lambda: {"a": 1},
    "empty dictionary": dict,
    "set": lambda: {1, 2},
    "range": lambda: range(3),
    "iterator": lambda: iter([1, 2]),
    "object": object,
    "type": lambda: int,
    "function": lambda: lambda *items, **named: None,
    "path": lambda: Path("no/such/file"),
    "date": lambda: datetime.date(2024, 1, 1),
    "empty array": lambda: np.zeros((0,)),
    "array of texts": lambda: np.array(["x", "y"]),
    "array of objects": lambda: np.array([None, object()], dtype=object),
    "array with nan": lambda: np.array([[1.0, np.nan, 0.0, 0.0]]),
    "dates": lambda: np.array(["2024-01-01"], dtype="datetime64[D]"),
    "scalar array": lambda: np.array(1.0),
    "large array": lambda: np.full((2, 4), 1e300),
    "tensor": lambda: torch.zeros(2, 4),
    "empty tensor": lambda: torch.zeros(0, 4),
    "scalar tensor": lambda: torch.tensor(3),
    "complex tensor": lambda: torch.zeros(2, 4, dtype=torch.complex64),
    "bool tensor": lambda: torch.ones(2, 4, dtype=torch.bool),
    "sparse tensor": lambda: torch.eye(4).to_sparse(),
    "meta tensor": lambda: torch.zeros(2, 4, device="meta"),
    "deep tensor": lambda: torch.zeros(1, 1, 1, 1, 1, 1),
    "frame": lambda: pd.DataFrame({"a": [1.0], "z": ["x"]}),
    "empty frame": pd.DataFrame,
    "series": lambda: pd.Series([1.0, None]),
    "network": lambda: nn.Linear(4, 3),
}


def _table() -> xai.Model:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    return xai.Model(network, classes=["p", "q", "r"], input=xai.TabularInput(list("abcd")))


def _images() -> xai.Model:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)]
    return xai.Model(nn.Sequential(*layers), input=xai.ImageInput((1, 8, 8)))


def _texts() -> xai.Model:
    return xai.Model(nn.EmbeddingBag(6, 3), input=xai.TextInput(["good", "bad", "film", "plot"]))


def _series() -> xai.Model:
    return xai.Model(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), input=xai.SequenceInput(["u", "v"], 6))


ROWS = torch.rand(2, 4, generator=torch.Generator().manual_seed(0))
MORE = torch.rand(24, 4, generator=torch.Generator().manual_seed(1))
IMAGE = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
STEPS = torch.rand(1, 6, 2, generator=torch.Generator().manual_seed(3))
LABELS = torch.arange(24) % 3


def _explained() -> xai.Explanation:
    return xai.saliency(_table(), ROWS, 0)


def _folder() -> str:
    return tempfile.mkdtemp()


# Each public callable with arguments that are right; the others of its signature are set to nasty values too.
CALLS: dict[str, tuple[Callable, Callable[[], dict[str, object]]]] = {}


def _add(name: str, function: Callable, arguments: Callable[[], dict[str, object]]) -> None:
    CALLS[name] = function, arguments


for _name in ("saliency", "input_x_gradient", "deeplift", "lrp", "occlusion", "guided_backprop", "deconvolution"):
    _add(_name, getattr(xai, _name), lambda: {"model": _table(), "inputs": ROWS, "target": 0})
for _name, _more in {"integrated_gradients": {"steps": 3}, "smoothgrad": {"samples": 3},
                     "gradient_shap": {"samples": 3}, "kernel_shap": {"samples": 30}, "lime_segments": {"samples": 30},
                     }.items():  # fmt: skip
    _add(_name, getattr(xai, _name), lambda more=_more: {"model": _table(), "inputs": ROWS, "target": 0, **more})
for _name in ("gradcam", "guided_gradcam"):
    _add(_name, getattr(xai, _name), lambda: {"model": _images(), "inputs": IMAGE, "target": 0})
_add("occlusion of images", xai.occlusion, lambda: {"model": _images(), "inputs": IMAGE, "target": 0})
_add("lime_tabular", xai.lime_tabular,
     lambda: {"model": _table(), "rows": ROWS, "target": 0, "samples": 30, "background": MORE})  # fmt: skip
_add("lime_image", xai.lime_image, lambda: {"model": _images(), "images": IMAGE, "segments": "grid", "samples": 30})
_add("lime_text", xai.lime_text, lambda: {"model": _texts(), "texts": ["good film"], "target": 0, "samples": 30})
_add("lime_series", xai.lime_series, lambda: {"model": _series(), "series": STEPS, "target": 0, "samples": 30})
_add("attribute", xai.attribute, lambda: {"model": _table(), "inputs": ROWS, "methods": ["saliency"]})
_add("partial_dependence", xai.partial_dependence, lambda: {"model": _table(), "inputs": MORE})
_add("accumulated_local_effects", xai.accumulated_local_effects, lambda: {"model": _table(), "inputs": MORE})
_add("permutation_importance", xai.permutation_importance,
     lambda: {"model": _table(), "inputs": MORE, "labels": LABELS, "repeats": 2})  # fmt: skip
_add("surrogate_tree", xai.surrogate_tree, lambda: {"model": _table(), "inputs": MORE})
_add("nearest_examples", xai.nearest_examples, lambda: {"model": _table(), "inputs": ROWS, "train": MORE})
_add(
    "training_influence",
    xai.training_influence,
    lambda: {"model": _table(), "inputs": ROWS, "train": MORE, "labels": [0] * len(MORE)},
)
_add("shapley_interactions", xai.shapley_interactions, lambda: {"model": _table(), "inputs": ROWS})
_add("activating_examples", xai.activating_examples, lambda: {"model": _table(), "inputs": MORE})
_add("visualize", xai.visualize,
     lambda: {"model": _images(), "objective": xai.objectives.channel("0", 0), "steps": 1})  # fmt: skip
_add("submodular_pick", xai.submodular_pick, lambda: {
    "explanations": xai.lime_tabular(_table(), ROWS, 0, background=MORE, samples=30), "budget": 1})  # fmt: skip
_add("Model", xai.Model, lambda: {"network": nn.Linear(4, 3)})
_add("Model.predict", lambda inputs: _table().predict(inputs), lambda: {"inputs": ROWS})
_add("Model.unit", lambda layer, index: _table().unit(layer, index).predict(ROWS), lambda: {"layer": "0", "index": 1})
_add("ImageInput", xai.ImageInput, lambda: {"shape": (1, 8, 8)})
_add("TabularInput", xai.TabularInput, lambda: {"names": ["a"]})
_add("TextInput", xai.TextInput, dict)
_add("SequenceInput", xai.SequenceInput, lambda: {"names": ["a"], "length": 3})
_add("save_model", xai.save_model, lambda: {
    "model": xai.Model(nn.Linear(4, 3)), "folder": _folder(), "factory": "torch.nn:Linear"})  # fmt: skip
_add("load", xai.load, lambda: {"folder": "no/such/folder"})
_add("read_image", xai.read_image, lambda: {"path": "no/such/file.png", "input": xai.ImageInput((1, 8, 8))})
_add("read_images", xai.read_images, lambda: {"paths": [], "input": xai.ImageInput((1, 8, 8))})
_add("Report", lambda title, results: xai.Report(title, results).html(), lambda: {"title": "t", "results": []})
_add("Explanation.save", lambda path: _explained().save(path), lambda: {"path": _folder() + "/e.safetensors"})
_add("Explanation.load", xai.Explanation.load, lambda: {"path": "no/such/file"})
_add("Explanation.interval", lambda confidence: xai.smoothgrad(_table(), ROWS, 0, samples=3).interval(confidence),
     lambda: {"confidence": 0.9})  # fmt: skip
for _name, _more in {"channel": {"layer": "0", "number": 0}, "neuron": {"layer": "0", "number": 0},
                     "layer": {"name": "0"}, "direction": {"layer": "0", "vector": [1.0, 0.0]},
                     "unit": {"layer": "0", "number": 0}, "diversity": {"layer": "0"}, "logit": {"number": 0},
                     "probability": {"number": 0}}.items():  # fmt: skip
    _add(f"objectives.{_name}", getattr(xai.objectives, _name), lambda more=_more: dict(more))


def arguments_of(name: str) -> list[str]:
    """Return the names of all arguments of a public callable that can be nasty."""
    function, arguments = CALLS[name]
    known = [item.name for item in inspect.signature(function).parameters.values() if item.kind in (0, 1, 3)]
    known = [item for item in known if item not in ("settings", "self")] or list(arguments())
    return [item for item in known if item not in ("most_samples",)]


def calls() -> st.SearchStrategy[tuple[str, dict[str, str]]]:
    """Return calls: a name, and which of one or two arguments are set to which nasty values."""

    def settings(name: str) -> st.SearchStrategy[tuple[str, dict[str, str]]]:
        keys = st.sampled_from(arguments_of(name))
        nasty = st.dictionaries(keys, st.sampled_from(list(NASTY)), min_size=1, max_size=2)
        return st.tuples(st.just(name), nasty)

    return st.sampled_from(list(CALLS)).flatmap(settings)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def bare_error(name: str, nasty: dict[str, str]) -> Exception | None:
    """Return the bare error that a call ends in, None where it is right or ends in an error that the library means."""
    function, arguments = CALLS[name]
    given = {**arguments(), **{argument: NASTY[value]() for argument, value in nasty.items()}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), _limited():
                function(**given)  # some write where they are told to
        except XaiError:
            return None
        except Exception as error:
            return error
    return None


def main(count: int, seed: int = 0) -> int:
    """Run so many calls, print what ended in a bare error, once for each place and kind; return how many calls did."""
    choose, found, failed, started = random.Random(seed), collections.Counter(), 0, time.monotonic()
    names = list(CALLS)
    for _ in range(count):
        name = choose.choice(names)
        known = arguments_of(name)
        chosen = choose.sample(known, min(len(known), choose.choice((1, 1, 2))))
        nasty = {argument: choose.choice(list(NASTY)) for argument in chosen}
        error = bare_error(name, nasty)
        if error is not None:
            failed += 1
            last = traceback.extract_tb(error.__traceback__)[-1]
            key = f"{type(error).__name__} in {name} at {Path(last.filename).name}:{last.lineno}"
            if not found[key]:
                sys.stdout.write(f"{key}: {nasty}: {str(error)[:100]}\n")
                sys.stdout.flush()
            found[key] += 1
    sys.stdout.write(f"{count:,} calls, {failed:,} bare errors, {time.monotonic() - started:.0f} s, seed {seed}\n")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
