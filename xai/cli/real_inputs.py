"""Real inputs that optimized ones are compared with: those of the recipe that made a model folder, or `--data`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from xai.cli.options import recipes, say_if_outdated

if TYPE_CHECKING:
    from torch import Tensor

    from xai.model.model import Model

__all__ = ["real_inputs"]


def real_inputs(model: Model, folder: str, data: str | None, size: int | None = None) -> tuple[Tensor, str] | None:
    """Return real inputs and what they are called in the plural, or None where there are none; of texts, word numbers.

    size: the side of images. data: a folder of images by class, a table of rows, or of texts in a column `text`.
    Raises InputError for another.
    """
    from xai.model.folder import read_description

    if data is not None:
        return _read_inputs(model, Path(data), size)
    origin = read_description(folder).origin
    name = str(origin.get("recipe", ""))
    if name not in recipes().RECIPES:
        return None
    say_if_outdated(folder, origin)
    found = recipes().load_data(name)
    return found.test_inputs, f"{model.input.noun} held out from {found.name}"


def _read_inputs(model: Model, path: Path, size: int | None) -> tuple[Tensor, str]:
    from xai.base.errors import InputError

    read = READ.get(model.input.kind)
    if read is None:
        got = f"{path.name}, for a model of {model.input.kind} inputs"
        raise InputError("data", expected="none but for images, tables and texts", got=got, operation="visualize")
    return read(model, path, size), f"{model.input.noun} of {path.name}"


def _images(model: Model, path: Path, size: int | None) -> Tensor:
    import msgspec

    from xai.inputs.image import ImageInput
    from xai.inputs.image_files import read_folder
    from xai.reports.example_images import class_names

    kind = ImageInput.of(model.input)
    input = kind if size is None else msgspec.structs.replace(kind, shape=(kind.shape[0], size, size), resize=None)
    return read_folder(path, input, class_names(model)).images


def _rows(model: Model, path: Path, size: int | None) -> Tensor:
    from xai.inputs.table_files import read_frame

    return model.prepare(read_frame(path), "data")


def _texts(model: Model, path: Path, size: int | None) -> Tensor:
    from xai.base.errors import InputError
    from xai.inputs.table_files import read_frame
    from xai.inputs.text import TextInput

    frame = read_frame(path)
    if "text" not in frame.columns:
        got = ", ".join(map(str, frame.columns[:12]))
        raise InputError("data", expected="a column 'text'", got=got, operation="visualize")
    texts = model.prepare(frame["text"].astype(str).tolist(), "data")
    return TextInput.of(model.input).as_numbers(texts)


# By kind of input: what a path of `--data` holds.
READ: dict[str, Callable[[Model, Path, int | None], Tensor]] = {"image": _images, "tabular": _rows, "text": _texts}
