"""Studies of LIME's sampling that take minutes: `python -m benchmarks.calibrate_lime [evaluations]`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch

from benchmarks.lime_models import digits_model, table_model, text_model
from xai.core.explanation import Explanation
from xai.lime.image import lime_image
from xai.lime.summary import TrainingSummary
from xai.lime.tabular import lime_tabular
from xai.lime.text import lime_text

SEEDS = 20
GRID = [round(100 * 1.25**step) for step in range(28)]  # 100 to about 41,000


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def top(explanation: Explanation, count: int = 5) -> frozenset[int]:
    return frozenset(explanation.values[0].abs().topk(count).indices.tolist())


def needed(run: Callable[..., Explanation], engine: str, reference: frozenset[int]) -> int | None:
    """Return the least number of samples in GRID from which on 19 of 20 seeds give the reference's top 5."""

    def agree(samples: int) -> bool:
        misses = 0
        for seed in range(1, SEEDS + 1):
            misses += top(run(samples=samples, seed=seed, engine=engine)) != reference
            if misses > 1:
                return False
        return True

    low, high = 0, len(GRID) - 1
    if not agree(GRID[high]):
        return None
    while low < high:  # agreement rises with the samples, but for noise: search by halves
        middle = (low + high) // 2
        low, high = (low, middle) if agree(GRID[middle]) else (middle + 1, high)
    return GRID[low]


def subjects() -> dict[str, list[Callable[..., Explanation]]]:
    """Return for each model the runs to compare, one per input."""
    table, data = table_model()
    summary = TrainingSummary.of(data, names=list(table.input.names))
    text, texts = text_model()
    image, pictures = digits_model()

    def tabular(row: int) -> Callable[..., Explanation]:
        return lambda **s: lime_tabular(table, data[row : row + 1], background=summary, batch_size=1024, **s)

    def words(row: int) -> Callable[..., Explanation]:
        return lambda **s: lime_text(text, texts[row], batch_size=1024, **s)

    def picture(row: int) -> Callable[..., Explanation]:
        return lambda **s: lime_image(image, pictures[row : row + 1], segments="grid", fill="zero", **s)

    return {
        "table, 12 columns": [tabular(row) for row in range(5)],
        "text, 40 words": [words(row) for row in range(5)],
        "image, 49 segments": [picture(row) for row in range(3)],
    }


def evaluations() -> None:
    """How many evaluations give the top 5 of a 50,000-sample run in 19 of 20 seeds."""
    for name, runs in subjects().items():
        for number, run in enumerate(runs):
            reference = top(run(samples=50_000, seed=0, engine="xai"))
            theirs = top(run(samples=50_000, seed=0, engine="lime"))
            ours, lime = needed(run, "xai", reference), needed(run, "lime", theirs)
            ratio = f"{ours / lime:.2f}" if ours and lime else "-"
            say(
                f"| {name}, input {number} | {ours} | {lime} | {ratio} | {'same' if reference == theirs else 'other'} |"
            )


STUDIES = {"evaluations": evaluations}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for study in sys.argv[1:] or STUDIES:
        say(f"\n## {study}: {STUDIES[study].__doc__}\n")
        STUDIES[study]()
