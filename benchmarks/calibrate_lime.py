"""Studies of LIME's sampling that take minutes: `python -m benchmarks.calibrate_lime [coverage stability ...]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from scipy.stats import t
from torch import Tensor, nn

from benchmarks.lime_models import digits_model, table_model, text_model
from benchmarks.output import say
from tests.lime.nonlinear import network, truth
from xai.inputs.image import ImageInput
from xai.lime.image import lime_image
from xai.lime.neighborhood import fit_masks
from xai.lime.series import lime_series
from xai.lime.settings import check_settings
from xai.lime.tabular import lime_tabular
from xai.lime.text import lime_text
from xai.lime.training_summary import TrainingSummary
from xai.model.model import Model
from xai.results.explanation import Explanation

SEEDS = 20
REPEATS = 300
GRID = [round(100 * 1.25**step) for step in range(24)]  # 100 to about 17,000
LIMIT = 90  # seconds for one input: what is not found by then is said to be


def coverage() -> None:
    """Share of the weights over all 2^d masks that lie in their 95 % intervals, 500 seeds, pooled over weights."""
    say("| features | neighborhood | samples | network | coverage |\n|---|---|---|---|---|")
    for size, neighborhood, samples in (
        (4, "half", 200), (6, "half", 200), (8, "half", 1000), (10, "half", 400), (12, "half", 200),
        (12, "half", 1000), (12, "half", 5000), (8, "sizes", 400), (12, "sizes", 600), (12, "sizes", 5000),
    ):  # fmt: skip
        for seed, scale in ((1, 1.0), (2, 1.5)):
            answer = network(size, seed, scale)
            true_weights = truth(answer, size, neighborhood)
            settings = check_settings(samples=samples)
            covered = 0
            for number in range(500):
                fit = fit_masks(size, neighborhood, answer, settings, torch.Generator().manual_seed(number))
                reach = t.ppf(0.975, fit.degrees_of_freedom) * fit.standard_error
                covered += int(((fit.weights - true_weights).abs() <= reach).sum())
            share = 100 * covered / (500 * size)
            say(f"| {size} | {neighborhood} | {samples:,} | seed {seed}, scale {scale} | {share:.1f} % |")


class Square(nn.Module):
    """Nine squares of an image: one decides, two work together."""

    def __init__(self, side: int = 30) -> None:
        super().__init__()
        self.segments = torch.arange(side)[:, None] // 10 * 3 + torch.arange(side)[None] // 10

    def forward(self, images: Tensor) -> Tensor:
        parts = torch.stack([images[:, 0][:, self.segments == number].mean(1) for number in range(9)], 1)
        score = 6 * parts[:, 4] + 2 * parts[:, 0] * parts[:, 8] - 1.5 * parts[:, 2] - 2.5
        return torch.stack([torch.zeros_like(score), score], 1)


def readers() -> dict[str, Callable[..., Explanation]]:
    """Return a run for each kind of input, and for tables with selected features."""
    table, data = table_model()
    summary = TrainingSummary.of(data, names=list(table.input.names))
    text, texts = text_model()
    square = Model(Square(), input=ImageInput((1, 30, 30)))
    picture = torch.rand(1, 1, 30, 30, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.6
    torch.manual_seed(3)
    layers = nn.Sequential(nn.Flatten(), nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 2))
    pooled = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, 16), nn.Tanh(), nn.Linear(16, 2))
    many = Model(pooled.eval(), input=ImageInput((1, 28, 28)))
    series = torch.randn(1, 20, generator=torch.Generator().manual_seed(1))

    def tabular(row: int, **more: object) -> Callable[..., Explanation]:
        return partial(lime_tabular, table, data[row : row + 1], background=summary, **more)

    return {
        "table, 12 columns": tabular(2),
        "table, another row, no controls": tabular(7, controls=None),
        "table, 3 columns by forward selection": tabular(2, surrogate="forward", features=3),
        "image, 9 segments": partial(
            lime_image, square, picture, 1, segments=square.network.segments[None], fill="zero"
        ),
        "image, 49 segments": partial(lime_image, many, torch.rand(1, 1, 28, 28), segments="grid", fill="zero"),
        "text, 40 words": partial(lime_text, text, texts[6], batch_size=1024),
        "series, 20 steps": partial(lime_series, Model(layers.eval()), series),
    }


def largest() -> None:
    """Share of runs whose 95 % interval has the largest weight of a run of 300,000 samples; 300 seeds from 50,000 on.

    "stop" is where the library stops by itself, for the top 2. After selection only runs that chose the same features
    are counted: the weight is of those.
    """
    counts = (100, 200, 500, 1000, 5000)
    say("| input | largest | " + " | ".join(f"{count:,}" for count in counts) + " | stop | samples, median |")
    say("|---|" + "---|" * (len(counts) + 3))
    for name, run in readers().items():
        true_weights = run(samples=300_000, seed=1).values[0]
        index = int(true_weights.abs().argmax())
        cells, used = [], []
        for settings in (*({"samples": count} for count in counts), {"top": 2}):
            inside = []
            for seed in range(50_000, 50_000 + REPEATS):
                found = run(seed=seed, **settings)
                if bool(((found.values[0] != 0) == (true_weights != 0)).all()):
                    low, high = found.interval()[0][:, index]
                    inside.append(bool(low <= true_weights[index] <= high))
                if "top" in settings:
                    used.append(int(found.diagnostics[0]["samples"]))
            share = f"{100 * sum(inside) / len(inside):.0f} %" if inside else "-"
            cells.append(share if len(inside) == REPEATS else f"{share} of {len(inside)}")
        say(f"| {name} | {true_weights[index]:.3f} | {' | '.join(cells)} | {sorted(used)[len(used) // 2]:,} |")


def stability() -> None:
    """Do rankings that were called stable agree over 20 seeds? Cap 50,000 samples, top 5 in order, confidence 95 %."""
    say("| features | neighborhood | network | stable | distinct rankings among them | samples, median |")
    say("|---|---|---|---|---|---|")
    for size, neighborhood in ((12, "half"), (12, "sizes"), (20, "half"), (20, "sizes"), (30, "half"), (30, "sizes")):
        for seed in (1, 2, 3):
            answer = network(size, seed, 0.6)
            settings = check_settings(most_samples=50_000)
            fits = [
                fit_masks(size, neighborhood, answer, settings, torch.Generator().manual_seed(number))
                for number in range(SEEDS)
            ]
            stable = [tuple(fit.weights.abs().topk(5).indices.tolist()) for fit in fits if fit.stopped == "stable"]
            samples = sorted(fit.samples for fit in fits)[SEEDS // 2]
            say(f"| {size} | {neighborhood} | {seed} | {len(stable)} of 20 | {len(set(stable))} | {samples:,} |")


def top(explanation: Explanation, count: int = 5) -> frozenset[int]:
    return frozenset(explanation.values[0].abs().topk(count).indices.tolist())


def needed(run: Callable[..., Explanation], reference: frozenset[int]) -> int | None:
    """Return the least number of samples in GRID at which 19 of 20 seeds give the reference's top 5, or None."""
    started = time.perf_counter()
    for samples in GRID:
        misses = 0
        for seed in range(1, SEEDS + 1):
            misses += top(run(samples=samples, seed=seed)) != reference
            if misses > 1:
                break
        if misses <= 1:
            return samples
        if time.perf_counter() - started > LIMIT:
            return None
    return None


def subjects() -> dict[str, list[Callable[..., Explanation]]]:
    """Return for each model the runs to compare, one per input."""
    table, data = table_model()
    summary = TrainingSummary.of(data, names=list(table.input.names))
    text, texts = text_model()
    image, pictures = digits_model()

    def tabular(row: int) -> Callable[..., Explanation]:
        return lambda **s: lime_tabular(table, data[row : row + 1], background=summary, **s)

    def words(row: int) -> Callable[..., Explanation]:
        return lambda **s: lime_text(text, texts[row], batch_size=1024, **s)

    def picture(row: int) -> Callable[..., Explanation]:
        return lambda **s: lime_image(image, pictures[row : row + 1], segments="grid", fill="zero", **s)

    return {
        "table, 12 columns": [tabular(row) for row in (0, 4, 5, 6)],
        "text, 40 words": [words(row) for row in (0, 1, 3, 4)],
        "image, 49 segments": [picture(row) for row in (0, 1, 2)],
    }


def evaluations() -> None:
    """How many evaluations give the top 5 of a 50,000-sample run in 19 of 20 seeds ("-": not found in time)."""
    say("| model | ours | ours, control variates for pairs | lime | ours / lime |\n|---|---|---|---|---|")
    for name, runs in subjects().items():
        for number, run in enumerate(runs):
            ours = needed(run, top(run(samples=50_000, seed=0)))
            pairs = None
            if name.startswith("table"):
                pairs = needed(
                    lambda run=run, **s: run(controls="pairs", **s), top(run(samples=50_000, seed=0, controls="pairs"))
                )
            lime = needed(lambda run=run, **s: run(engine="lime", **s), top(run(samples=50_000, seed=0, engine="lime")))
            best = min([count for count in (ours, pairs) if count], default=None)
            ratio = f"{best / lime:.2f}" if best and lime else "-"
            say(f"| {name}, input {number} | {ours or '-'} | {pairs or '-'} | {lime or '-'} | {ratio} |")


STUDIES = {"coverage": coverage, "largest": largest, "stability": stability, "evaluations": evaluations}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for study in sys.argv[1:] or STUDIES:
        say(f"\n## {study}: {STUDIES[study].__doc__}\n")
        STUDIES[study]()
