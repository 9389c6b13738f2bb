"""Which figure each type of result is drawn as: what `.plot()` looks up."""

from __future__ import annotations

from xai.plots.explanations import explanation_figure
from xai.plots.factors import factors_figure
from xai.plots.global_explanations import (
    concepts_figure,
    effects_figure,
    examples_figure,
    importance_figure,
    neighbors_figure,
)
from xai.plots.pairs import influence_figure, interactions_figure
from xai.plots.sequences import alignment_figure, gates_figure
from xai.plots.tree import tree_figure
from xai.plots.visualizations import visualization_figure
from xai.results.display import FIGURES, ON_AXES
from xai.results.explanation import Explanation
from xai.results.global_results import Concepts, Effects, Examples, Importance, Neighbors, SurrogateTree
from xai.results.layer_factors import LayerFactors
from xai.results.pair_results import Influence, Interactions
from xai.results.prompt_result import PromptAttribution
from xai.results.sequence_results import Alignment, Gates
from xai.results.visualization import Visualization

__all__ = ["FIGURES", "ON_AXES"]

FIGURES |= {
    Alignment: alignment_figure,
    Concepts: concepts_figure,
    Effects: effects_figure,
    Examples: examples_figure,
    Explanation: explanation_figure,
    Gates: gates_figure,
    Importance: importance_figure,
    Influence: influence_figure,
    Interactions: interactions_figure,
    LayerFactors: factors_figure,
    Neighbors: neighbors_figure,
    PromptAttribution: alignment_figure,
    SurrogateTree: tree_figure,
    Visualization: visualization_figure,
}

# Those that are one drawing, for which `plot(ax=...)` takes the caller's axes.
ON_AXES |= {
    Explanation: explanation_figure,
    Importance: importance_figure,
    Influence: influence_figure,
    Interactions: interactions_figure,
    Neighbors: neighbors_figure,
    SurrogateTree: tree_figure,
}
