"""Text in which every character can be seen, for pages, pictures and terminals."""

from __future__ import annotations

__all__ = ["printable_text"]


def printable_text(text: object) -> str:
    """Return a text in which every character can be seen, and line breaks stay.

    Joiners hold emoji and scripts together; other characters without a shape would vanish, upset HTML,
    or be obeyed by a terminal.

    >>> printable_text("a\\x1b[31mb")
    'a\N{REPLACEMENT CHARACTER}[31mb'
    """
    return "".join(
        character if character.isprintable() or character in "\n\t\u200c\u200d" else "\N{REPLACEMENT CHARACTER}"
        for character in str(text)
    )
