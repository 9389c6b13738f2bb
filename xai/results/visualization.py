"""What `visualize` returns: the inputs that it made, how they came about, and the evidence for them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from xai.base.arguments import real_number
from xai.base.errors import InputError, names_arguments, names_errors
from xai.base.files import write_atomically
from xai.results.display import Shown
from xai.results.explanation_file import SCHEMA_VERSION
from xai.results.finding import Finding

__all__ = ["Visualization"]


@names_arguments
@dataclass(frozen=True, eq=False)
class Visualization(Shown):
    """A batch of optimized inputs, one per objective (and copy).

    Args:
        objective: What each was made for.
        values: In the caller's units: of images (N, C, H, W), also as `image`; of rows (N, D); of series (N, T, D); of
            texts numbers of words (N, L).
        activations: The objective at each step under that step's small changes, (N, steps).
        reached: The objective on the finished input, unchanged, (N,).
        transformed: Its mean over fresh changes, (N,).
        snapshots: The inputs at chosen steps, by step.
        options: The settings that it was made with.
        model_digest: The SHA-256 of the weights.
        seed: Of the noise.
        kind: Of the inputs, such as "image".
        names: Of the columns or channels, where they have names.
        words: Of texts, the words of each.
        diagnostics: One dictionary per row: `started`, the objective at the start; `stopped`, the step of an early
            stop; of texts `relaxed`, before words became real ones.
        evidence: One tuple of findings per row.
        schema_version: Of its saved form.
    """

    objective: tuple[str, ...]
    values: Tensor
    activations: Tensor
    reached: Tensor
    transformed: Tensor
    snapshots: dict[int, Tensor]
    options: dict[str, Any]
    model_digest: str
    seed: int
    kind: str = "image"
    names: tuple[str, ...] = ()
    words: tuple[tuple[str, ...], ...] | None = None
    diagnostics: tuple[dict[str, Any], ...] = ()
    evidence: tuple[tuple[Finding, ...], ...] = ()
    schema_version: int = SCHEMA_VERSION

    @property
    def image(self) -> Tensor:
        """Return the images (N, C, H, W); raises InputError where something else was made."""
        if self.kind != "image":
            raise InputError("image", expected="a visualization of images", got=f"one of {self.kind}")
        return self.values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Visualization:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Visualization: index: expected one below {len(self)}, got {index}")
        row = index % len(self)
        return self.rows(row, row + 1)

    def rows(self, start: int, stop: int) -> Visualization:
        """Return some rows as a batch.

        Args:
            start: The first row.
            stop: The row behind the last.
        """
        part = slice(start, stop)
        names = ("objective", "values", "activations", "reached", "transformed", "words", "diagnostics", "evidence")
        parts = {name: getattr(self, name)[part] for name in names if getattr(self, name) is not None}
        return replace(self, **parts, snapshots={step: items[part] for step, items in self.snapshots.items()})

    def __iter__(self) -> Iterator[Visualization]:
        return (self[index] for index in range(len(self)))

    @names_errors("Visualization.save_gif")
    def save_gif(self, path: str | Path, row: int = 0, *, seconds: float = 0.2) -> Path:
        """Write how an image came about as an animated GIF: its snapshots in order, and the finished image.

        `visualize(..., snapshots=range(0, 256, 8))` keeps that many frames.

        Args:
            path: Of the file.
            row: Which image.
            seconds: How long a frame is shown; the last one stays four times as long.

        Raises:
            InputError: No images were made, or an argument cannot be.
            OutputError: It cannot be written.
        """
        from PIL import Image

        last = self.image[self._number(row)]
        pause = real_number("seconds", seconds, 0)
        frames = [self.snapshots[step][row] for step in sorted(self.snapshots)] + [last]
        low, high = float(last.min()), float(last.max())
        pictures = []
        for frame in frames:
            levels = ((frame.detach().float().cpu() - low) / max(high - low, 1e-12)).clamp(0, 1) * 255
            color = levels if len(levels) == 3 else levels.mean(0, keepdim=True).expand(3, -1, -1)
            pictures.append(Image.fromarray(color.round().byte().permute(1, 2, 0).numpy()))
        times = [int(1000 * pause)] * (len(frames) - 1) + [int(4000 * pause)]
        content = io.BytesIO()
        pictures[0].save(content, "GIF", save_all=True, append_images=pictures[1:], duration=times, loop=0)
        return write_atomically(path, content.getvalue())

    def _number(self, row: int) -> int:
        if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < len(self):
            raise InputError("row", expected=f"a number from 0 to {len(self) - 1}", got=repr(row))
        return row

    def finding(self, check: str, row: int = 0) -> Finding | None:
        """Return a row's finding of one check, None where it was not made.

        Args:
            check: The check's name.
            row: The row's number.
        """
        return next((item for item in (self.evidence[row] if self.evidence else ()) if item.check == check), None)

    def __repr__(self) -> str:
        return f"Visualization({', '.join(self.objective[:3])}{', ...' if len(self) > 3 else ''})"
