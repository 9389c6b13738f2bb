"""A report as a PDF, printed by a Chromium that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import click

__all__ = ["find_browser", "print_pdf"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")
SECONDS = 120


def find_browser() -> str:
    """Return the path of a browser that can print; raises a ClickException where none is installed."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise click.ClickException(f"--pdf: none of {', '.join(BROWSERS)} is installed; print it from a browser")
    return found


def print_pdf(browser: str, report: str | Path, target: str | Path) -> Path:
    """Print an HTML file, and return the path of the PDF; raises a ClickException where the browser fails."""
    target = Path(target).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    flags = ["--headless", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={target}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a browser has no sandbox for the administrator
        flags.append("--no-sandbox")
    try:
        done = subprocess.run(
            [browser, *flags, Path(report).resolve().as_uri()], capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise click.ClickException(f"--pdf: {Path(browser).name} did not print: {type(error).__name__}") from error
    if done.returncode or not target.is_file():
        raise click.ClickException(f"--pdf: {Path(browser).name} ended with {done.returncode} and printed nothing")
    return target
