"""Which explanations are like the others of their class, which are like none, and into which groups they fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xai.runs.sampling import Sample

__all__ = ["ORDER", "Cluster", "clusters", "least_supported", "ranked_by_distance"]

NEIGHBORS = 10
MOST_CLUSTERS = 8
FEWEST = 20
ORDER = {"contradicted": 0, "not shown": 1, "untestable": 2, "supported": 3}  # of verdicts, the worst first


@dataclass(frozen=True)
class Cluster:
    """Explanations of one kind: places in the sample, nearest to the middle first; right: how often the model is."""

    places: list[int]
    right: float | None
    predicted: dict[str, int]


def _directions(values: np.ndarray) -> np.ndarray:
    """Return values scaled to length one: what an explanation says, not how loudly."""
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(length > 0, length, 1)


def ranked_by_distance(sample: Sample) -> dict[str, list[int]]:
    """Return, by predicted class, the places of its explanations, the one nearest to the class's mean first.

    Distance is one minus the cosine to the mean; classes with fewer than three rows are left out.
    """
    if sample.values is None:
        return {}
    directions, found = _directions(sample.values), {}
    predicted = sample.lines["predicted"].to_numpy()
    for name in sorted(set(predicted)):
        places = np.flatnonzero(predicted == name)
        if len(places) < 3:
            continue
        mean = directions[places].mean(0)
        near = directions[places] @ mean / max(float(np.linalg.norm(mean)), 1e-12)
        found[name] = places[np.argsort(-near, kind="stable")].tolist()
    return found


def least_supported(sample: Sample, count: int) -> list[int]:
    """Return the places of the explanations with the least evidence: contradicted first, and of those the largest p."""
    lines = sample.lines[sample.lines["verdict"].notna()]
    figures = [name for name in lines.columns if name.endswith("_p")]
    largest = lines[figures].max(axis=1).fillna(0.0) if figures else lines["probability"].fillna(0.0) * 0
    keys = sorted(lines.index, key=lambda place: (ORDER[lines["verdict"][place]], -largest[place], place))
    return keys[:count]


def clusters(sample: Sample, seed: int = 0) -> list[Cluster]:
    """Return groups of explanations by spectral clustering, the largest first; none of fewer than 20 rows.

    Values are scaled to length one and tied to their ten nearest neighbors; the number of groups is where the
    eigenvalues of the graph make their largest step. Source: Lapuschkin et al. 2019, arXiv:1902.10178.
    """
    from scipy.linalg import eigh
    from sklearn.cluster import KMeans
    from sklearn.neighbors import kneighbors_graph

    if sample.values is None or len(sample) < FEWEST:
        return []
    directions = _directions(sample.values)
    graph = kneighbors_graph(directions, min(NEIGHBORS, len(directions) - 1), mode="connectivity").toarray()
    graph = np.maximum(graph, graph.T)
    scale = 1 / np.sqrt(graph.sum(1))
    laplacian = np.eye(len(graph)) - scale[:, None] * graph * scale[None]
    most = min(MOST_CLUSTERS, len(graph) // 5)
    values, vectors = eigh(laplacian, subset_by_index=[0, most])
    count = int(np.argmax(np.diff(values))) + 1
    embedded = vectors[:, :count] / np.maximum(np.linalg.norm(vectors[:, :count], axis=1, keepdims=True), 1e-12)
    fitted = KMeans(count, n_init=10, random_state=seed).fit(embedded)
    found = [_cluster(sample, directions, np.flatnonzero(fitted.labels_ == label)) for label in range(count)]
    return sorted((item for item in found if item.places), key=lambda item: -len(item.places))


def _cluster(sample: Sample, directions: np.ndarray, places: np.ndarray) -> Cluster:
    if not len(places):
        return Cluster([], None, {})
    near = directions[places] @ directions[places].mean(0)
    lines = sample.lines.iloc[places]
    right = lines["correct"].dropna()
    counts = lines["predicted"].value_counts()
    ordered = places[np.argsort(-near, kind="stable")].tolist()
    return Cluster(ordered, float(right.mean()) if len(right) else None, {str(k): int(v) for k, v in counts.items()})
