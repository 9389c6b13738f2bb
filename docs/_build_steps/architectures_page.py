"""The page that says on which network of the tests which method gives a result: written from what the tests hold."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write"]

HEAD = """# Architectures and methods

Every method is tried on every network of `tests/zoo.py`: it keeps its promises there, or ends in an error that says
what it needs. The last column has words of that error.

"""


def write(here: Path) -> None:
    """Write architectures.md, unless it says the same already."""
    from tests.matrix import matrix

    page, text = here / "architectures.md", HEAD + matrix() + "\n"
    if not page.exists() or page.read_text() != text:
        page.write_text(text)
