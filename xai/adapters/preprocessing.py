"""The preprocessing that a library of networks publishes, as a kind of input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xai.inputs.image import ImageInput

__all__ = ["published_input"]


def published_input(published: Mapping[str, Any], side: int | None = None) -> ImageInput:
    """Return images in 0..1 that are resized, cut and normalized as published.

    published: `crop`, the side of what the network sees; `resize`, the shorter side before the cut, or (height, width)
    of the whole; `mean` and `std` by channel; and, where they are other than usual, `channels` and `interpolation`.
    side: another side of what the network sees; what is resized grows and shrinks with it.
    """
    crop, resize = published["crop"], published["resize"]
    if side is not None and side != crop:
        whole = resize if isinstance(resize, int) else tuple(resize)
        scaled = [round(one * side / crop) for one in ([whole] if isinstance(whole, int) else whole)]
        crop, resize = side, scaled[0] if isinstance(whole, int) else (scaled[0], scaled[1])
    return ImageInput(
        (published.get("channels", 3), crop, crop),
        mean=list(map(float, published["mean"])),
        std=list(map(float, published["std"])),
        resize=resize,
        interpolation=published.get("interpolation", "bilinear"),
    )
