"""What the evidence on an image amounts to, and the stimuli that excite the unit more."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from xai.results.finding import Finding

__all__ = ["compare_with_stimuli", "headline"]

HALF = 0.5
TIE = 1e-6


def compare_with_stimuli(name: str, base: float, reached: float, stimuli: Sequence[str], answers: Tensor) -> Finding:
    """Return a finding on whether a plain stimulus excites the unit more than the image made for it.

    Args:
        name: of the unit.
        base: what the unit does on ordinary real images, their median.
        reached: the unit on the image.
        stimuli: names of the stimuli.
        answers: of the unit to them, (m,).
    """
    best = int(answers.argmax())
    most = float(answers[best])
    details = {"reached": reached, "strongest": stimuli[best], "number": best, "strongest_reached": most}
    control = f"{len(stimuli)} fields, checkerboards, gratings, noises and crops reach up to {most:.3g}"
    if most <= reached + TIE * abs(most):
        strongest = f"the strongest, a {stimuli[best]}: {most:.3g}, it {reached:.3g}"
        text = f"None of {len(stimuli)} plain stimuli excites {name} more ({strongest})."
        return Finding("stronger_stimuli", "pass", 1.0, 1.0, control, text, details)
    share = max(0.0, reached - base) / (most - base) if most > base else 0.0
    status = "warn" if share >= HALF else "fail"
    text = f"A {stimuli[best]} excites {name} more: {most:.3g}, it {reached:.3g}."
    return Finding("stronger_stimuli", status, share, 1.0, control, text, details)


def headline(findings: Sequence[Finding], reason: str | None = None) -> Finding:
    """Return whether an image shows what its unit answers to.

    pass: it predicts the unit's answers to real images, on the path of those that excite it, keeps under held-out
    changes, and no plain stimulus excites the unit twice as much. reason: why nothing could be tested.
    """
    by_name = {item.check: item for item in findings}
    failed = [item.check for item in findings if item.status == "fail"]
    details = {item.check: item.status for item in findings}
    control = "the same on units with shuffled weights"
    if failed:
        words = ", ".join(name.replace("_", " ") for name in failed)
        return Finding(
            "shows_unit", "fail", None, None, control, f"It does not show what the unit answers to: {words}.", details
        )
    if (
        not findings
        or by_name["predictive"].status == "untestable"
        or by_name["held_out_changes"].status == "untestable"
    ):
        why = reason or "; ".join(
            item.text.removeprefix("Untestable: ").rstrip(".") for item in findings if item.status == "untestable"
        )
        return Finding("shows_unit", "untestable", None, None, control, f"Untestable: {why}.", details)
    beyond = by_name["stronger_stimuli"]
    remark = "" if beyond.status == "pass" else f" {beyond.text}"
    text = f"It shows what the unit answers to: real images that are like it excite the unit.{remark}"
    return Finding("shows_unit", "pass", None, None, control, text, details)
