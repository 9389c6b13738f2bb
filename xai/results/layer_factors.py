"""The factors of a layer: parts that its activations are sums of, where each lies, and what each does for a class."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor

from xai.base.errors import FolderError, names_errors
from xai.base.files import write_atomically
from xai.base.reading import as_kind, parse_json
from xai.base.resizing import resized
from xai.base.tensor_file import open_tensors
from xai.results.display import Shown
from xai.results.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LayerFactors"]

SCHEMA_VERSION = 1
WANTED = "saved factors of a layer"
TENSORS = ("maps", "directions", "effects", "shares", "stability", "controls", "inputs")
TINY = 1e-9


class Saved(msgspec.Struct, forbid_unknown_fields=True):
    """What stands beside the tensors."""

    layer: str
    target: list[str]
    size: list[int]
    error: float
    options: dict[str, object]
    evidence: list[Finding]
    seed: int
    model_digest: str
    schema_version: int


@dataclass(frozen=True, eq=False)
class LayerFactors(Shown):
    """K parts that a layer's activations are sums of: activations = maps x directions, all at least 0.

    maps (N, K, ...): how much of each factor lies at each position of the layer's grid. directions (K, C): its
    channels, of length 1. effects (N, K): by how much the target falls when the factor is taken out of the layer.
    shares (N, K): of the fall when all is taken out; NaN for an input whose effects do not add up to it. error: what
    the factors leave of the activations (1: all of it); controls (R,): the same of activations that are shuffled.
    stability (K,): the mean cosine with the factor found from other starts. target: of each input, by name. size: of
    the inputs' positions. layer: its name. inputs (N, ...): what was explained. evidence: one finding on all
    factors, then one on each. options, seed: of the call. model_digest: of the network's weights.
    """

    layer: str
    target: tuple[str, ...]
    maps: Tensor
    directions: Tensor
    effects: Tensor
    shares: Tensor
    error: float
    stability: Tensor
    controls: Tensor
    inputs: Tensor
    size: tuple[int, ...]
    evidence: tuple[Finding, ...]
    options: dict[str, object]
    seed: int
    model_digest: str

    def __len__(self) -> int:
        return len(self.directions)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the factors are called, by the part of the activations that each makes, the largest first."""
        return tuple(f"factor {number}" for number in range(1, len(self) + 1))

    def heatmaps(self) -> Tensor:
        """Return where each factor lies in the inputs, (N, K, ...) in input size, resized linearly."""
        return resized(self.maps, self.size)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per factor: what it makes up of the activations, how stable it is, and its mean effect."""
        import pandas as pd

        squares = self.maps.double().square().flatten(2).sum((0, 2))
        count = len(self.effects)
        error = self.effects.std(0) / count**0.5 if count > 1 else torch.full((len(self),), torch.nan)
        return pd.DataFrame(
            {
                "factor": self.names,
                "part": squares / squares.sum().clamp_min(TINY),
                "stability": self.stability,
                "effect": self.effects.mean(0),
                "standard_error": error,
                "share": self.shares.nanmean(0),
                "status": [finding.status for finding in self.evidence[1:]],
            }
        )

    @names_errors("LayerFactors.save")
    def save(self, path: str | Path) -> Path:
        """Write everything to one safetensors file; no pickle.

        Args:
            path: Of the file.

        Raises:
            OutputError: It cannot be written.
        """
        plain: dict[str, Any] = {
            "layer": self.layer,
            "target": list(self.target),
            "size": list(self.size),
            "error": self.error,
            "options": self.options,
            "evidence": [finding.to_dict() for finding in self.evidence],
            "seed": self.seed,
            "model_digest": self.model_digest,
            "schema_version": SCHEMA_VERSION,
        }
        tensors = {name: getattr(self, name).detach().cpu().contiguous() for name in TENSORS}
        return write_atomically(path, save(tensors, {"layer_factors": json.dumps(plain)}))

    @classmethod
    @names_errors("LayerFactors.load")
    def load(cls, path: str | Path) -> LayerFactors:
        """Read what `save` wrote.

        Args:
            path: Of the file.

        Raises:
            FolderError: It is any other file.
        """
        try:
            with open_tensors(path, WANTED) as file:
                if "layer_factors" not in file.metadata or set(file.entries) != set(TENSORS):
                    raise _refused(path, "others")
                plain, tensors = parse_json(file.metadata["layer_factors"], str(path)), file.read_all()
        except FileNotFoundError as error:
            raise FolderError("path", expected=WANTED, got=f"no file at {path}") from error
        saved = as_kind(plain, Saved, str(path), wanted=WANTED)
        if saved.schema_version != SCHEMA_VERSION:
            raise FolderError("schema_version", expected=str(SCHEMA_VERSION), got=saved.schema_version)
        rows, count = len(saved.target), len(tensors["directions"])
        shapes = {name: tuple(tensor.shape[:2]) for name, tensor in tensors.items()}
        fits = (
            tensors["maps"].ndim == len(saved.size) + 2
            and len(saved.size) in (1, 2, 3)
            and len(tensors["inputs"]) == rows
        )
        if not fits or {shapes["maps"], shapes["effects"], shapes["shares"]} != {(rows, count)}:
            raise _refused(path, "tensors whose shapes do not go together")
        if shapes["stability"] != (count,) or len(saved.evidence) != count + 1:
            raise _refused(path, "another number of factors than of findings")
        return cls(
            **tensors,
            layer=saved.layer,
            target=tuple(saved.target),
            size=tuple(saved.size),
            error=saved.error,
            evidence=tuple(saved.evidence),
            options=saved.options,
            seed=saved.seed,
            model_digest=saved.model_digest,
        )


def _refused(path: str | Path, got: str) -> FolderError:
    return FolderError(str(path), expected=WANTED, got=got)
