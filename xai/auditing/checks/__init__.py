"""The checks of an audit, one per file."""

from xai.base.specs import ModelCheck

CHECKS = (
    ModelCheck(
        name="performance",
        function="xai.auditing.checks.performance:performance",
        title="Performance",
        question="Has it learned the task, and as well on rows that it had not seen?",
        passes=1,
    ),
    ModelCheck(
        name="complexity",
        function="xai.auditing.checks.complexity:complexity",
        title="Complexity",
        question="What does it gain over a model that a person can read?",
        stage="intrinsic",
    ),
    ModelCheck(
        name="calibration",
        function="xai.auditing.checks.calibration:calibration",
        title="Calibration",
        question="Where it says 80 %, is it right in 80 of 100 cases?",
    ),
    ModelCheck(
        name="bias",
        function="xai.auditing.checks.bias:bias",
        title="Bias",
        question="Does it treat people differently by who they are, and where does it err most?",
    ),
    ModelCheck(
        name="shortcuts",
        function="xai.auditing.checks.shortcuts:shortcuts",
        title="Shortcuts",
        question="Does something decide that should not: a mark, a border, one column?",
        passes=150,
    ),
    ModelCheck(
        name="robustness",
        function="xai.auditing.checks.robustness:robustness",
        title="Robustness",
        question="Does it stand small changes of the inputs, and do its reasons?",
        passes=60,
    ),
    ModelCheck(
        name="explanations",
        function="xai.auditing.checks.explanations:explanations",
        title="Explanations",
        question="Can its answers be explained, or do the checks refute the explanations?",
        explained=12,
        verified=True,
    ),
    ModelCheck(
        name="inside",
        function="xai.auditing.checks.inside:inside",
        title="Inside",
        question="Do its units, weights and gradients work, and what could be left out?",
        passes=22,
    ),
    ModelCheck(
        name="data",
        function="xai.auditing.checks.data_quality:dataset",
        title="Data",
        question="Are the rows apart from each other, rightly labelled, and like those it learned from?",
    ),
    ModelCheck(
        name="counterfactuals",
        function="xai.auditing.checks.counterfactual_rows:counterfactual_rows",
        title="Counterfactuals",
        question="What would have to be otherwise for another answer?",
        asked=True,
    ),
)
