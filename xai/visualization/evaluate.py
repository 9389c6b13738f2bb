"""Every input that was made is judged: against real ones, under small changes, against noise, and across seeds."""

from __future__ import annotations

import torch

from xai.results.finding import Finding
from xai.visualization.findings import beats_noise, compare_with_real, seeds_agree, survives_changes
from xai.visualization.objectives import Objective
from xai.visualization.optimize import Climbed
from xai.visualization.problem import Easel
from xai.visualization.reading import Reader

__all__ = ["judge", "private"]

NOISES = 32
NOUNS = {"image": "real images", "text": "real texts", "sequence": "real series"}


def private(seed: int, number: int) -> torch.Generator:
    """Return a generator of its own for each input of a call."""
    return torch.Generator().manual_seed((seed * 1_000_003 + number) % 2**63)


def judge(
    reader: Reader,
    objectives: list[Objective],
    copies: int,
    made: Climbed,
    easel: Easel,
    source: str | None,
    seed: int,
    batch: int,
) -> tuple[tuple[Finding, ...], ...]:
    """Return the findings on each input: against real ones, under small changes, against noise, and across seeds."""
    generators = [private(seed, number) for number in range(NOISES)]
    canvas = easel.canvas([0], generators[:1], len(made.inputs))
    with torch.no_grad():
        noise = canvas.noise(private(seed, 0), NOISES).to(made.inputs.device)
        noise = reader.measure_all(objectives, canvas.present(noise), batch)
        real = moved = None
        if easel.real is not None:
            draws = [private(seed, row) for row in range(len(easel.real))]
            changed = torch.cat(
                [
                    canvas.present(
                        canvas.change(canvas.absorb(easel.real[rows]), [draws[row] for row in rows.tolist()])
                    )
                    for rows in torch.arange(len(draws)).split(batch)
                ]
            )
            real, moved = (reader.measure_all(objectives, item, batch) for item in (easel.real, changed))
    called = source or NOUNS.get(easel.input.kind, "real rows")
    profiles = [
        reader.profiles(item, made.inputs[place * copies : (place + 1) * copies]) if copies > 1 else torch.zeros(0)
        for place, item in enumerate(objectives)
    ]
    rows = []
    for place, item in enumerate(objectives):
        others = [
            profile
            for other, profile in zip(objectives, profiles)
            if other is not item and (other.layers, other.reads_output) == (item.layers, item.reads_output)
        ]
        for row in range(place * copies, (place + 1) * copies):
            reached, transformed = float(made.reached[row]), float(made.transformed[row])
            base = float((noise if real is None else real)[place].median())
            findings = [
                survives_changes(item.name, base, reached, transformed),
                beats_noise(item.name, transformed, noise[place]),
            ]
            if real is not None:
                findings.insert(
                    0, compare_with_real(item.name, reached, transformed, real[place], moved[place], called)
                )
            if copies > 1:
                findings.append(seeds_agree(item.name, profiles[place], others))
            rows.append(tuple(findings))
    return tuple(rows)
