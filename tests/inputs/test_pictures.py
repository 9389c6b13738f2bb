"""Pictures of every depth and kind: the same numbers from a file and from PIL, none lost, none made up."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, TiffImagePlugin

import xai
from xai.base.errors import InputError

GRAY = xai.ImageInput((1, 50, 50))
DEEP = np.random.default_rng(0).integers(0, 4096, (50, 50)).astype(np.uint16)


def saved(array: np.ndarray, path: Path, **settings: object) -> Path:
    Image.fromarray(array).save(path, **settings)
    return path


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_twelve_bits_in_sixteen_need_a_window_and_keep_their_levels(suffix: str, tmp_path: Path) -> None:
    path = saved(DEEP, tmp_path / f"x-ray.{suffix}")
    for read in (lambda kind: xai.read_image(path, kind), lambda kind: kind.prepare(DEEP)):
        with pytest.raises(InputError, match=r"window=\(low, high\).*got values from \d+ to 409\d"):
            read(GRAY)
        pixels = read(xai.ImageInput((1, 50, 50), window=(0, 4095)))
        assert len(pixels.unique()) == len(np.unique(DEEP))
        assert np.allclose(pixels[0, 0].numpy(), DEEP / 4095, atol=1e-6)


def test_sixteen_bits_that_are_used_keep_their_levels(tmp_path: Path) -> None:
    whole = (DEEP.astype(np.int64) * 16).astype(np.uint16)
    path = saved(whole, tmp_path / "deep.png")
    with Image.open(path) as picture:
        for pixels in (xai.read_image(path, GRAY), GRAY.prepare(picture), GRAY.prepare(whole)):
            assert np.allclose(pixels[0, 0].numpy(), whole / 65535, atol=1e-6)


def test_a_tiffs_own_range_is_its_window(tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[280], tags[281] = 0, 4095
    path = saved(DEEP, tmp_path / "x.tiff", tiffinfo=tags)
    assert np.allclose(xai.read_image(path, GRAY)[0, 0].numpy(), DEEP / 4095, atol=1e-6)


def test_hounsfield_units_are_windowed_or_asked_for(tmp_path: Path) -> None:
    units = np.linspace(-1000, 1000, 2500).reshape(50, 50).astype(np.int16)
    path = saved(units, tmp_path / "ct.tiff")
    with pytest.raises(InputError, match=r"window=.*got values from -1000 to 1000"):
        xai.read_image(path, GRAY)
    soft = xai.ImageInput((1, 50, 50), window=(-160.0, 240.0))
    right = np.clip((units.astype(float) + 160) / 400, 0, 1)
    assert np.allclose(xai.read_image(path, soft)[0, 0].numpy(), right, atol=1e-6)
    assert np.allclose(soft.prepare(units)[0, 0].numpy(), right, atol=1e-6)
    as_they_are = xai.ImageInput((1, 50, 50), range=(-1024.0, 3071.0))
    assert np.allclose(xai.read_image(path, as_they_are)[0, 0].numpy(), units)


def test_floats_of_a_file_are_numbers(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((50, 50), dtype=np.float32)
    assert np.allclose(xai.read_image(saved(values, tmp_path / "a.tiff"), GRAY)[0, 0].numpy(), values)
    with pytest.raises(InputError, match="finite pixels, got NaN"):
        xai.read_image(saved(np.full((9, 9), np.nan, np.float32), tmp_path / "nan.tiff"), GRAY)
    with pytest.raises(InputError, match="window="):
        xai.read_image(saved(values * 900, tmp_path / "b.tiff"), GRAY)


@pytest.mark.parametrize("suffix", ["tiff", "gif"])
def test_of_several_pages_one_is_named(suffix: str, tmp_path: Path) -> None:
    first, second = (Image.fromarray(np.full((50, 50), value, np.uint8)) for value in (10, 200))
    first.save(tmp_path / f"two.{suffix}", save_all=True, append_images=[second])
    path = tmp_path / f"two.{suffix}"
    with pytest.raises(InputError, match="got 2 pages or frames"):
        xai.read_image(path, GRAY)
    for page, value in ((0, 10), (1, 200)):
        assert torch.allclose(xai.read_image(path, GRAY, page=page), torch.tensor(value / 255), atol=0.01)
    with pytest.raises(InputError, match="page: expected one from 0 to 1"):
        xai.read_image(path, GRAY, page=2)
    with Image.open(path) as picture, pytest.raises(InputError, match="2 pages or frames"):
        GRAY.prepare(picture)


def test_a_picture_of_pil_is_what_its_file_is(tmp_path: Path) -> None:
    kind = xai.ImageInput((3, 12, 12))
    turned = Image.Exif()
    turned[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=turned)
    Image.new("RGBA", (12, 12), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("LA", (12, 12), (0, 128)).save(tmp_path / "half.png")
    Image.fromarray(pixels).quantize(8).save(tmp_path / "palette.png")
    for path in sorted(tmp_path.iterdir()):
        with Image.open(path) as picture:
            assert torch.allclose(kind.prepare(picture), xai.read_image(path, kind), atol=1e-6), path.name
    right = torch.from_numpy(np.rot90(pixels, -1).copy()).permute(2, 0, 1) / 255
    assert torch.allclose(xai.read_image(tmp_path / "turned.png", kind)[0], right, atol=1e-6)
    assert (xai.read_image(tmp_path / "clear.png", kind) == 1).all()  # on white


@pytest.mark.parametrize("window", [(1.0, 1.0), (2.0, 1.0), (1.0,), 5])
def test_a_window_that_is_none_is_named(window: object) -> None:
    with pytest.raises(InputError, match="window: expected"):
        xai.ImageInput((1, 2, 2), window=window)


def test_a_picture_that_cannot_be_read_is_named() -> None:
    kind, content = xai.ImageInput((3, 40, 40)), BytesIO()
    Image.effect_noise((40, 40), 90).convert("RGB").save(content, "png")
    cut, closed = Image.open(BytesIO(content.getvalue()[:200])), Image.new("RGB", (40, 40))
    closed.close()
    for picture in (cut, closed):
        with pytest.raises(InputError, match=r"inputs: expected a picture that can be read, got (OSError|ValueError)"):
            kind.prepare(picture)


def test_pixels_of_eight_bits_and_nested_ones() -> None:
    kind, pixels = xai.ImageInput((3, 4, 4)), torch.rand(2, 3, 4, 4)
    small = pixels.to(torch.float8_e4m3fn)
    assert torch.equal(kind.prepare(small), small.float())
    with pytest.raises(InputError, match="inputs: expected a dense tensor of numbers, got a nested one"):
        kind.prepare(torch.nested.nested_tensor(list(pixels), layout=torch.jagged))
