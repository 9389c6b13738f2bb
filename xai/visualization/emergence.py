"""How a feature emerges: the same unit, from the same noise, in the weights of every epoch of a training run."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from xai.base.errors import FolderError, names_errors
from xai.base.tensor_file import open_tensors
from xai.model.model import Model
from xai.results.visualization import Visualization
from xai.visualization.ascent import visualize
from xai.visualization.objectives import Objective
from xai.visualization.settings import VisualizeSettings

__all__ = ["checkpoints", "emergence"]

SHOWN = 8  # checkpoints of a long run: the first, the last, and an even spread between


def checkpoints(folder: str | Path, most: int = SHOWN) -> list[Path]:
    """Return the weight files that `xai train --keep-weights` left in a model folder, at most so many, in order.

    Raises FolderError where there are none.
    """
    found = sorted((Path(folder) / "epochs").glob("*.safetensors"))
    if not found:
        got = f"no epochs/*.safetensors in {folder}"
        raise FolderError("model", expected="a folder trained with its weights kept", got=got)
    if len(found) <= most:
        return found
    return [found[round(index * (len(found) - 1) / (most - 1))] for index in range(most)]


@names_errors("emergence")
def emergence(
    model: Model,
    files: Sequence[Path],
    objective: Objective | Sequence[Objective],
    **settings: Unpack[VisualizeSettings],
) -> dict[str, Visualization]:
    """Return a Visualization per checkpoint, by the file's name; settings are those of `visualize`.

    The seed is the same for all, so that what differs is the training. Raises FolderError for weights that do not fit.
    """
    made = {}
    for path in files:
        network, wanted = copy.deepcopy(model.network), "the weights of this very network"
        try:
            with open_tensors(path, wanted) as file:
                network.load_state_dict(file.read_all())
        except (FileNotFoundError, RuntimeError) as error:
            raise FolderError(path.name, expected=wanted, got=type(error).__name__) from error
        made[path.stem] = visualize(model.with_network(network), objective, **settings)
    return made
