"""Which explanations are like the others of their class, which are like none, and into which groups they fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xai.base.spectral import directions, spectral_groups
from xai.runs.sampling import Sample

__all__ = ["ORDER", "Cluster", "clusters", "least_supported", "ranked_by_distance"]

FEWEST = 20
ORDER = {"contradicted": 0, "not shown": 1, "untestable": 2, "supported": 3}  # of verdicts, the worst first


@dataclass(frozen=True)
class Cluster:
    """Explanations of one kind: indices into the sample, nearest to the mean first; right: how often the model is."""

    indices: list[int]
    right: float | None
    predicted: dict[str, int]


def ranked_by_distance(sample: Sample) -> dict[str, list[int]]:
    """Return, by predicted class, the indices of its explanations, the one nearest to the class's mean first.

    Distance is one minus the cosine to the mean; classes with fewer than three rows are left out.
    """
    if sample.values is None:
        return {}
    scaled, found = directions(sample.values), {}
    predicted = sample.lines["predicted"].to_numpy()
    for name in sorted(set(predicted)):
        indices = np.flatnonzero(predicted == name)
        if len(indices) < 3:
            continue
        mean = scaled[indices].mean(0)
        near = scaled[indices] @ mean / max(float(np.linalg.norm(mean)), 1e-12)
        found[name] = indices[np.argsort(-near, kind="stable")].tolist()
    return found


def least_supported(sample: Sample, count: int) -> list[int]:
    """Return the indices of explanations with the least evidence: contradicted first, and of those the largest p."""
    lines = sample.lines[sample.lines["verdict"].notna()]
    figures = [name for name in lines.columns if name.endswith("_p")]
    largest = lines[figures].max(axis=1).fillna(0.0) if figures else lines["probability"].fillna(0.0) * 0
    keys = sorted(lines.index, key=lambda index: (ORDER[lines["verdict"][index]], -largest[index], index))
    return keys[:count]


def clusters(sample: Sample, seed: int = 0) -> list[Cluster]:
    """Return groups of explanations by spectral clustering, the largest first; none of fewer than 20 rows.

    Source: Lapuschkin et al. 2019, arXiv:1902.10178.
    """
    if sample.values is None or len(sample) < FEWEST:
        return []
    members = spectral_groups(sample.values, seed).members()
    return [_cluster(sample, directions(sample.values), indices) for indices in members if len(indices)]


def _cluster(sample: Sample, scaled: np.ndarray, indices: np.ndarray) -> Cluster:
    near = scaled[indices] @ scaled[indices].mean(0)
    lines = sample.lines.iloc[indices]
    right = lines["correct"].dropna()
    counts = lines["predicted"].value_counts()
    ordered = indices[np.argsort(-near, kind="stable")].tolist()
    return Cluster(ordered, float(right.mean()) if len(right) else None, {str(k): int(v) for k, v in counts.items()})
