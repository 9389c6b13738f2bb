"""Groups of rows by spectral clustering, and a plane in which they can be seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Embedded", "directions", "spectral_groups"]

NEIGHBORS = 10
MOST_GROUPS = 8


class Embedded(NamedTuple):
    """The group of each row (N,), the largest being 0, and its coordinates in a plane (N, 2)."""

    group: np.ndarray
    plane: np.ndarray

    def members(self) -> list[np.ndarray]:
        """Return the indices of the rows of each group."""
        return [np.flatnonzero(self.group == number) for number in range(int(self.group.max()) + 1)]


def directions(values: np.ndarray) -> np.ndarray:
    """Return values (N, D) scaled to length one: only the direction of a row counts, not its magnitude.

    >>> directions(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(length > 0, length, 1)


def spectral_groups(values: np.ndarray, seed: int = 0) -> Embedded:
    """Return groups of rows (N, D), by their directions.

    Rows are tied to their ten nearest neighbors; the number of groups is where the eigenvalues of the graph make their
    largest step. Source: Lapuschkin et al. 2019, arXiv:1902.10178.

    >>> rows = np.eye(30)[[0] * 40 + [1] * 20] + 0.1 * np.random.default_rng(0).normal(size=(60, 30))
    >>> [len(places) for places in spectral_groups(rows).members()]
    [40, 20]
    """
    from scipy.linalg import eigh
    from sklearn.cluster import KMeans
    from sklearn.neighbors import kneighbors_graph

    scaled = directions(values)
    graph = kneighbors_graph(scaled, min(NEIGHBORS, len(scaled) - 1), mode="connectivity").toarray()
    graph = np.maximum(graph, graph.T)
    scale = 1 / np.sqrt(graph.sum(1))
    laplacian = np.eye(len(graph)) - scale[:, None] * graph * scale[None]
    most = min(MOST_GROUPS, len(graph) // 5)
    eigenvalues, vectors = eigh(laplacian, subset_by_index=[0, most])
    count = int(np.argmax(np.diff(eigenvalues))) + 1
    embedded = vectors[:, :count] / np.maximum(np.linalg.norm(vectors[:, :count], axis=1, keepdims=True), 1e-12)
    labels = KMeans(count, n_init=10, random_state=seed).fit(embedded).labels_
    sizes = np.bincount(labels, minlength=count)
    rank = np.empty(count, dtype=int)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(count)
    return Embedded(rank[labels], vectors[:, 1:3] / scale.max())
