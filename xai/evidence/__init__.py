"""Checks on an explanation, one per file; `verify` runs them and returns a copy that carries what they found."""

from xai.base.specs import Check

CHECKS = (
    Check(
        function="xai.evidence.faithfulness:faithfulness",
        access="agnostic",
        passes=240,
        repeats=1,
        contradicts=True,
        question="Does what the map claims of parts of the input foresee what hiding them does to the output?",
    ),
    Check(
        function="xai.evidence.deletion:deletion",
        access="agnostic",
        passes=221,
        repeats=0,
        contradicts=True,
        question="Does removing what the map marks change the output more than removing the same shape elsewhere?",
    ),
    Check(
        function="xai.evidence.insertion:insertion",
        access="agnostic",
        passes=221,
        repeats=0,
        contradicts=True,
        question="Does showing only what the map marks restore the output more than showing the same shape elsewhere?",
    ),
    Check(
        function="xai.evidence.randomization:randomization",
        access="specific",
        passes=0,
        repeats=6,
        contradicts=True,
        question="Does the map change when the weights are replaced by random ones?",
    ),
    Check(
        function="xai.evidence.cascade:cascade",
        access="specific",
        passes=0,
        repeats=6,
        contradicts=False,
        question="Does the map change as layers lose what they learned, one after another from the output on?",
    ),
    Check(
        function="xai.evidence.stability:stability",
        access="agnostic",
        passes=5,
        repeats=5,
        contradicts=False,
        question="Does the map stay the same under noise that does not change the prediction?",
    ),
    Check(
        function="xai.evidence.completeness:completeness",
        access="agnostic",
        passes=0,
        repeats=0,
        contradicts=False,
        question="Do the values add up to the change of the output, where the method promises it?",
    ),
    Check(
        function="xai.evidence.agreement:agreement",
        access="agnostic",
        passes=248,
        repeats=0,
        contradicts=False,
        question="Do other methods mark the same places, more than they would mark moved ones?",
    ),
)
