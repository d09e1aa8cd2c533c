"""What the text of `--source` names: a camera, a stream, a video or images. Nothing is opened to find out."""

import glob
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from ...errors import MissingInput, UsageError, reading_failed
from ...images.rule import ImageRule

SCHEMES = ("rtsp", "rtsps", "http", "https")
"""All that FFmpeg gets to see. It also knows `concat:`, `subfile:` and others that read local files."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"})
_VIDEO4LINUX = 81  # the major number of its character devices
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_SECRET = re.compile(r"pass|pwd|token|key|secret|auth|sig|code", re.IGNORECASE)
_CHOICES = "use an index, csi, demo, a path, rtsp(s) or http(s)"
_LOOKED_AT = 10_000  # files, below a folder without images: enough for an answer, and soon
_CSI = re.compile(r"csi(?::([0-9]))?")


@dataclass(frozen=True)
class Device:
    """A camera of this computer, whether it is plugged in or not."""

    path: str

    @property
    def description(self) -> str:
        """The path."""
        return self.path


@dataclass(frozen=True)
class CsiCamera:
    """A camera on the ribbon cable of a Raspberry Pi, by its number in `rpicam-hello --list-cameras`."""

    number: int = 0

    @property
    def description(self) -> str:
        """What a user types for it."""
        return f"csi:{self.number}" if self.number else "csi"


@dataclass(frozen=True)
class DemoCamera:
    """The synthetic camera of capture_demo.py."""

    scenes: str = ""
    """What it shows, as `demo_scenes` writes it; the text of `--source` does not say."""
    description: str = "demo"


@dataclass(frozen=True)
class Stream:
    """A camera on the network."""

    url: str

    @property
    def description(self) -> str:
        """The address without its password and other secrets."""
        return masked(self.url)


@dataclass(frozen=True)
class VideoFile:
    """A recorded video."""

    path: Path

    @property
    def description(self) -> str:
        """The path."""
        return str(self.path)


@dataclass(frozen=True)
class ImageFiles:
    """One image, or those of a folder or glob, in the order that a person would list them."""

    paths: tuple[Path, ...]
    description: str
    """The image, folder or glob that was asked for."""


LiveAddress = Device | CsiCamera | DemoCamera | Stream
Address = LiveAddress | VideoFile | ImageFiles


def parse_source(text: str) -> Address:
    """Finds out what `text` names. A path that exists is that path, whatever else it looks like.

    But an index, `csi`, `csi:1` and `demo` are always cameras; a folder named demo is `./demo`.

    Raises:
        UsageError: an empty text, a scheme not in `SCHEMES`, a FIFO, socket or other device, a folder
            without images.
        MissingInput: a file, or a glob's matches, that are not there.
        PermissionRefused: we may not look.
    """
    if not text or any(character < " " or character == "\x7f" for character in text):
        raise UsageError(f"source {text!r} makes no sense; {_CHOICES}")
    if camera := _camera(text):
        return camera
    mode = _file_mode(text)
    if mode is not None:
        return _existing(Path(text), mode)
    if scheme := _SCHEME.match(text):
        return _stream(text, scheme[1].lower())
    if text.startswith(("/dev/video", "/dev/v4l/")):
        return Device(text)
    if glob.has_magic(text):
        return _matches(text)
    raise MissingInput(f"{text}: no such file, folder or camera; {_CHOICES}")


def masked(url: str) -> str:
    """An address that may be shown: its password, and values in its query that may be secret, as `***`.

    >>> masked("rtsp://admin:12345@10.0.0.7/live?token=abc&channel=1")
    'rtsp://admin:***@10.0.0.7/live?token=***&channel=1'
    """
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = (user + ":***" if colon else "***") + at + host if at else host
    query = [(key, "***" if _SECRET.search(key) else value) for key, value in parse_qsl(parts.query, True)]
    return parts._replace(netloc=shown, query=urlencode(query, safe="*/:,"), fragment="").geturl()


def has_secret(text: str) -> bool:
    """Whether a source is an address with a password or another secret in it."""
    return "://" in text and masked(text) != text


def _camera(text: str) -> Device | CsiCamera | DemoCamera | None:
    if text.isascii() and text.isdecimal():
        return Device(f"/dev/video{int(text)}")
    if csi := _CSI.fullmatch(text):
        return CsiCamera(int(csi[1] or 0))
    return DemoCamera() if text == "demo" else None


def _file_mode(text: str) -> int | None:
    try:
        return Path(text).stat().st_mode
    except PermissionError as error:
        raise reading_failed(text, error) from error
    except OSError:  # not there; or too long for a name, as an address may be
        return None


def _existing(path: Path, mode: int) -> Address:
    if stat.S_ISDIR(mode):
        return _folder(path)
    if stat.S_ISREG(mode):
        from ...images.opencv import cv2  # noqa: PLC0415

        # By suffix first: a text named .jpg was meant as an image, and the error should say that.
        is_image = path.suffix.lower() in IMAGE_SUFFIXES or cv2.haveImageReader(str(path))
        return ImageFiles((path,), str(path)) if is_image else VideoFile(path)
    if stat.S_ISCHR(mode) and os.major(path.stat().st_rdev) == _VIDEO4LINUX:
        return Device(str(path))
    what = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}.get(stat.S_IFMT(mode), "not a camera")
    raise UsageError(f"{path}: {what}; {_CHOICES}")


def _folder(path: Path) -> ImageFiles:
    try:
        images = _images(path.iterdir())
    except OSError as error:
        raise reading_failed(path, error) from error
    if images:
        return ImageFiles(images, str(path))
    if _images(islice(path.rglob("*"), _LOOKED_AT)):
        raise UsageError(f"{path}: its images lie in sub-folders; name them by the glob '{path}/**/*'")
    raise UsageError(f"{path}: no images in this folder; name one with JPEG or PNG files")


def _matches(pattern: str) -> ImageFiles:
    found = [Path(match) for match in glob.iglob(pattern, recursive=True)]  # noqa: PTH207 - takes absolute patterns
    images = _images(found)
    if not found:
        raise MissingInput(f"{pattern}: matches no file; check the pattern")
    if not images:
        raise UsageError(f"{pattern}: matches no image; match JPEG or PNG files, or name one video")
    return ImageFiles(images, pattern)


def _images(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(
        sorted((p for p in paths if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()), key=_natural)
    )


def _natural(path: Path) -> list[str | int]:
    """Sorts frame2.jpg before frame10.jpg."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", str(path))]


def _stream(text: str, scheme: str) -> Stream:
    if scheme not in SCHEMES:
        raise UsageError(f"source scheme not allowed: {scheme}; {_CHOICES}")
    try:
        parts = urlsplit(text)
        readable = bool(parts.hostname) and parts.port != 0 and " " not in text
    except ValueError:  # the port is not a number, as when the password holds a slash
        readable = False
    if not readable:  # the message must not repeat it: it may hold a password where none is looked for
        raise UsageError(
            f"no readable host and port in the {scheme} address; write {scheme}://user:password@host:port/path,"
            " in the password %2F for /, %3F for ?, %23 for #, %40 for @"
        )
    return Stream(text)


# How large a camera's pictures need to be: each doubling of the sides costs four times the time.

SIDES = 4
"""Times the network's input: the crop and the averaging over whole blocks need something to work on."""
WATCHED_PX = (640, 480)
"""For a person."""


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels of a text such as `640x480`.

    Raises:
        UsageError: it is none.
    """
    parts = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text.strip().lower())
    if not parts:
        raise UsageError(f"--size {text}: not a size; write WIDTHxHEIGHT, such as 640x480")
    return int(parts[1]), int(parts[2])


def least_size_px(rule: ImageRule, *, is_watched: bool) -> tuple[int, int]:
    """The smallest (width, height) to ask a camera for.

    Args:
        rule: says how large the network's input is.
        is_watched: whether somebody looks at the pictures, or will.
    """
    width_px, height_px = SIDES * rule.width_px, SIDES * rule.height_px
    return (
        (max(width_px, WATCHED_PX[0]), max(height_px, WATCHED_PX[1])) if is_watched else (width_px, height_px)
    )
