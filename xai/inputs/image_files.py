"""Image files as pixels of the model's size: orientation, color and depth handled, damage named."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from xai.base.errors import InputError, names_errors
from xai.base.reading import MEBIBYTE, read_plain
from xai.inputs.base import Input
from xai.inputs.pil_images import MODES, picture_pixels

__all__ = ["SUFFIXES", "LabelledImages", "decode_image", "read_folder", "read_image", "read_images"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
PROGRAMS = ("EPS",)  # formats for which Pillow starts another program
LARGEST = 1024 * MEBIBYTE


@dataclass(frozen=True)
class LabelledImages:
    """Pixels (N, C, H, W) with a name each and, where known, a class number each (N,)."""

    images: Tensor
    names: tuple[str, ...]
    labels: Tensor | None = None
    source: str = ""

    def __len__(self) -> int:
        return len(self.images)


@names_errors("read_image")
def read_image(path: str | Path, input: Input, *, page: int | None = None) -> Tensor:
    """Return a file as pixels (1, C, H, W) in the input's range.

    The image is turned as its EXIF data say, put on white where it is transparent, converted to grey or RGB, and its
    largest centered part of the right proportions is resized. Pixels of more than 8 bits keep all of them, within the
    `window` of the input or of the file.

    Args:
        path: Of the file.
        input: The kind of input, whose shape (C, H, W) and range the pixels get.
        page: Which one of a file of several pages or frames, from 0.

    Raises:
        InputError: The file is missing or damaged, the kind is none of images, several pages are there and none is
            named, or nothing says which values of deep pixels are black and white.
    """
    if not Path(path).is_file():
        raise InputError("image", expected="an image file", got=f"no file at {path}")
    content = read_plain(path, "an image file", limit=LARGEST, error=InputError)
    return decode_image(content, input, str(path), page=page)


def decode_image(content: bytes, input: Input, name: str, *, page: int | None = None) -> Tensor:
    """Return the content of an image file as pixels (1, C, H, W), see `read_image`; errors say the file's `name`."""
    channels, height, width = input.shape or (0, 0, 0)
    if channels not in MODES:
        raise InputError("model", expected="images of 1, 3 or 4 channels", got=f"{channels} channels")
    try:
        # No filter of warnings: those are the whole process's, and threads would put back each other's.
        with Image.open(io.BytesIO(content)) as file:
            if file.format in PROGRAMS:
                got = f"{file.format}, which another program draws"
                raise InputError(name, expected="an image of pixels", got=got)
            if file.width * file.height > (Image.MAX_IMAGE_PIXELS or math.inf):
                raise Image.DecompressionBombError
            return picture_pixels(file, input, name, size=(width, height), page=page)[None]
    except InputError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        got = "one that is too large" if "ecompression" in type(error).__name__ else "something else"
        raise InputError(name, expected="an image that can be read", got=got) from error
    except Exception as error:  # decoders raise what they like: struct.error, SyntaxError, ...
        raise InputError(name, expected="a whole image file", got=f"a damaged one ({error})") from error


@names_errors("read_images")
def read_images(paths: Sequence[str | Path], input: Input) -> LabelledImages:
    """Return several files as one batch, each named by its file name.

    Args:
        paths: Of the files.
        input: The kind of input, as for `read_image`.
    """
    paths = list(paths)
    if not paths:
        raise InputError("paths", expected="at least one file", got="none")
    batch = torch.cat([read_image(path, input) for path in paths])
    return LabelledImages(batch, tuple(Path(path).name for path in paths))


def read_folder(folder: str | Path, input: Input, classes: list[str]) -> LabelledImages:
    """Return a folder of images by class: one subfolder per class, named like it or by its number.

    Raises InputError for a subfolder that is no class, and where there are no images.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError("data", expected="a folder with one subfolder per class", got=f"no folder at {folder}")
    images, names, labels = [], [], []
    for part in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if part.name in classes:
            label = classes.index(part.name)
        elif part.name.isdecimal() and int(part.name) < len(classes):
            label = int(part.name)
        else:
            known = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
            raise InputError("data", expected=f"subfolders named like the classes ({known})", got=part.name)
        for path in sorted(path for path in part.iterdir() if path.suffix.lower() in SUFFIXES):
            images.append(read_image(path, input))
            names.append(f"{part.name}/{path.name}")
            labels.append(label)
    if not images:
        raise InputError("data", expected="images in subfolders named like the classes", got=f"none in {folder}")
    return LabelledImages(torch.cat(images), tuple(names), torch.tensor(labels), str(folder))
