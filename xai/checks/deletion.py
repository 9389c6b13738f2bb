"""Deletion: remove what the map marks, and see whether the output falls more than for maps that must fail."""

from __future__ import annotations

import torch
from torch import Tensor

from xai.checks.controls import center_blob, edge_filter, moved_copies, phase_randomized
from xai.core.arguments import whole_number
from xai.core.baselines import make_baseline
from xai.core.case import Case
from xai.core.explanation import Explanation
from xai.core.finding import Finding
from xai.core.model import Model

__all__ = ["ALPHA", "FRACTIONS", "deletion"]

ALPHA = 0.05
FRACTIONS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


def deletion(
    model: Model,
    explanation: Explanation,
    *,
    controls: int = 99,
    fill: object = "blur",
    seed: int = 0,
    batch_size: int | None = None,
) -> list[Finding]:
    """Return one finding per row: does removing what the map ranks highest lower the target more than controls?

    The score is a p-value: the rank of the map's mean fall in log-probability (over 2 to 50 % of pixels removed,
    replaced by `fill`) among `controls` maps that keep its values and smoothness: moved and flipped copies, and
    phase-randomized ones. A blob in the center and an edge filter are compared beside them: a map that beats the
    controls, but not those two, says no more than a method that never saw the network, and gets a warning.
    Raises InputError for fewer than 19 controls, which cannot reach p = 0.05. Source: Petsiuk, Das, Saenko 2018,
    arXiv:1806.07421, for the deletion curve; the controls are this library's.
    """
    controls = whole_number("deletion", "controls", controls, 19)  # fewer cannot reach p = 0.05
    if explanation.inputs.ndim != 4:
        text = "Untestable: deletion needs a map over an image."
        return [Finding("deletion", "untestable", None, ALPHA, "none", text) for _ in explanation.target]
    target = list(explanation.target)
    single = not isinstance(target[0], tuple)
    of = "log_probability" if single and model.task != "regression" else "output"
    passes = (controls + 3) * len(FRACTIONS)
    settings = {"of": of, "seed": seed, "passes": passes, "batch_size": batch_size}
    with model.explaining("deletion", explanation.inputs, target, **settings) as case:
        hidden, fill_name = make_baseline(fill, case.inputs, case.operation)
        maps = explanation.heatmap().to(case.inputs.device)
        names = [explanation.target_name(row) for row in range(len(case))]
        return [_row(case, row, maps[row], hidden[row], controls, fill_name, names[row]) for row in range(len(case))]


def _row(case: Case, row: int, heatmap: Tensor, hidden: Tensor, controls: int, fill: str, name: str) -> Finding:
    if float(heatmap.max() - heatmap.min()) == 0:
        return Finding("deletion", "fail", 1.0, ALPHA, "none", "The map is the same everywhere: it marks nothing.")
    generator = case.generator(row)
    half = controls // 2
    candidates = torch.cat(
        [
            torch.stack([heatmap, center_blob(heatmap), edge_filter(case.inputs[row]).to(heatmap)]),
            moved_copies(heatmap, half, generator),
            phase_randomized(heatmap, controls - half, generator),
        ]
    )
    curves, whole = _curves(case, row, candidates, hidden, generator)
    falls = (whole - curves).mean(1)
    own, blob, edges, moved = float(falls[0]), float(falls[1]), float(falls[2]), falls[3:]
    p_value = (1 + int((moved >= own).sum())) / (1 + controls)
    beaten = [name for name, value in (("a blob in the center", blob), ("an edge filter", edges)) if value >= own]
    details = {
        "p_value": p_value, "fall": own, "fall_controls": float(moved.mean()), "fall_center": blob, "fall_edges": edges,
        "curve": [float(whole), *curves[0].tolist()], "curve_controls": [float(whole), *curves[3:].mean(0).tolist()],
        "fractions": [0.0, *FRACTIONS], "of": case.of, "fill": fill, "controls": controls,
    }  # fmt: skip
    control = f"{controls} moved or phase-randomized copies of the map, a center blob, an edge filter"
    share = f"{int((moved < own).sum())} of {controls} control maps"
    if p_value > ALPHA:
        text = f"Not supported: removing what it marks lowers the score of {name} more than only {share} do."
        return Finding("deletion", "fail", p_value, ALPHA, control, text, details)
    if beaten:
        text = f"Beats {share}, but {' and '.join(beaten)}, which never saw the network, does as well or better."
        return Finding("deletion", "warn", p_value, ALPHA, control, text, details)
    rivals = f"{share}, a center blob and an edge filter"
    text = f"Supported: removing what it marks lowers the score of {name} more than {rivals} do."
    return Finding("deletion", "pass", p_value, ALPHA, control, text, details)


def _curves(case: Case, row: int, maps: Tensor, hidden: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the score after each removal, (maps, fractions), and the score of the whole image; float64."""
    size = maps[0].numel()
    # Ties (whole segments, zeros) are removed in a random order, the same for all maps.
    shuffle = torch.randperm(size, generator=generator).to(maps.device)
    order = maps.flatten(1)[:, shuffle].argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(size, device=maps.device).expand_as(order))
    ranks = torch.empty_like(rank)
    ranks[:, shuffle] = rank
    ranks = ranks.view_as(maps)
    limits = torch.tensor([max(1, round(share * size)) for share in FRACTIONS], device=maps.device)
    curves = torch.empty(len(maps) * len(limits), dtype=torch.float64, device=maps.device)
    image = case.inputs[row]
    whole = case.scores(image[None], case.rows[row : row + 1])[0]
    for indices in case.chunks(len(curves)):
        number, step = indices // len(limits), indices % len(limits)
        removed = ranks[number] < limits[step][:, None, None]
        batch = torch.where(removed[:, None], hidden, image)
        curves[indices] = case.scores(batch, case.rows[row].expand(len(indices)))
    return curves.view(len(maps), len(limits)), whole
