"""Pictures of guests as the nodes of `funcnodes-images` and `funcnodes-opencv` have them, where these are in use.

A decoder in this process is what a hostile guest would aim at with its bytes. So a picture stays what it was, for
clients and for other guests, until somebody's node asks for its pixels; then only the format that it says it has is
tried, and up to a size.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy
from funcnodes_core import ByteEncoder, BytesEncdata, Encdata, JSONEncoder
from funcnodes_images import ImageFormat, NumpyImageFormat, PillowImageFormat
from funcnodes_images.imagecontainer import IMAGE_FORMATS
from PIL import Image

from .._native import Media
from . import values

#: Pixels of a picture that is decoded: they take 4 bytes each, more than the guest paid for.
PIXELS = 1 << 26
#: What can be in a PNG as it is; anything else is made RGB.
_IN_PNG = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})


class Picture(PillowImageFormat):
    """A guest's media, which is decoded when its pixels are wanted."""

    def __init__(self, media: Media) -> None:
        self.media = media

    @cached_property
    def _data(self) -> Image.Image:
        kind = values.essence(self.media).removeprefix("image/").upper()
        with Image.open(io.BytesIO(self.media.data), formats=[kind]) as image:
            if image.width * image.height > PIXELS:
                raise ValueError(f"the picture has more than {PIXELS:,} pixels")
            image.load()
            return image.copy()

    # The package looks for converters by the class itself, and makes new pictures of it.

    def get_to_converter(self, cls: type[ImageFormat]) -> Callable[[Any], ImageFormat] | None:
        decoded = PillowImageFormat(self._data)
        convert = decoded.get_to_converter(cls)
        return None if convert is None else lambda _: convert(decoded)

    def to(self, cls: type[ImageFormat] | str) -> ImageFormat:
        return PillowImageFormat(self._data).to(cls)

    @classmethod
    def from_array(cls, data: Any) -> ImageFormat:
        return PillowImageFormat.from_array(data)


def media_of(image: ImageFormat) -> Media:
    """A picture for a guest: what it was if it came from one, else a PNG."""
    if isinstance(image, Picture):
        return image.media
    pixels = _pixels(image)
    packed = io.BytesIO()
    (pixels if pixels.mode in _IN_PNG else pixels.convert("RGB")).save(packed, "PNG")
    return Media("image/png", packed.getvalue())


def _pixels(image: ImageFormat) -> Image.Image:
    of_opencv = IMAGE_FORMATS.get("cv2")
    if of_opencv is not None and isinstance(image, of_opencv):
        # Its numbers are from 0 to 1 and its blue comes first, of which its own way to Pillow makes nothing.
        numbers = numpy.rint(numpy.clip(image.data, 0, 1) * 255).astype("uint8")
        image = NumpyImageFormat(numbers[:, :, ::-1])
    return image.to("img").data


def _in_frame(picture: Any, is_preview: bool = False) -> BytesEncdata:
    return ByteEncoder.encode(picture.media, preview=is_preview)


def _in_json(picture: Any, is_preview: bool = False) -> Encdata:
    return Encdata(data=picture.media, handeled=True)


ByteEncoder.add_encoder(_in_frame, [Picture])
JSONEncoder.add_encoder(_in_json, [Picture])
