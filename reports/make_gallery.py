"""A page per kind of report, and an index with a thumbnail of each: `make gallery`.

Each `reports/NAME.toml` is one page: its title, a sentence, what is trained first, and the command that writes it.
"""

from __future__ import annotations

import html
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
LARGEST = 3_000_000  # bytes of a page: the gallery can be published as it is
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
log = logging.getLogger("gallery")


class Page(msgspec.Struct, forbid_unknown_fields=True):
    """One specification. train: arguments of `xai train`; command: those of `xai`, which writes the page."""

    title: str
    says: str
    train: list[list[str]]
    command: list[str]


def specifications() -> dict[str, Page]:
    """Return every page by its name."""
    return {path.stem: msgspec.toml.decode(path.read_bytes(), type=Page) for path in sorted(HERE.glob("*.toml"))}


def make(names: list[str], folder: Path) -> None:
    """Write the pages that are named, or all, and the index of those that are there."""
    pages = specifications()
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or pages:
        for arguments in pages[name].train:
            if not Path(_option(arguments, "-o") or f"runs/{arguments[0]}", "model.toml").exists():
                _xai("train", *arguments)
        _xai(*pages[name].command, "-o", str(folder / f"{name}.html"))
        size = (folder / f"{name}.html").stat().st_size
        log.info("%s: %.1f MB", name, size / 1e6)
        if size > LARGEST:
            raise SystemExit(f"{name}.html has {size:,} bytes, more than {LARGEST:,}: fewer units or examples")
    _take_pictures([name for name in pages if (folder / f"{name}.html").exists()], folder)
    (folder / "index.html").write_text(index(pages, folder))


def index(pages: dict[str, Page], folder: Path) -> str:
    """Return the index as HTML: a card per page that is there, with its thumbnail where there is one."""
    cards = []
    for name, page in pages.items():
        if (folder / f"{name}.html").exists():
            seen = (folder / f"{name}.webp").exists()
            picture = f'<img src="{name}.webp" alt="" width="640" height="400">' if seen else ""
            text = f"{picture}<b>{html.escape(page.title)}</b><br>{html.escape(page.says)}"
            cards.append(f'<li><a href="{name}.html">{text}</a></li>')
    return (HERE / "gallery.html").read_text().replace("<!-- cards -->", "\n".join(cards))


def _option(arguments: list[str], name: str) -> str | None:
    return arguments[arguments.index(name) + 1] if name in arguments else None


def _xai(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "xai", *arguments], check=True)


def _take_pictures(names: list[str], folder: Path) -> None:
    """Photograph the first screen of each page, where Chromium is found."""
    if not Path(CHROMIUM).exists():
        log.info("no Chromium found: the index has no pictures")
        return
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        for name in names:
            page.goto((folder / f"{name}.html").resolve().as_uri())
            page.wait_for_timeout(300)
            page.screenshot(path=str(folder / f"{name}.png"))
            with Image.open(folder / f"{name}.png") as picture:
                picture.resize((640, 400)).save(folder / f"{name}.webp", quality=82)
            (folder / f"{name}.png").unlink()
        browser.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    make(sys.argv[1:], HERE / "gallery")
