"""Which section of a report each type of result becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from markupsafe import Markup

from xai.reports.bodies import explanation_body, findings_body, visualization_body
from xai.reports.bodies_of_results import (
    alignment_body,
    concepts_body,
    effects_body,
    examples_body,
    factors_body,
    gates_body,
    importance_body,
    influence_body,
    interactions_body,
    neighbors_body,
    prompt_body,
    tree_body,
)
from xai.reports.ranking_body import ranking_body
from xai.results.explanation import Explanation
from xai.results.finding import Finding
from xai.results.global_results import Concepts, Effects, Examples, Importance, Neighbors, SurrogateTree
from xai.results.layer_factors import LayerFactors
from xai.results.method_ranking import MethodRanking
from xai.results.pair_results import Influence, Interactions
from xai.results.prompt_result import PromptAttribution
from xai.results.sequence_results import Alignment, Gates
from xai.results.visualization import Visualization

__all__ = ["SECTIONS", "SectionOf"]


class SectionOf(NamedTuple):
    """id: what its link begins with. body: its HTML. heading: its title, where `title` does not make one."""

    id: str
    heading: str
    body: Callable[..., Markup]
    title: Callable[..., str] | None = None


SECTIONS: dict[type, SectionOf] = {
    Explanation: SectionOf(
        "explanation", "Explanation", explanation_body, lambda item: f"{item.method}: {item.target_name()}"
    ),
    Visualization: SectionOf("visualization", "Visualization", visualization_body),
    Finding: SectionOf("findings", "Findings", lambda item: findings_body([item])),
    Alignment: SectionOf("result", "Alignment", alignment_body),
    Concepts: SectionOf("result", "Concepts", concepts_body),
    Effects: SectionOf("result", "Effects of columns", effects_body),
    Examples: SectionOf("result", "What excites its units", examples_body),
    Gates: SectionOf("result", "Gates", gates_body),
    Importance: SectionOf("result", "Permutation importance", importance_body),
    Influence: SectionOf("result", "Which training rows taught it", influence_body),
    Interactions: SectionOf("result", "What parts do together", interactions_body),
    LayerFactors: SectionOf("result", "Factors of a layer", factors_body),
    MethodRanking: SectionOf("result", "Which method to trust", ranking_body),
    Neighbors: SectionOf("result", "Nearest training examples", neighbors_body),
    PromptAttribution: SectionOf("result", "What it writes rests on", prompt_body),
    SurrogateTree: SectionOf("result", "A tree that imitates the model", tree_body),
}
