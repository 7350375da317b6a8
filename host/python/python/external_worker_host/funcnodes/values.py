"""How types, values and pictures of a guest look in FuncNodes, so that nothing a guest says is imported or run.

FuncNodes imports the module that the name of a type names, and its web UI makes the source of a drawing a part of its
own page and fetches a text that is to be a picture. So only known names pass, and a picture is always media.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import copy
import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterable, Set
from functools import cache
from typing import Any, TypeVar

from exposedfunctionality import add_type
from funcnodes_core import ByteEncoder, BytesEncdata, Encdata, JSONEncoder

from .._native import Media
from .._values import is_table

#: What browsers take for pixels, in which nothing runs.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"})
DRAWING = "image/svg+xml"
UNKNOWN = "application/octet-stream"

#: Bytes of a picture that are sent unasked, in a frame of its own.
PREVIEW_BYTES = 4 * 1024 * 1024
#: Bytes of media that are put into JSON, such as a save.
JSON_BYTES = 512 * 1024

#: Parts of a value that are looked at, and shown of a larger one; and of those, the entries of one list or dictionary.
PARTS, ENTRIES = 1000, 10
#: Characters of a text in such a preview.
CHARS = 1000
#: Parts of a value, or cells of a table, that are converted in the time that the Worker's loop may be kept waiting.
AT_ONCE = 10_000

#: Names of types that mean the same in FuncNodes.
_NAMES = frozenset(
    "Any None int integer float floating number bool boolean str string bytes list tuple set dict".split()
)
_ARRAYS = frozenset({"ndarray", "numpy.ndarray", "np.ndarray"})
_TABLES = frozenset({"DataFrame", "pandas.DataFrame", "pd.DataFrame", "pandas.core.frame.DataFrame"})
#: What the web UI would make a part of its page, or fetch.
_RENDERERS_OF_MEDIA = frozenset({"image", "svg"})

_T = TypeVar("_T")

add_type(Media, "media")


async def converted(given: Iterable[Any], convert: Callable[[], _T]) -> _T:
    """What `convert` makes of the values `given`: on another thread where that takes long."""
    if any(takes_long(value) for value in given):
        return await asyncio.to_thread(convert)
    return convert()


@cache
def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def type_of(declared: Any) -> Any:
    """A guest's type as FuncNodes may have it."""
    if isinstance(declared, str):
        if declared in _NAMES or declared == "media":
            return declared
        if declared in _ARRAYS and _has("numpy"):
            return "numpy.ndarray"
        return "pandas.DataFrame" if declared in _TABLES and _has("pandas") else "Any"
    if not isinstance(declared, dict):
        return "Any"
    for parts in ("anyOf", "allOf"):
        if parts in declared and not isinstance(declared[parts], list):
            return "Any"
    return copy.deepcopy(declared)


def takes_media(declared: Any) -> bool:
    """Whether a value of this type is media."""
    return _is_one_of(declared, {"media"})


def takes_array(declared: Any) -> bool:
    """Whether a value of this type is an array, and there is numpy in this process."""
    return _is_one_of(declared, _ARRAYS) and _has("numpy")


def takes_table(declared: Any) -> bool:
    """Whether a value of this type is a `DataFrame`, and there is one in this process."""
    return _is_one_of(declared, _TABLES) and _has("pandas")


def _is_one_of(declared: Any, names: Set[str]) -> bool:
    """Whether a type is one of these, or may be. A name that the guest cannot import comes as its author wrote it."""
    if isinstance(declared, str):
        parts: Any = [part.strip() for part in declared.removeprefix("Optional[").removesuffix("]").split("|")]
    else:
        parts = declared.get("anyOf") if isinstance(declared, dict) else None
    return isinstance(parts, list) and any(isinstance(part, str) and part in names for part in parts)


def renderer(wanted: Any, is_media: bool) -> str | None:
    """How the web UI is told to show a value; `None`: it decides by the type."""
    wanted = wanted if isinstance(wanted, str) else None
    if is_media and wanted in (None, "any", "svg"):
        return "image"
    if wanted in _RENDERERS_OF_MEDIA and not is_media:
        return "string"
    return wanted


def port_rendering(declared: Any, is_media: bool) -> dict[str, Any]:
    """Render options of a port."""
    options = copy.deepcopy(declared) if isinstance(declared, dict) else {}
    shown_as = renderer(options.get("type"), is_media)
    if shown_as is None:
        options.pop("type", None)
    else:
        options["type"] = shown_as
    return options


def node_rendering(declared: Any, media: dict[str, bool]) -> dict[str, Any]:
    """Render options of a node; `media` says which of its ports have media, by id. A node with one picture shows it."""
    options = copy.deepcopy(declared) if isinstance(declared, dict) else {}
    pictures = [port for port, is_media in media.items() if is_media]
    data = options.get("data")
    if isinstance(data, dict):
        shown = data.get("src")
        options["data"] = port_rendering(data, isinstance(shown, str) and media.get(shown, False))
    elif len(pictures) == 1:
        options["data"] = {"src": pictures[0], "type": "image"}
    else:
        options.pop("data", None)
    ports = options.get("io")
    if isinstance(ports, dict):
        options["io"] = {port: port_rendering(of_port, media.get(port, False)) for port, of_port in ports.items()}
    else:
        options.pop("io", None)
    return options


def media_of(value: Any) -> Any:
    """`value` where media is wanted: a data URL and bytes become media, anything else is as it is."""
    if isinstance(value, str) and value.startswith("data:"):
        head, comma, body = value[len("data:") :].partition(",")
        if comma and head.endswith(";base64"):
            try:
                return Media(head.removesuffix(";base64") or "text/plain", base64.b64decode(body, validate=True))
            except (binascii.Error, ValueError):
                return value
    if isinstance(value, (bytes, bytearray)):
        return Media(_sniffed(bytes(value[:12])), bytes(value))
    return value


def picture_of(media: Media) -> Any:
    """`media` as the nodes of `funcnodes-images` take pictures, where that package is in use; else it is as it is."""
    if "funcnodes_images" not in sys.modules or essence(media) not in PICTURES:
        return media
    from .pictures import Picture

    return Picture(media)


def without_picture(value: Any) -> Any:
    """A picture of `funcnodes-images` as media, anything else as it is."""
    if not _is_picture(value):
        return value
    from . import pictures

    return pictures.media_of(value)


def _is_picture(value: Any) -> bool:
    return isinstance(value, getattr(sys.modules.get("funcnodes_images"), "ImageFormat", ()))


def array_of(value: Any) -> Any:
    """`value` where an array is wanted: what numpy makes one of by its own word, such as a picture of FuncNodes or a
    column of a table, is one; anything else is as it is."""
    if not hasattr(type(value), "__array__"):
        return value
    from numpy import asarray

    return asarray(value)


def table_of(value: Any) -> Any:
    """`value` where a table is wanted: columns and rows become a `DataFrame`, anything else is as it is. Rows that are
    not as wide as the table would make it as wide as the widest, which takes more memory than was given."""
    if not isinstance(value, dict) or not {"columns", "data"} <= value.keys() <= {"index", "columns", "data"}:
        return value
    columns, rows, index = value["columns"], value["data"], value.get("index")
    for labels in (columns, [] if index is None else index):
        if not isinstance(labels, list) or any(isinstance(it, (list, dict)) for it in labels):
            raise TypeError("the columns and the index of a table are lists of texts or numbers")
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise TypeError("the data of a table is a list of rows, each with a value for every column")
    from pandas import DataFrame

    return DataFrame(rows, index=index, columns=columns)


def _sniffed(head: bytes) -> str:
    for media_type, begin in (
        ("image/png", b"\x89PNG"),
        ("image/jpeg", b"\xff\xd8\xff"),
        ("image/gif", b"GIF8"),
        ("application/pdf", b"%PDF-"),
    ):
        if head.startswith(begin):
            return media_type
    return "image/webp" if head.startswith(b"RIFF") and head.endswith(b"WEBP") else UNKNOWN


def essence(media: Media) -> str:
    """The media type without its parameters."""
    return media.media_type.partition(";")[0].strip().lower()


def _url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def preview(media: Media, most: int) -> str:
    """A picture as a data URL: the media itself if it is a small one, else a card that says what it is."""
    kind = essence(media)
    if (kind in PICTURES or kind == DRAWING) and len(media.data) <= most:
        return _url(kind, media.data)
    name = kind[:32].replace("&", "&amp;").replace("<", "&lt;")
    card = (
        "<svg xmlns='http://www.w3.org/2000/svg' width='260' height='72' font-family='sans-serif' "
        "text-anchor='middle'><rect width='260' height='72' rx='8' fill='#eee'/>"
        f"<text x='130' y='32' font-size='14'>{name}</text>"
        f"<text x='130' y='54' font-size='14'>{len(media.data):,} bytes</text></svg>"
    )
    return _url(DRAWING, card.encode())


def _in_frame(media: Any, is_preview: bool = False) -> BytesEncdata:
    """Media in a frame of its own. A drawing is a data URL, which is nobody's document; what is no picture is bytes."""
    if not isinstance(media, Media):
        return BytesEncdata(data=media, handeled=False)
    kind = essence(media)
    if is_preview and kind in PICTURES and len(media.data) <= PREVIEW_BYTES:
        return BytesEncdata(data=media.data, handeled=True, mime=kind)
    if not is_preview and kind not in PICTURES and kind != DRAWING:
        return BytesEncdata(data=media.data, handeled=True, mime=UNKNOWN)
    most = PREVIEW_BYTES if is_preview else len(media.data)
    return BytesEncdata(data=preview(media, most).encode(), handeled=True, mime="text/plain")


def _in_json(media: Any, is_preview: bool = False) -> Encdata:
    """Media in JSON: that which comes back whole if it is small, else a picture that says what it was."""
    if not isinstance(media, Media):
        return Encdata(data=media, handeled=False)
    is_whole = not is_preview and len(media.data) <= JSON_BYTES
    text = _url(essence(media), media.data) if is_whole else preview(media, JSON_BYTES)
    return Encdata(data=text, handeled=True, done=True)


class LargeDict(dict[Any, Any]):
    """A dictionary that takes long to look through. FuncNodes would do so for each preview, on its loop."""


class LargeList(list[Any]):
    """A list that takes long to look through."""


def bounded(value: Any) -> Any:
    """`value`, marked if it is a large one. Otherwise it is the same."""
    if type(value) not in (dict, list) or not _has_more_parts(value, PARTS):
        return value
    return LargeDict(value) if type(value) is dict else LargeList(value)


def takes_long(value: Any) -> bool:
    """Whether it takes so long to convert `value` that the Worker's loop is not to wait for it."""
    if is_table(value):
        return value.size > AT_ONCE
    return _has_more_parts(value, AT_ONCE) or _is_picture(value)


def _has_more_parts(value: Any, most: int) -> bool:
    to_see, seen = [value], 0
    while to_see:
        part = to_see.pop()
        if not isinstance(part, (dict, list)):
            continue
        seen += len(part)
        if seen > most:
            return True
        to_see += part.values() if isinstance(part, dict) else part
    return False


def _begin_of(value: Any, left: list[int]) -> Any:
    """The beginning of a large value, of as many parts as are `left`."""
    left[0] -= 1
    if isinstance(value, str):
        return value if len(value) <= CHARS else value[:CHARS] + "..."
    if isinstance(value, dict):
        entries = itertools.islice(value.items(), ENTRIES)
        return {key: _begin_of(it, left) for key, it in entries if left[0] > 0}
    if isinstance(value, list):
        return [_begin_of(it, left) for it in value[:ENTRIES] if left[0] > 0]
    return value


def _large_in_json(value: Any, is_preview: bool = False) -> Encdata:
    if is_preview:
        return Encdata(data=_begin_of(value, [PARTS]), handeled=True, done=True)
    plain = dict(value) if isinstance(value, dict) else list(value)
    return Encdata(data=plain, handeled=True, done=False)


ByteEncoder.add_encoder(_in_frame, [Media])
JSONEncoder.add_encoder(_in_json, [Media])
JSONEncoder.add_encoder(_large_in_json, [LargeDict, LargeList])
