"""Which method to trust, as HTML: what the checks found of each on one line, the one to trust first at the top."""

from __future__ import annotations

from markupsafe import Markup

from xai.evidence.verdict import VERDICTS
from xai.reports.escape import MARKS, render
from xai.reports.language import translated
from xai.reports.method_trust import COLORS
from xai.reports.sentences import sentences_of
from xai.results.finding import Status
from xai.results.method_ranking import MethodRanking, RankedMethod

__all__ = ["ranking_body"]


def ranking_body(result: MethodRanking) -> Markup:
    """Return the sentence that recommends a method, a line for each that was tried, and why others were not."""
    frame = result.to_frame()
    tried = [item for item in result.methods if not item.failed]
    return render(
        "ranking.html", result=result,
        lines=[_line(item) for item in tried],
        remarks=[(_title(item), _counted(item.remarks)) for item in tried if item.remarks],
        failed=[(_title(item), item.failed) for item in result.methods if item.failed],
        columns=list(frame.columns), rows=frame.to_dict("records"), total=len(frame),
    )  # fmt: skip


def _line(item: RankedMethod) -> dict[str, object]:
    pooled = item.pooled
    counts = [(word, COLORS[word], item.verdicts.get(word, 0)) for word in VERDICTS]
    details = {} if pooled is None else pooled.details
    return {
        "title": _title(item),
        "word": None if pooled is None else _word(pooled.status),
        "score": None if pooled is None else pooled.score,
        "low": details.get("low"),
        "high": details.get("high"),
        "counts": counts,
        "supported": item.verdicts.get(WORDS["pass"], 0),
        "total": sum(count for _, _, count in counts),
        "passes": item.passes,
    }


WORDS = {color: word for word, color in COLORS.items()}


def _word(status: Status) -> dict[str, str]:
    return {"word": WORDS[status], "status": status, "mark": MARKS[status]}


def _title(item: RankedMethod) -> str:
    return sentences_of(item.method).title


def _counted(remarks: dict[str, int]) -> str:
    return ", ".join(f"{translated(name)} ({count})" for name, count in remarks.items())
