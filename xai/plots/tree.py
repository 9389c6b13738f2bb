"""A surrogate tree as a picture: questions in boxes, answers in the color of their class."""

from __future__ import annotations

import re
from typing import Any, cast

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.typing import ColorType

from xai.plots.style import SEVERAL, in_style, plain_text, shortened
from xai.results.global_results import SurrogateTree

__all__ = ["tree_figure"]

WORD = re.compile(r"^(.*) = (.*) <= 0\.5$", re.M)  # the column of a word is 0 or 1
LEVELS = 4  # deeper questions are drawn as "(...)": boxes that nobody can read say nothing
LONGEST = 22  # characters of a name


def tree_figure(surrogate: SurrogateTree, ax: Axes | None = None) -> Figure:
    """Draw the tree: where the condition in a box holds, go left. A leaf is as strong in color as it is sure."""
    from sklearn.tree import plot_tree

    tree, names = surrogate.tree, [shortened(name, LONGEST) for name in surrogate.names]
    classes = [shortened(surrogate.classes[number], LONGEST) for number in getattr(tree, "classes_", [])]
    shown = min(surrogate.depth, LEVELS)
    with in_style():
        axes = ax or Figure(figsize=_size(surrogate.leaves, shown), layout="constrained").subplots()
        if not hasattr(_figure(axes).canvas, "get_renderer"):
            FigureCanvasAgg(_figure(axes))  # plot_tree measures its boxes
        boxes = plot_tree(
            tree, max_depth=LEVELS, feature_names=names, class_names=classes or None, impurity=False, proportion=True,
            rounded=True, precision=3, fontsize=7, ax=axes,
        )  # fmt: skip
        for box, node in zip(
            (box for box in boxes if box.get_bbox_patch() is not None), _in_order(tree.tree_), strict=True
        ):
            text = box.get_text()
            if node is None or text.strip() in ("True", "False"):
                continue
            box.set_text("\n".join(map(plain_text, _readable(text))))
            ink, sure = _ink(surrogate, node)
            box.get_bbox_patch().set(facecolor=_paler(ink, 0.1 + 0.5 * sure), edgecolor=ink)
    return _figure(axes)


def _figure(axes: Axes) -> Figure:
    """Return the figure that axes stand in, also where that is a part of another."""
    return cast(Figure, axes.get_figure(root=True))


def _size(leaves: int, depth: int) -> tuple[float, float]:
    return min(14.0, 1.5 + 1.15 * min(leaves, 2**depth)), 1.0 + 0.95 * depth


def _in_order(tree: Any) -> list[int]:
    """Return the nodes in the order in which their boxes are drawn: a node, all left of it, all right of it."""
    order: list[int] = []

    def visit(node: int, depth: int) -> None:
        order.append(node)
        if depth < LEVELS + 1 and tree.children_left[node] >= 0:
            visit(tree.children_left[node], depth + 1)
            visit(tree.children_right[node], depth + 1)

    visit(0, 0)
    return order


def _ink(surrogate: SurrogateTree, node: int) -> tuple[ColorType, float]:
    """Return the color of a node's answer, and how sure the tree is of it, 0 to 1."""
    values = surrogate.tree.tree_.value[node, 0]
    if not surrogate.classes:
        every = surrogate.tree.tree_.value[:, 0, 0]
        return SEVERAL[0], float((values[0] - every.min()) / ((every.max() - every.min()) or 1))
    number, share = int(values.argmax()), float(values.max() / values.sum())
    return SEVERAL[number % len(SEVERAL)], (share - 1 / len(values)) / (1 - 1 / len(values)) if len(values) > 1 else 1.0


def _paler(ink: ColorType, share: float) -> tuple[float, float, float]:
    """Return a color mixed with white: one that were see-through would show the arrows."""
    red, green, blue = (1 - share * (1 - channel) for channel in to_rgb(ink))
    return red, green, blue


def _readable(text: str) -> list[str]:
    """Return the lines of a box in words: a class or value, its share of the rows, without the list of all shares."""
    lines = WORD.sub(r"\1 is not \2", text).replace("<=", "≤").split("\n")
    kept = [line for line in lines if not line.startswith("value = [")]
    return [line.replace("samples = ", "").replace("class = ", "").strip() for line in kept if line.strip()]
