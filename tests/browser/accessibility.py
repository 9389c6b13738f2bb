"""What axe-core finds on a page: the rules of WCAG 2.2 A and AA, and best practices."""

from __future__ import annotations

from pathlib import Path

__all__ = ["violations"]

RUN = "() => axe.run(document, {resultTypes: ['violations']}).then(found => found.violations)"


def violations(page) -> list[str]:
    """Return one line per element that violates a rule: the rule, the element, and why."""
    import axe_playwright_python

    script = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
    page.evaluate(script)  # not as a script element, which the report's policy refuses
    return [
        f"{rule['id']}: {node['html'][:120]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for rule in page.evaluate(RUN)
        for node in rule["nodes"]
    ]
