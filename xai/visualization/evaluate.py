"""Every input that was made is evaluated: against real ones, under small changes, against noise, and across seeds."""

from __future__ import annotations

import torch

from xai.results.finding import Finding
from xai.visualization.findings import beats_noise, compare_with_real, seeds_agree, survives_changes
from xai.visualization.layer_reader import Reader
from xai.visualization.objectives import Objective
from xai.visualization.optimize import Optimized
from xai.visualization.problem import Problem

__all__ = ["evaluate", "private"]

NOISES = 32


def private(seed: int, number: int) -> torch.Generator:
    """Return a generator of its own for each input of a call."""
    return torch.Generator().manual_seed((seed * 1_000_003 + number) % 2**63)


def evaluate(
    reader: Reader,
    objectives: list[Objective],
    copies: int,
    made: Optimized,
    problem: Problem,
    source: str | None,
    seed: int,
    batch: int,
) -> tuple[tuple[Finding, ...], ...]:
    """Return the findings on each input: against real ones, under small changes, against noise, and across seeds."""
    generators = [private(seed, number) for number in range(NOISES)]
    parameterization = problem.parameterization([0], generators[:1], len(made.inputs))
    with torch.no_grad():
        noise = parameterization.noise(private(seed, 0), NOISES).to(made.inputs.device)
        noise = reader.measure_all(objectives, parameterization.decode(noise), batch)
        real = real_transformed = None
        if problem.real is not None:
            draws = [private(seed, row) for row in range(len(problem.real))]
            changed = torch.cat(
                [
                    parameterization.decode(
                        parameterization.change(
                            parameterization.encode(problem.real[rows]), [draws[row] for row in rows.tolist()]
                        )
                    )
                    for rows in torch.arange(len(draws)).split(batch)
                ]
            )
            real, real_transformed = (reader.measure_all(objectives, item, batch) for item in (problem.real, changed))
    called = source or problem.real_noun
    profiles = [
        reader.profiles(item, made.inputs[index * copies : (index + 1) * copies]) if copies > 1 else torch.zeros(0)
        for index, item in enumerate(objectives)
    ]
    rows = []
    for index, item in enumerate(objectives):
        others = [
            profile
            for other, profile in zip(objectives, profiles, strict=True)
            if other is not item and (other.layers, other.reads_output) == (item.layers, item.reads_output)
        ]
        for row in range(index * copies, (index + 1) * copies):
            reached, transformed = float(made.reached[row]), float(made.transformed[row])
            base = float((noise if real is None else real)[index].median())
            findings = [
                survives_changes(item.name, base, reached, transformed),
                beats_noise(item.name, transformed, noise[index], hidden=_is_hidden_unit(item)),
            ]
            if real is not None and real_transformed is not None:
                findings.insert(
                    0, compare_with_real(item.name, reached, transformed, real[index], real_transformed[index], called)
                )
            if copies > 1:
                findings.append(seeds_agree(item.name, profiles[index], others))
            rows.append(tuple(findings))
    return tuple(rows)


def _is_hidden_unit(item: Objective) -> bool:
    return not item.reads_output and item.factor is not None and item.factor > 0
