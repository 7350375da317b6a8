"""Pictures, sounds and documents as the value of a node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Media:
    """Bytes with a media type. Clients show PNG, JPEG and SVG as pictures.

    `media_type` is as in RFC 6838, in lower case: "image/png".
    """

    media_type: str
    data: bytes

    @classmethod
    def png(cls, data: bytes) -> Media:
        """A picture in the format PNG."""
        return cls("image/png", data)

    @classmethod
    def jpeg(cls, data: bytes) -> Media:
        """A picture in the format JPEG."""
        return cls("image/jpeg", data)

    @classmethod
    def svg(cls, text: str) -> Media:
        """A drawing in SVG."""
        return cls("image/svg+xml", text.encode())

    def __repr__(self) -> str:
        return f"Media({self.media_type!r}, {len(self.data)} bytes)"
