"""Where and when a picture was taken, as far as its file says: recording, time, place in a sequence."""

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from .store import Store

_HEADER_BYTES = 1 << 18
"""EXIF stands at the start of a file; a JPEG's is at most 64 kB long."""


@dataclass(frozen=True)
class Origin:
    """What is known of a picture without looking at it."""

    path: PurePosixPath
    """In the data set."""
    recording: PurePosixPath | None = None
    """The folder of `edgecls camera --record` that it lies in, in the data set."""
    taken_at_s: float | None = None
    """When the camera took it, in seconds by the camera's own clock: only differences mean something."""


@dataclass(frozen=True)
class Numbered:
    """A picture's place in a sequence of numbered files."""

    sequence: tuple[str, str]
    """What stands before and behind the number."""
    number: int


def with_times(store: Store) -> tuple[Store, Mapping[PurePosixPath, float]]:
    """Returns the store, and the times of the pictures that have been read from it, by name or EXIF."""
    times_s: dict[PurePosixPath, float] = {}

    def read(path: PurePosixPath) -> bytes:
        content = store.read(path)
        taken_at_s = time_in_name(path.name)
        if taken_at_s is None:
            taken_at_s = time_in_exif(content)
        if taken_at_s is not None:
            times_s[path] = taken_at_s
        return content

    return replace(store, read=read), times_s


_TIME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.:]?)(\d\d)\2(\d\d)"  # 2026-01-31, 20260131
    r"(?:[-_ T.]|at)*"
    r"([0-2]\d)([-_.:h]?)([0-5]\d)(?:\6|m)([0-5]\d)(?:[-_.,]?(\d{3}))?(?!\d)"  # 15.04.05, 150405123
)


def time_in_name(name: str) -> float | None:
    """Returns the time in a file's name in seconds, as telephones and cameras write it; else None.

    `IMG_20260131_150405.jpg`, `PXL_20260131_150405123.jpg`, `2026-01-31 15.04.05.jpg`,
    `WhatsApp Image 2026-01-31 at 15.04.05.jpeg`, `20260131T150405Z.jpg`.
    """
    found = _TIME.search(name)
    if not found:
        return None
    year, _, month, day, hour, _, minute, second, fraction = found.groups()
    seconds = _seconds((year, month, day, hour, minute, second))
    return None if seconds is None else seconds + int(fraction or 0) / 1000


def _seconds(parts: Iterable[str | bytes]) -> float | None:
    """Returns the seconds of a year, month, day, hour, minute and second; None for no such time."""
    year, month, day, hour, minute, second = map(int, parts)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


_EXIF_FOLDER, _ORIGINAL, _DIGITISED, _FRACTION = 0x8769, 0x9003, 0x9004, 0x9291
_EXIF_TIME = re.compile(rb"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")


def time_in_exif(content: bytes) -> float | None:
    """Returns EXIF's DateTimeOriginal, with SubSecTimeOriginal, in seconds; None where there is none.

    The time of the last change, DateTime, is left aside: an editor gives it to a thousand pictures at once.
    """
    tiff = _tiff(content[:_HEADER_BYTES])
    if not tiff:
        return None
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        first = _entries(tiff, order, *struct.unpack_from(f"{order}I", tiff, 4))
        if _EXIF_FOLDER not in first:
            return None
        entries = _entries(tiff, order, *struct.unpack(f"{order}I", first[_EXIF_FOLDER]))
    except struct.error:  # truncated or damaged
        return None
    found = _EXIF_TIME.match(entries.get(_ORIGINAL, b"") or entries.get(_DIGITISED, b""))
    seconds = _seconds(found.groups()) if found else None
    if seconds is None:
        return None
    fraction = entries.get(_FRACTION, b"").strip(b"\0 ")
    return seconds + (float(b"0." + fraction) if fraction.isdigit() else 0.0)


def _tiff(head: bytes) -> bytes:
    """Returns EXIF's block in a JPEG, PNG, WebP or TIFF; empty where there is none."""
    if head[:4] in (b"II*\0", b"MM\0*"):
        return head
    for mark, length in ((b"Exif\0\0", 6), (b"eXIf", 4), (b"EXIF", 8)):  # WebP: then four bytes of length
        at = head.find(mark)
        if at >= 0 and head[at + length : at + length + 2] in (b"II", b"MM"):
            return head[at + length :]
    return b""


def _entries(tiff: bytes, order: str, at: int) -> dict[int, bytes]:
    """Returns the values of the tags that are needed in one directory: text, or the bytes of an offset."""
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    found: dict[int, bytes] = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, _, length = struct.unpack_from(f"{order}HHI", tiff, entry)
        if tag == _EXIF_FOLDER:
            found[tag] = tiff[entry + 8 : entry + 12]
        elif tag in (_ORIGINAL, _DIGITISED, _FRACTION):
            (value_at,) = struct.unpack_from(f"{order}I", tiff, entry + 8)
            found[tag] = tiff[entry + 8 :][:length] if length <= 4 else tiff[value_at:][:length]
    return found


_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)
_ROBOFLOW = re.compile(r"[_.](?:jpe?g|png)\.rf\.[0-9a-zA-Z]{16,}$", re.IGNORECASE)
_MOST_DIGITS = 18


def place_in_sequence(name: str) -> Numbered | None:
    """Returns what the last number in a file's name says; None without a number.

    `frame_0001.jpg`, `clip1_000123.jpg`, `IMG_1234.JPG`, `cup (7).png`, and Roboflow's
    `clip-7_jpg.rf.0a1b...jpg`.
    """
    stem = _ROBOFLOW.sub("", PurePosixPath(name).stem)
    found = _NUMBERED.fullmatch(stem)
    if not found or len(found[2]) > _MOST_DIGITS:
        return None
    return Numbered((found[1], found[3]), int(found[2]))
