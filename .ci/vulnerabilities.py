"""Known vulnerabilities of what the package needs to run, by the public database of OSV.

`.venv/bin/python .ci/vulnerabilities.py` asks for the installed versions of the runtime dependencies and of what those
need. It exits with 1 for a vulnerability that `.ci/accepted.toml` does not name with a reason, and with 0, saying so,
where the database cannot be reached.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

OURS = "xai-toolkit"
ACCEPTED = Path(__file__).with_name("accepted.toml")
DATABASE = "https://api.osv.dev/v1/querybatch"
SECONDS, MOST = 20.0, 60.0  # of each step of the connection, and of everything


def needed(package: str = OURS) -> dict[str, str]:
    """Return the installed versions of what a package needs to run, and of what that needs in turn."""
    found: dict[str, str] = {}
    waiting = [package]
    while waiting:
        for line in requires(waiting.pop()) or ():
            wanted = Requirement(line)
            name = wanted.name.lower().replace("_", "-")
            if name in found or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
                continue
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
            waiting.append(name)
    return found


def ask(versions: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the vulnerabilities of each package by their identifiers; raises OSError where nobody answers."""
    # A local version ("2.13.0+cpu") is the same release to the database.
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": number.partition("+")[0]}
        for name, number in versions.items()
    ]
    request = urllib.request.Request(
        DATABASE, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        results = json.load(answer)["results"]
    pairs = zip(versions, results, strict=True)
    return {name: [item["id"] for item in result.get("vulns", ())] for name, result in pairs if result.get("vulns")}


def in_time(asked: Callable[[Mapping[str, str]], Any], versions: Mapping[str, str], seconds: float = MOST) -> Any:
    """Return what is answered, or raise TimeoutError: looking up the address has no limit of its own."""
    answers: queue.Queue[tuple[Any, Exception | None]] = queue.Queue()

    def ask_aside() -> None:
        try:
            answers.put((asked(versions), None))
        except Exception as error:
            answers.put((None, error))

    threading.Thread(target=ask_aside, daemon=True).start()  # the process ends without it
    try:
        found, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer in {seconds:g} s") from None
    if error is not None:
        raise error
    return found


def accepted(path: Path = ACCEPTED) -> dict[str, str]:
    """Return the reasons of vulnerabilities that are accepted, by identifier; raises ValueError for one without."""
    entries = tomllib.loads(path.read_text()).get("accepted", {})
    for name, reason in entries.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"{path.name}: {name}: expected a reason")
    return entries


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(text + "\n")


def main(
    asked: Callable[[Mapping[str, str]], Mapping[str, Sequence[str]]] = ask, versions: Mapping[str, str] | None = None
) -> int:
    """Print what is known, and return 1 where it is not accepted."""
    versions = needed() if versions is None else versions
    try:
        found: Mapping[str, Sequence[str]] = in_time(asked, versions)
    except (OSError, ValueError, KeyError) as error:
        say(f"vulnerabilities: not asked, since {DATABASE} does not answer here ({error})")
        return 0
    reasons, wrong = accepted(), 0
    for name, identifiers in found.items():
        for identifier in identifiers:
            known = reasons.get(identifier)
            wrong += known is None
            say(f"{name} {versions[name]}: {identifier}: {'not accepted' if known is None else f'accepted: {known}'}")
    say(f"vulnerabilities: {len(versions)} packages asked, {wrong} not accepted")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
