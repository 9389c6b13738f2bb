"""How often an audit finds the further kinds of fault: `python -m benchmarks.calibrate_kinds --minutes 60`.

Checks and limits were set with `--half limits` alone, on seeds below 100,000; what is reported is scored once, on
seeds from 600,000 on. All kinds take turns, so that a run that stops at its time has as many models of each, and goes
on where it stopped. Of a model with a fault, the chapters are audited that belong to it; of its matched control all but
the one on explanations, whose findings only warn: a false alarm is any finding that fails there. The counts become
`xai/auditing/power_kinds.json` and a table of docs/audit_power.md.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import torch

import xai
from benchmarks.left_out import limits_without, outcome
from benchmarks.output import say
from benchmarks.planted_faults import FAULTS
from benchmarks.planted_kinds import MORE, planted_kind
from xai.auditing.limits import LIMITS
from xai.base.files import write_atomically
from xai.base.statistics import wilson
from xai.methods import MODEL_CHECKS

# Seeds from 500,000 were a first round, after which two limits and two checks were mended: see the page.
SEEDS = {"limits": 500, "scores": 600_000}
SEED_STEP, MOST_DRAWS = 1000, 15
LEFT_OUT = ("explanations",)
ROOT = Path(__file__).parents[1]
PACKAGE, PAGE = ROOT / "xai" / "auditing" / "power_kinds.json", ROOT / "docs" / "audit_power.md"
COMMENTS = "<!-- made by benchmarks.calibrate_kinds -->", "<!-- end of kinds -->"


def record(name: str, index: int, first: int) -> dict:
    """Return what the audits of one pair find; seeds are drawn until a plant takes."""
    kind, refused = MORE[name], []
    for draw in range(MOST_DRAWS):
        seed = first + SEED_STEP * list(MORE).index(name) + index + 50 * draw
        pair = planted_kind(name, seed)
        if pair.effect >= kind.least:
            break
        refused.append(pair.effect)
    line = {"fault": name, "index": index, "seed": seed, "kind": pair.kind, "effect": pair.effect,
            "refused": refused, "confirmed": pair.effect >= kind.least}  # fmt: skip
    if line["confirmed"]:
        chapters = sorted({check.partition(".")[0] for check in kind.checks})
        whole = [check.name for check in MODEL_CHECKS.values() if not check.asked and check.name not in LEFT_OUT]
        for role, chosen in (("faulty", chapters), ("clean", whole)):
            found = xai.audit(*getattr(pair, role), chosen).findings
            line[role] = {item.check: [item.status, item.score, *item.details.get("interval", [])] for item in found}
    return line


def summary(lines: list[dict], calibrating: list[dict]) -> dict:
    """Return counts, shares and Wilson intervals by kind and over all, also under limits that the other kinds set."""
    kinds, checks = [], {name: kind.checks for name, kind in {**MORE, **FAULTS}.items()}
    for name, kind in MORE.items():
        pairs = [line for line in lines if line["fault"] == name and line["confirmed"]]
        if not pairs:
            continue
        found = [line for line in pairs if any(line["faulty"].get(check, [""])[0] == "fail" for check in kind.checks)]
        alarms = [line for line in pairs if any(status == "fail" for status, *_ in line["clean"].values())]
        refused = sum(len(line["refused"]) for line in lines if line["fault"] == name)
        limits = limits_without(calibrating, checks, name)
        left_out = [outcome(line, kind.checks, limits) for line in pairs]
        kinds.append({
            "fault": name, "strength": kind.strength, "least_effect": kind.least, "checks": list(kind.checks),
            "refused": refused, **_share(len(found), len(pairs)), "false_alarms": _share(len(alarms), len(pairs)),
            "left_out": {"limits": limits, "found": sum(hit for hit, _ in left_out),
                         "alarms": sum(alarm for _, alarm in left_out)} if limits else None,
        })  # fmt: skip
    failed = [check for line in lines if line["confirmed"] for check, (status, *_) in line["clean"].items()
              if status == "fail"]  # fmt: skip
    total, hits = (sum(kind[count] for kind in kinds) for count in ("models", "found"))
    alarmed = sum(kind["false_alarms"]["found"] for kind in kinds)
    return {
        "command": "python -m benchmarks.calibrate_kinds", "first_seed": SEEDS["scores"],
        "limits": {check: list(LIMITS[check]) for kind in MORE.values() for check in kind.checks if check in LIMITS},
        "faults": kinds, "all": {**_share(hits, total), "false_alarms": _share(alarmed, total)},
        "alarms_by_finding": {check: failed.count(check) for check in sorted(set(failed))},
    }  # fmt: skip


def _share(found: int, models: int) -> dict[str, float | int]:
    low, high = wilson(found, models)
    return {"found": found, "models": models, "share": found / models, "low": low, "high": high}


def table(made: dict) -> str:
    """Return the table of the page, in Markdown."""
    lines = [
        "| fault | planted | found | recall | limits of the other kinds | alarms on matched controls "
        "| plants that did not take |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in [*made["faults"], {"fault": "all", "strength": "", "refused": "", "left_out": "", **made["all"]}]:
        alarms, left_out = kind["false_alarms"], kind["left_out"]
        if isinstance(left_out, dict):
            left_out = f"{left_out['found']} of {kind['models']}, alarms {left_out['alarms']}"
        lines.append(
            f"| {kind['fault']} | {kind['strength']} | {kind['found']} of {kind['models']} | {_percent(kind)} | "
            f"{'serves no other' if left_out is None else left_out} | {alarms['found']} of {alarms['models']} | "
            f"{kind['refused']} |"
        )
    alarms = ", ".join(f"`{name}` {count}" for name, count in made["alarms_by_finding"].items())
    shares = sorted((kind["share"], kind["fault"]) for kind in made["faults"])
    (low, worst), (high, best) = shares[0], shares[-1]
    over = f"By kind, recall goes from {100 * low:.0f} % ({worst}) to {100 * high:.0f} % ({best})."
    return "\n".join([*lines, "", over, "", f"Findings that failed on matched controls: {alarms or 'none'}."])


def _percent(share: dict) -> str:
    return f"{100 * share['share']:.0f} % ({100 * share['low']:.0f} to {100 * share['high']:.0f})"


def _records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def main() -> None:
    """Make pairs until the time is over, count, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--half", choices=sorted(SEEDS), default="scores")
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--records", type=Path, default=None, help="default: build/kinds_HALF.jsonl")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="Lazy modules")
    path = chosen.records or ROOT / "build" / f"kinds_{chosen.half}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = _records(path)
    done, started = {(line["fault"], line["index"]) for line in lines}, time.monotonic()
    for index in range(chosen.models):
        for name in MORE:
            if time.monotonic() - started > 60 * chosen.minutes:
                break
            if (name, index) not in done:
                lines.append(record(name, index, SEEDS[chosen.half]))
                with path.open("a") as file:
                    file.write(json.dumps(lines[-1]) + "\n")
    calibrating = _records(path.with_name("kinds_limits.jsonl")) + _records(path.with_name("audit_limits.jsonl"))
    made = summary(lines, calibrating)
    say(table(made))
    if chosen.half == "scores":
        write_atomically(PACKAGE, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
        before, rest = PAGE.read_text("utf-8").split(COMMENTS[0])
        after = rest.split(COMMENTS[1])[1]
        write_atomically(PAGE, f"{before}{COMMENTS[0]}\n\n{table(made)}\n\n{COMMENTS[1]}{after}")


if __name__ == "__main__":
    main()
