"""What the diagnostics of an explanation have to say to a reader, as short notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xai.plots.style import shortened
from xai.results.explanation import Explanation

__all__ = ["notes_on_map", "notes_on_row"]

RANKING = {"stable": "stable", "cap": "still open", "fixed": "not waited for", "None": "unknown"}
STOPPED = {"stable": "the ranking is stable", "cap": "the ranking was still open"}
Note = Callable[[Explanation, dict], Iterator[str]]


def notes_on_map(explanation: Explanation) -> list[str]:
    """Return the notes for the first row where it is a map; its caption is narrow."""
    return _notes(explanation, ON_MAP)


def notes_on_row(explanation: Explanation) -> list[str]:
    """Return the notes for the first row of a table, text or series."""
    return _notes(explanation, ON_ROW)


def _notes(explanation: Explanation, wanted: tuple[Note, ...]) -> list[str]:
    diagnosis = explanation.diagnostics[0]
    return [text for note in wanted for text in note(explanation, diagnosis)]


def _coalitions(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if "enumerated" in diagnosis:
        part = "segments" if explanation.over == "segments" else "parts"
        drawn = f"every coalition of {part}" if diagnosis["enumerated"] else f"coalitions of {part}, drawn in pairs"
        yield f"{diagnosis['samples']:,} evaluations, {drawn}"


def _fit(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if "r2" in diagnosis:
        r2 = diagnosis["r2"]
        yield "R² undefined: the answers never vary" if r2 is None else f"R² {r2:.2f}"


def _samples_in_brief(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if "r2" in diagnosis:
        yield f"{diagnosis.get('samples', 0):,} samples, ranking {RANKING[str(diagnosis.get('stopped'))]}"


def _samples(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if "r2" not in diagnosis:
        return
    if diagnosis.get("fidelity") is not None:
        yield f"{diagnosis['fidelity']:.2f} on samples it had not seen"
    yield f"{diagnosis.get('samples', 0):,} samples: {STOPPED.get(str(diagnosis.get('stopped')), 'as asked for')}"
    if diagnosis.get("undecided"):
        yield "not told apart: {} and {}".format(*map(shortened, diagnosis["undecided"]))
    if diagnosis.get("untestable"):
        yield f"never varied: {', '.join(map(shortened, diagnosis['untestable']))}"


def _sum(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if "completeness_error" in diagnosis:
        warning = ": do not read it as a sum" if diagnosis.get("incomplete") else ""
        yield f"misses its sum by {100 * diagnosis['completeness_error']:.2g} %{warning}"


def _absorbed(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if diagnosis.get("score") and "absorbed_by_biases" in diagnosis:
        kept = sum(diagnosis[f"absorbed_{where}"] for where in ("by_biases", "by_epsilon", "elsewhere"))
        yield f"{100 * (1 - kept / diagnosis['score']):.0f} % of the score reaches the pixels"


def _baseline(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if explanation.baseline is not None and "samples" not in diagnosis:
        yield f"compared with the baseline {explanation.baseline}"


def _warnings(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    yield from (text for name, text in WARNINGS.items() if diagnosis.get(name))


def _steps(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if diagnosis.get("output_step"):
        step = f"{diagnosis['output_step']:.2g}"
        yield f"the network answers in half precision, in steps of about {step}: differences of few steps are rounding"


def _saturated(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    if diagnosis.get("saturated"):
        yield "the prediction is nearly certain, where gradients fade"


def _grid(explanation: Explanation, diagnosis: dict) -> Iterator[str]:
    grid = explanation.options.get("run", {}).get("grid")
    if grid is not None:
        yield "grid {} × {} of {}".format(*grid, explanation.options["layer"])


WARNINGS = {
    "zero_map": "every value is 0",
    "non_deterministic": "the network gave two answers to the same input",
    "rows_see_each_other": "rows of one batch change each other's outputs: each was run by itself",
    "padding_left_out": "the network reads the padding behind shorter texts: each was run in its own length",
}
ON_MAP: tuple[Note, ...] = (_coalitions, _fit, _samples_in_brief, _sum, _absorbed, _steps, _warnings, _grid)
ON_ROW: tuple[Note, ...] = (_coalitions, _fit, _samples, _sum, _baseline, _saturated, _steps, _warnings)
