"""Two versions of a model on the same rows: what changed between them, beyond the effect of another seed."""

from xai.base.specs import ModelCheck

CHECKS = (
    ModelCheck(
        name="predictions",
        function="xai.auditing.compare.predictions:predictions",
        title="Predictions",
        question="Does B answer as A does, and where does it not?",
        passes=1,
    ),
    ModelCheck(
        name="errors",
        function="xai.auditing.compare.error_rates:errors",
        title="Errors",
        question="Does B err more than A: in all, in a group, in a slice of the data?",
    ),
    ModelCheck(
        name="confidence",
        function="xai.auditing.compare.confidence:confidence",
        title="Confidence",
        question="Is B as right as it says, as A was?",
    ),
    ModelCheck(
        name="explanations",
        function="xai.auditing.compare.reasons:explanations",
        title="Explanations",
        question="Does B answer for A's reasons?",
        explained=24,
    ),
)
