"""Figures as inline SVG: no style attributes, text as text, the page's own ink, and ids that are unique."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text

from xai.plots.style import in_style

__all__ = ["inline_svg", "with_unique_ids"]

FIRST_STAND_IN, STAND_INS = 0x2801, 255  # patterns of Braille, which matplotlib's own font has
SVG = "http://www.w3.org/2000/svg"
DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
PREFIX = re.compile(r' id="([0-9a-f]{10})-')  # of the ids of one drawing
INK = "currentColor"  # the page's own color of text
LINK = "{http://www.w3.org/1999/xlink}href"
NO_TURN = re.compile(r"rotate\(-?0( [-\d.]+ [-\d.]+)?\)")
NUMBER = re.compile(r"-?\d+\.\d{3,}")
DRAWN = (
    "d",
    "transform",
    "x",
    "y",
    "width",
    "height",
    "points",
)  # attributes of many numbers; hundredths of a point are not seen


def _pixels(font: str) -> str:
    """Return the size in the short form of a font, as in "12px sans-serif"."""
    found = re.search(r"([\d.]+)px", font)
    if found is None:
        raise ValueError(f"a font without a size: {font}")
    return found[1]


def inline_svg(figure: Figure, label: str) -> Markup:
    """Return a figure as SVG to stand inside HTML: no style attributes (a strict policy forbids them), text as text.

    Black becomes the page's own text color. `label` is read out in place of the picture.
    """
    buffer = io.StringIO()
    with in_style({"svg.hashsalt": label}):
        put_back, letters = _stand_in(figure)
        try:
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        finally:
            put_back()
    buffer = io.StringIO(buffer.getvalue().translate(letters))
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")  # HTML knows no other prefix: no markers
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}style", f"{{{SVG}}}metadata"):
                parent.remove(child)
    for element in root.iter():
        element.tail = (element.tail or "").strip() or None
        if element.tag != f"{{{SVG}}}text":
            element.text = (element.text or "").strip() or None
        for name in element.attrib.keys() & set(DRAWN):
            element.set(name, _shorter(element.attrib[name]))
        for name, value in _declarations(element.attrib.pop("style", "")):
            if name == "font":
                element.set("font-size", _pixels(value))
            else:
                element.set(name, INK if value in ("#000000", "black") else value)
    _own_ids(root, hashlib.sha256((label + buffer.getvalue()).encode()).hexdigest()[:10])
    _leave_out_what_is_not_seen(root)
    root.set("role", "img")
    root.set("aria-label", label)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _leave_out_what_is_not_seen(root: ElementTree.Element) -> None:
    """Take away what changes no pixel: empty shapes and groups, turns by nothing, and what is said again and again."""
    root.set("fill", INK)
    texts = list(root.iter(f"{{{SVG}}}text"))
    for name in ("font-family", "font-size"):
        said = Counter(value for text in texts if (value := text.get(name)))
        if said:
            root.set(name, said.most_common(1)[0][0])
    for text in texts:
        for name in ("fill", "font-family", "font-size"):
            if text.get(name) == root.get(name):
                del text.attrib[name]
    shapes = {element.get("id"): element for element in root.iter() if "id" in element.attrib}
    for element in root.iter():
        if NO_TURN.fullmatch(element.get("transform", "")):
            del element.attrib["transform"]
        shown = shapes.get(element.get(LINK, "")[1:])
        for name in ("stroke", "stroke-width"):
            if shown is not None and name in shown.attrib and shown.get(name) == element.get(name):
                del element.attrib[name]
    _prune(root)


def _prune(parent: ElementTree.Element) -> None:
    """Take away shapes without color and what holds nothing; what a group without any say holds stands without it."""
    kept: list[ElementTree.Element] = []
    for child in parent:
        _prune(child)
        bare = child.tag in (f"{{{SVG}}}g", f"{{{SVG}}}defs") and not child.attrib
        unseen = child.get("fill") == "none" and "stroke" not in child.attrib
        if bare and (child.tag == f"{{{SVG}}}g" or not len(child)):
            kept.extend(child)
        elif not (child.tag == f"{{{SVG}}}path" and unseen):
            kept.append(child)
    parent[:] = kept


def _shorter(numbers: str) -> str:
    """Return numbers with two places behind the point, and single spaces between them."""
    rounded = NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), numbers)
    return " ".join(rounded.split())


def _stand_in(figure: Figure) -> tuple[Callable[[], None], dict[int, str]]:
    """Put letters that matplotlib's font has in the place of those that it has not.

    The browser finds a font for the text of an SVG; matplotlib would warn of every letter. Returns what undoes it, and
    the letters by the codes of those that stand in for them.
    """
    font = get_font(findfont(FontProperties(family=["sans-serif"])))
    texts = [(item, item.get_text()) for item in figure.findobj(Text)]
    # Labels of ticks are written anew from the axis whenever it is drawn.
    axes = [axis for item in figure.axes for axis in (item.xaxis, item.yaxis)]
    ticks = [(axis, [label.get_text() for label in axis.get_majorticklabels()]) for axis in axes]
    shown = dict.fromkeys("".join([text for _, text in texts] + [label for _, found in ticks for label in found]))
    missing = [letter for letter in shown if letter.isprintable() and not font.get_char_index(ord(letter))]
    codes = {ord(letter): FIRST_STAND_IN + index for index, letter in enumerate(missing[:STAND_INS])}
    named = [(axis, labels) for axis, labels in ticks if any(set(label) & set(missing) for label in labels)]

    def put(change: Callable[[str], str]) -> None:
        for axis, labels in named:
            axis.set_ticks(axis.get_majorticklocs(), [change(label) for label in labels])
        for item, text in texts if codes else ():
            item.set_text(change(text))

    put(lambda text: text.translate(codes))
    return lambda: put(str), {code: chr(letter) for letter, code in codes.items()}


def _own_ids(root: ElementTree.Element, prefix: str) -> None:
    """Give the ids that are referred to a prefix of this figure's own, and drop the others."""
    referred = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            found = re.findall(r"url\(#([^)]+)\)", value) + re.findall(r"^#(.+)$", value if "href" in name else "")
            referred |= set(found)
            for old in found:
                element.set(name, value.replace(f"#{old}", f"#{prefix}-{old}"))
    for element in root.iter():
        old = element.attrib.pop("id", None)
        if old in referred:
            element.set("id", f"{prefix}-{old}")


def with_unique_ids(page: str) -> str:
    """Return a page in which a drawing that is shown twice has other ids each time: HTML wants unique ids."""
    met: Counter[str] = Counter()

    def with_own_prefix(found: re.Match[str]) -> str:
        drawing = found[0]
        prefix = PREFIX.search(drawing)
        if prefix is None:
            return drawing
        met[prefix[1]] += 1
        again = met[prefix[1]]
        return drawing if again == 1 else drawing.replace(f"{prefix[1]}-", f"{prefix[1]}x{again}-")

    return DRAWING.sub(with_own_prefix, page)


def _declarations(style: str) -> list[tuple[str, str]]:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return [(name.strip(), value.strip()) for name, value in pairs]
