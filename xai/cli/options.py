"""What several commands share: their options, loading a model, and saying the cost before long work."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar, cast

import click

import xai
from xai.cli.output import tell

if TYPE_CHECKING:
    from torch import Tensor

    from xai.auditing.audit_data import AuditData
    from xai.inputs.image_files import LabelledImages
    from xai.methods import ModelCheck
    from xai.model.model import Model

Command = TypeVar("Command", bound=Callable[..., object])
WORTH_TIMING = 0.05  # seconds

__all__ = [
    "asked_output",
    "checks_asked",
    "checks_option",
    "language_option",
    "lecture",
    "load_model",
    "output_key",
    "output_option",
    "recipe_data",
    "recipes",
    "say_checks_cost",
    "say_cost",
    "say_if_outdated",
    "seed_option",
    "trust_option",
    "worked_examples",
]


def _speak(context: click.Context, _: click.Parameter, name: str) -> None:
    """Say all that the command renders in a language: until it is done."""
    from xai.reports.language import in_language

    if name != "en":  # what draws a report is loaded only where it is needed
        context.with_resource(in_language(name))


language_option = click.option(
    "--language",
    default="en",
    show_default=True,
    expose_value=False,
    callback=_speak,
    help="Of the report: en, de.",
)
_OUTPUT_KEY = "xai.output_key"  # in the context of the command: every model that it loads gets it


def _keep_output_key(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    del parameter
    context.meta[_OUTPUT_KEY] = value


def output_key() -> str | None:
    """Return what --output-key said, None where there is no such command or nothing was said."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_OUTPUT_KEY)


def trust_option(command: Command) -> Command:
    """Add the options of every command that loads a model: --trust-code, and --output-key (see `output_key`)."""
    asked = click.option(
        "--output-key",
        callback=_keep_output_key,
        expose_value=False,
        help="Which tensor the scores are where the network puts out several: a key, a field or an index.",
    )
    trusted = click.option(
        "--trust-code", is_flag=True, help="Run whatever code the model folder names, such as a file of its own."
    )
    return trusted(asked(command))


checks_option = click.option(
    "--checks",
    default=None,
    help="On each explanation of an image: none, quick, full, or names, with commas.  [default: full, or quick]",
)
seed_option = click.option(
    "--seed",
    default=0,
    type=click.IntRange(0, 2**31 - 1),
    show_default=True,
    help="Seed of everything drawn at random.",
)


def output_option(default: str):
    """Return the option -o with its default."""
    return click.option("-o", "--output", default=default, show_default=True, help="Where to write.")


def recipes() -> ModuleType:
    """Return `models.recipes` of this distribution, also where the caller has a package `models` of their own."""
    _claim_reference_package()
    return importlib.import_module("models.recipes")


def lecture() -> ModuleType:
    """Return `models.lecture` of this distribution, the table of the lecture's experiments."""
    _claim_reference_package()
    return importlib.import_module("models.lecture")


def worked_examples() -> ModuleType:
    """Return `models.lecture.worked` of this distribution, the lecture's rows with numbers by hand."""
    _claim_reference_package()
    return importlib.import_module("models.lecture.worked")


def load_model(folder: str, trust_code: bool) -> Model:
    """Load a model folder, with the memory setting that the command line may make for its process."""
    from xai.base.allocator import keep_memory
    from xai.model.folder import load, read_description

    factory = read_description(folder).factory
    if factory.startswith("models.") and _reference_file(factory).is_file():
        _claim_reference_package()
    keep_memory()
    return asked_output(load(folder, trust_code=trust_code))


def asked_output(model: Model) -> Model:
    """Return the model, of whose outputs --output-key chooses one."""
    key = output_key()
    if key is not None:
        model.output_key = key
    return model


def recipe_data(folder: str) -> LabelledImages | None:
    """Return the held-out images of the recipe that made a model folder, or None where none did."""
    from xai.inputs.image_files import LabelledImages
    from xai.model.folder import read_description

    description = read_description(folder)
    table = recipes()
    name = str(description.origin.get("recipe", ""))
    if name not in table.RECIPES or description.input.drawing != "map":
        return None
    say_if_outdated(folder, description.origin)
    data = table.load_data(name)
    names = tuple(f"test image {number}" for number in range(len(data.test_inputs)))
    return LabelledImages(data.test_inputs, names, data.test_labels, f"held out from {data.name}")


def say_if_outdated(folder: str, origin: Mapping[str, object]) -> None:
    """Say on standard error where a folder's recipe has changed since it was trained."""
    if not recipes().is_current(origin):
        name = origin["recipe"]
        message = f"{folder} was trained when {name} had other settings; held-out rows are those of today's recipe"
        tell(f"{message}: `xai train {name}` makes it anew", err=True)


def checks_asked(model: Model, methods: Sequence[str], asked: str | None) -> list[str] | None:
    """Return the checks of `--checks`, None for all; of a default that leaves some out it says so.

    The default is all, and the quick ones where all of them would take over about a minute a row.
    """
    from xai.evidence.levels import LEVELS, checks_of, elements_of
    from xai.methods import CHECKS

    wanted = asked if asked is None or asked in LEVELS else [name.strip() for name in asked.split(",")]
    chosen = checks_of(wanted, methods, elements_of(model))
    if asked is None and len(chosen) < len(CHECKS):
        left = ", ".join(name for name in CHECKS if name not in chosen)
        tell(f"left out, as all checks would take over a minute a picture: {left} (--checks full makes them)", err=True)
    return None if chosen == list(CHECKS) else chosen


def say_cost(
    model: Model,
    methods: Sequence[str],
    rows: int,
    inputs: int,
    steps: int,
    size: int | None = None,
    checks: Sequence[str] | None = None,
) -> None:
    """Say on standard error how many passes are ahead and about how long they take, from timed batches.

    inputs: how many are optimized in so many steps; size: the side of those that are images; checks: None for all.
    """
    from xai.evidence.verify import passes_per_row
    from xai.methods import all_methods
    from xai.reports.unit_choice import blank_inputs

    known = all_methods()
    each = sum(known[name].passes + passes_per_row(name, checks) for name in methods if name in known)
    passes = rows * each + inputs * steps * 3
    share = 1.0
    if size is not None and model.input.drawing == "map" and model.input.shape is not None:
        _, height, width = model.input.shape
        share = size**2 / (height * width)
    _say([(model, passes)], blank_inputs(model, 64), share)


def say_checks_cost(
    models: Sequence[Model],
    data: AuditData,
    checks: Sequence[str],
    table: Mapping[str, ModelCheck],
    rows: int,
) -> None:
    """Say the same before checks of a table are made on models that are given the same rows."""
    from xai.auditing.explainers import passes_of
    from xai.methods import CHECKS

    chosen = [table[name] for name in checks if name in table]
    labels, inputs = cast(Sequence, data.labels), cast(Sequence, data.inputs)  # as read from a file: rows
    count = min(rows, len(labels))
    each = passes_of(models[0])
    verified = sum(spec.passes + spec.repeats * each for spec in CHECKS.values())
    explained = sum(spec.explained * (each + verified * spec.verified) for spec in chosen)
    passes = (1 + sum(spec.passes for spec in chosen)) * count + explained  # each row is answered once before
    _say([(model, passes) for model in models], inputs[:512])


def _say(work: Sequence[tuple[Model, int]], inputs: object, share: float = 1.0) -> None:
    """Say how many passes are ahead and how long they take, from timed batches of each model.

    share: how much larger what will be passed is than these inputs.
    """
    seconds, memory = 0.0, 1.0
    for model, passes in work:
        seconds += passes * share * _seconds_per_pass(model, model.prepare(inputs))
        memory = max(memory, share * model.trace(inputs).elements * 8 * 4 / 2**20)
    total = sum(passes for _, passes in work)
    message = f"about {total:,} passes, {seconds:,.0f} s of them, {memory:,.0f} MiB of activations at a time"
    tell(message, err=True)


def _seconds_per_pass(model: Model, batch: Tensor) -> float:
    import torch

    from xai.network.guard import untouched

    each = 0.0
    with untouched(model.network), torch.no_grad():
        for rows in (8, 64, 512):
            part = batch[:rows]
            model.answer(model.network, part)
            started = time.perf_counter()
            model.answer(model.network, part)
            took = time.perf_counter() - started
            each = took / len(part)
            if took > WORTH_TIMING or rows >= len(batch):  # few rows of a small network time the call, not the work
                break
    return each


def _reference_file(factory: str) -> Path:
    module = factory.partition(":")[0]
    return _home().joinpath(*module.split(".")).with_suffix(".py")


def _home() -> Path:
    return Path(xai.__file__).resolve().parent.parent


def _claim_reference_package() -> None:
    """Import this distribution's `models` by its place, whatever PYTHONPATH or the current folder hold."""
    present = sys.modules.get("models")
    if present is not None and Path(str(getattr(present, "__file__", ""))).resolve().parent.parent == _home():
        return
    spec = importlib.machinery.PathFinder.find_spec("models", [str(_home())])
    if spec is None or spec.loader is None:
        raise click.ClickException("the package models of xai-toolkit is not installed beside xai")
    module = importlib.util.module_from_spec(spec)
    sys.modules["models"] = module
    spec.loader.exec_module(module)
