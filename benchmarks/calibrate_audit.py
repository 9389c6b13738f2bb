"""How often an audit finds a planted fault, and accuses a matched control: `python -m benchmarks.calibrate_audit`.

Limits and checks were set on models of the seeds below 100,000 (`--half limits` makes such); what is reported is
counted on others (`--half scores`), each of which was made once. A run that was broken off goes on where it stopped:
every pair is a line in the file of records. The result becomes the package's `xai/auditing/power.json` and the tables
of docs/audit_power.md.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import torch

import xai
from benchmarks.output import say
from benchmarks.planted_faults import FAULTS, Pair, planted
from benchmarks.planted_worlds import KINDS
from xai.auditing.limits import LIMITS
from xai.auditing.power import power_rows
from xai.base.files import write_atomically
from xai.base.statistics import wilson
from xai.methods import MODEL_CHECKS

SEEDS = {"limits": 0, "scores": 200_000, "later": 400_000}  # later: once more, when checks had been added
SEED_STEP = 10_000  # the seeds of one fault from those of the next, so that no two controls are the same
MODELS = {"limits": 8, "scores": 20, "later": 5}
MOST_DRAWS = 50  # of seeds, until a plant takes
# Its findings only warn, so that no alarm can come from there, and it takes as long as all others together.
LEFT_OUT = ("explanations",)
ROOT = Path(__file__).parents[1]
PACKAGE, PAGE = ROOT / "xai" / "auditing" / "power.json", ROOT / "docs" / "audit_power.md"
COMMENTS = "<!-- made by benchmarks.calibrate_audit -->", "<!-- end -->"


def drawn_pairs(name: str, half: str, index: int) -> list[Pair]:
    """Return the pairs of one seed after another until one whose plant took, which is the last."""
    drawn: list[Pair] = []
    while not drawn or (not drawn[-1].confirmed and len(drawn) < MOST_DRAWS):
        drawn.append(planted(name, SEEDS[half] + SEED_STEP * list(FAULTS).index(name) + index + 100 * len(drawn)))
    return drawn


def record(name: str, index: int, drawn: list[Pair]) -> dict:
    """Return what the audits of the last pair found."""
    pair, started = drawn[-1], time.perf_counter()
    line = {"fault": name, "index": index, "kind": pair.kind, "seed": pair.seed, "effect": pair.effect,
            "confirmed": pair.confirmed, "refused": [item.effect for item in drawn[:-1]],
            "facts": pair.facts}  # fmt: skip
    if not pair.confirmed:
        return line
    # A check sees no other check's findings: those that have nothing to do with the fault need not be made.
    chapters = sorted({check.partition(".")[0] for check in FAULTS[name].checks})
    faulty = xai.audit(*pair.faulty, chapters)
    clean = xai.audit(*pair.clean, [check for check in MODEL_CHECKS if check not in LEFT_OUT])
    for role, result in (("faulty", faulty), ("clean", clean)):
        line[role] = {finding.check: [finding.status, finding.score, *finding.details.get("interval", [])]
                      for finding in result.findings}  # fmt: skip
    return {**line, "seconds": time.perf_counter() - started}


def failed(line: dict, role: str, checks: tuple[str, ...] | None = None, status: str = "fail") -> list[str]:
    """Return the findings of a record that have a status."""
    return [name for name, (found, *_) in line[role].items() if found == status and (checks is None or name in checks)]


def summary(lines: list[dict]) -> dict:
    """Return counts, shares and Wilson intervals by fault and over all."""
    faults = []
    for name, fault in FAULTS.items():
        pairs = [line for line in lines if line["fault"] == name and line["confirmed"]]
        found = [line for line in pairs if failed(line, "faulty", fault.checks)]
        warned = [line for line in pairs if line not in found and failed(line, "faulty", fault.checks, "warn")]
        alarmed = [line for line in pairs if failed(line, "clean")]
        kinds = {
            kind: [sum(line["kind"] == kind for line in part) for part in (found, pairs, alarmed)] for kind in KINDS
        }
        faults.append(
            {
                "fault": name, "strength": fault.strength, "effect": fault.measured, "least_effect": fault.least,
                "checks": list(fault.checks), "refused": sum(len(line["refused"]) for line in lines
                                                            if line["fault"] == name),
                **_share(len(found), len(pairs)), "warned": len(warned),
                "false_alarms": _share(len(alarmed), len(pairs)),
                "by_kind": {kind: {"found": hit, "models": all_, "alarms": alarms}
                            for kind, (hit, all_, alarms) in kinds.items() if all_},
            }
        )  # fmt: skip
    alarms = [name for line in lines if line["confirmed"] for name in failed(line, "clean")]
    total, hits = (sum(fault[name] for fault in faults) for name in ("models", "found"))
    alarmed = sum(fault["false_alarms"]["found"] for fault in faults)
    return {
        "command": "python -m benchmarks.calibrate_audit", "first_seed": SEEDS["scores"],
        "versions": {name: version(name) for name in ("torch", "scikit-learn", "numpy")},
        "limits": {name: list(limit) for name, limit in LIMITS.items()}, "faults": faults,
        "all": {**_share(hits, total), "false_alarms": _share(alarmed, total)},
        "alarms_by_finding": {name: alarms.count(name) for name in sorted(set(alarms))},
    }  # fmt: skip


def _share(found: int, models: int) -> dict[str, float | int]:
    low, high = wilson(found, models) if models else (0.0, 1.0)
    return {"found": found, "models": models, "share": found / models if models else 0.0, "low": low, "high": high}


def tables(made: dict) -> str:
    """Return the tables of the page, in Markdown."""
    head = "| fault | planted | found | recall | alarms on matched controls | false alarms |\n|---|---|---|---|---|---|"
    lines = [
        f"| {row['fault']} | {row['planted']} | {row['found']} | {row['recall']} | {row['alarms']} | "
        f"{row['false alarms']} |"
        for row in power_rows(made)
    ]
    kinds = [f"| fault | {' | '.join(KINDS)} | only a warning | plants that did not take |", f"|---|{'---|' * 6}"]
    for fault in made["faults"]:
        cells = [_cell(fault["by_kind"].get(kind)) for kind in KINDS]
        kinds.append(f"| {fault['fault']} | {' | '.join(cells)} | {fault['warned']} | {fault['refused']} |")
    alarms = [f"`{name}` {count}" for name, count in made["alarms_by_finding"].items()]
    alarmed = f"Findings that failed on matched controls: {', '.join(alarms) or 'none'}."
    return "\n".join([head, *lines, "", "By kind of data, found of planted:", "", *kinds, "", alarmed])


def _cell(found: dict | None) -> str:
    return "–" if found is None else f"{found['found']} of {found['models']}"


def write(made: dict) -> None:
    """Write the package's file, and the tables of the page between their comments."""
    write_atomically(PACKAGE, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    before, rest = PAGE.read_text("utf-8").split(COMMENTS[0])
    _, after = rest.split(COMMENTS[1])
    write_atomically(PAGE, f"{before}{COMMENTS[0]}\n\n{tables(made)}\n\n{COMMENTS[1]}{after}")


def main() -> None:
    """Make what is missing, count, print, and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=sorted(SEEDS), default="scores")
    parser.add_argument("--faults", nargs="+", choices=sorted(FAULTS), default=list(FAULTS))
    parser.add_argument("--models", type=int, default=None)
    parser.add_argument("--records", type=Path, default=None, help="default: build/audit_HALF.jsonl")
    parser.add_argument(
        "--part", type=int, nargs=2, default=(0, 1), metavar=("NUMBER", "OF"), help="of several processes"
    )
    parser.add_argument("--again", action="store_true", help="only compare the records with what is found today")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="Lazy modules")
    path = chosen.records or ROOT / "build" / f"audit_{chosen.half}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    count = chosen.models or MODELS[chosen.half]
    if chosen.again:
        lines = [line for line in _records(path) if line["index"] < count]
        say(f"{len(lines) - len(changed(lines))} of {len(lines)} pairs are found to the last digit as they were scored")
        return
    done = {(line["fault"], line["index"]) for line in _records(path)}
    for index in range(chosen.part[0], count, chosen.part[1]):
        for name in chosen.faults:
            if (name, index) in done:
                continue
            line = record(name, index, drawn_pairs(name, chosen.half, index))
            with path.open("a") as file:
                file.write(json.dumps(line) + "\n")
            say(_report(line))
    lines = [line for line in _records(path) if line["index"] < count and line["fault"] in chosen.faults]
    made = summary(lines)
    say("\n" + tables(made))
    if chosen.half == "scores" and len(lines) == count * len(FAULTS):
        write(made)


def changed(lines: list[dict]) -> list[dict]:
    """Return the records whose audits find something else today than when they were scored."""
    found = []
    for line in (line for line in lines if line["confirmed"]):
        new = record(line["fault"], line["index"], [planted(line["fault"], line["seed"])])
        if any(json.loads(json.dumps(new[role])) != line[role] for role in ("faulty", "clean")):
            found.append(line)
    return found


def _records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def _report(line: dict) -> str:
    name = f"{line['fault']} {line['index']} ({line['kind']}, seed {line['seed']})"
    if not line["confirmed"]:
        return f"{name}: the plant took with none of {1 + len(line['refused'])} seeds"
    found, alarms = failed(line, "faulty", FAULTS[line["fault"]].checks), failed(line, "clean")
    return f"{name}: found by {', '.join(found) or 'NOTHING'}; matched control: {', '.join(alarms) or 'nothing fails'}"


if __name__ == "__main__":
    main()
