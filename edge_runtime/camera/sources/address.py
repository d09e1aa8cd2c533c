"""Addresses: what the text of `--source` names (a camera, a stream, a video, images), without opening it."""

import glob
import os
import re
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import EdgeclsError, MissingInput, UsageError, reading_failed
from ...images.kinds import NAMED_AS_PICTURE, is_picture, kind_of_file
from ...images.rule import ImageRule
from ...images.several import is_jpeg_run
from ...masking import is_url_like, masked, shown_source
from ...text import expanded, printable

SCHEMES = ("rtsp", "rtsps", "http", "https")
"""The only schemes passed to FFmpeg, which also knows `concat:`, `subfile:` and others that read local
files."""

_VIDEO4LINUX = 81  # the major number of its character devices
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # of two letters at least: C: is a drive of Windows
_CHOICES = "use an index, csi, demo, a path, rtsp(s) or http(s)"
_MAX_LISTED = 10_000  # files below a folder without images, before the search ends
_URL_FORM = (
    "{}://user:password@host:port/path without blanks or quotes, and in the password %2F for /, %3F for ?, "
    "%23 for #, %40 for @"
)
_SPECIAL = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
_CSI = re.compile(r"csi(?::([0-9]))?")


@dataclass(frozen=True)
class Device:
    """A camera of this computer, whether it is plugged in or not."""

    path: str
    """That of Video4Linux; on other systems, the camera's index."""

    @property
    def description(self) -> str:
        """The path, or `camera 0`."""
        return f"camera {self.path}" if self.path.isdecimal() else self.path


@dataclass(frozen=True)
class CsiCamera:
    """A camera on the CSI connector of a Raspberry Pi, by its number in `rpicam-hello --list-cameras`."""

    number: int = 0

    @property
    def description(self) -> str:
        """As in `--source`."""
        return f"csi:{self.number}" if self.number else "csi"


@dataclass(frozen=True)
class DemoCamera:
    """The synthetic camera of `demo.py`."""

    scenes: str = ""
    """What it shows, from `demo_scenes`; empty until `open_source` adds it."""
    description: str = "demo"


@dataclass(frozen=True)
class Stream:
    """A camera on the network."""

    url: str = field(repr=False)

    @property
    def description(self) -> str:
        """The URL without its password and other secrets."""
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
    """One image, or the images of a folder or glob, in natural order."""

    paths: tuple[Path, ...]
    description: str
    """The image, folder or glob as given."""
    passed_over: tuple[Path, ...] = ()
    """Other files that the folder or glob holds."""
    refused: tuple[EdgeclsError, ...] = ()
    """Why something that was named beside others holds no image."""


LiveAddress = Device | CsiCamera | DemoCamera | Stream
Address = LiveAddress | VideoFile | ImageFiles


def parse_source(text: str) -> Address:
    """Parses the text of `--source`. An existing path is that path, whatever else it looks like.

    An index, `csi`, `csi:1` and `demo` are always cameras; a folder named demo is `./demo`.

    Raises:
        UsageError: an empty text, a scheme not in `SCHEMES`, a FIFO, socket or other device, a folder
            without images.
        MissingInput: no such file, or no match of a glob.
        PermissionRefused: the path may not be read.
    """
    if not text or any(character < " " or character == "\x7f" for character in text):
        shown = printable(shown_source(text))
        raise UsageError(f"source {shown!r}: empty, or with control characters; {_CHOICES}")
    if camera := _camera(text):
        return camera
    text = str(expanded(text)) if text.startswith("~") else text
    mode = _file_mode(text)
    if mode is not None:
        return _existing(Path(text), mode)
    if scheme := _SCHEME.match(text):
        return _stream(text, scheme[1].lower())
    if text.startswith("/dev/"):
        return Device(text)
    if is_url_like(text):
        raise UsageError(f"{shown_source(text)}: not a valid URL; write {_URL_FORM.format('rtsp')}")
    if glob.has_magic(text):
        return _matches(text)
    raise MissingInput(f"{shown_source(text)}: no such file, folder or camera; {_CHOICES}")


def image_files(texts: Sequence[str]) -> ImageFiles:
    """Returns the images that files, folders and globs name.

    A file that does not exist stays in the list, so that it is reported in its turn, after the others. An
    empty folder or a FIFO among other arguments, as a shell's `photos/*` may name them, is in `refused`.

    Raises:
        UsageError: one is a camera or a stream, or all there is are folders without images or no files.
        PermissionRefused: the only folder may not be read.
    """
    paths: list[Path] = []
    passed_over: list[Path] = []
    refused: list[EdgeclsError] = []
    for text in texts:
        try:
            found = _named_images(text)
        except EdgeclsError as error:
            if not os.path.lexists(text):
                raise
            refused.append(error)
        else:
            paths += found.paths
            passed_over += found.passed_over
    if not paths:
        raise refused[0]
    description = texts[0] if len(texts) == 1 else f"{len(texts)} arguments"
    return ImageFiles(tuple(paths), description, tuple(passed_over), tuple(refused))


def _named_images(text: str) -> ImageFiles:
    try:
        if Path(text).is_file():
            return ImageFiles((Path(text),), text)
        if special := _special_file(Path(text)):
            raise UsageError(f"{text}: {special}, not an image; name files, folders or quoted globs")
        address = parse_source(text)
    except MissingInput:
        return ImageFiles((Path(text),), text)
    if isinstance(address, ImageFiles):
        return address
    raise UsageError(f"{address.description}: not an image; see `edgecls camera --source`")


def _camera(text: str) -> Device | CsiCamera | DemoCamera | None:
    if text.isascii() and text.isdecimal():
        return Device(f"/dev/video{int(text)}" if sys.platform == "linux" else str(int(text)))
    if csi := _CSI.fullmatch(text):
        if sys.platform != "linux":
            raise UsageError(f"{text}: a camera of a Raspberry Pi, which has Linux; use an index, such as 0")
        return CsiCamera(int(csi[1] or 0))
    return DemoCamera() if text == "demo" else None


def _file_mode(text: str) -> int | None:
    try:
        return Path(text).stat().st_mode
    except PermissionError as error:
        raise reading_failed(text, error) from error
    except OSError:  # no such file; or too long for a file name, as a URL may be
        return None


def _existing(path: Path, mode: int) -> Address:
    if stat.S_ISDIR(mode):
        return _folder(path)
    if stat.S_ISREG(mode):
        # A text file named .jpg was meant as an image, and the error should say so.
        is_image = (path.suffix.lower() in NAMED_AS_PICTURE or kind_of_file(path)) and not is_jpeg_run(path)
        return ImageFiles((path,), str(path)) if is_image else VideoFile(path)
    if _is_camera(path, mode):
        return Device(str(path))
    raise UsageError(f"{path}: {_SPECIAL.get(stat.S_IFMT(mode), 'not a camera')}; {_CHOICES}")


def _is_camera(path: Path, mode: int) -> bool:
    return stat.S_ISCHR(mode) and os.major(path.stat().st_rdev) == _VIDEO4LINUX


def _special_file(path: Path) -> str | None:
    """What a path is that is neither a file nor a folder nor a camera."""
    mode = _file_mode(str(path))
    if mode is None or stat.S_ISDIR(mode) or stat.S_ISREG(mode) or _is_camera(path, mode):
        return None
    return _SPECIAL.get(stat.S_IFMT(mode), "a device")


def _folder(path: Path) -> ImageFiles:
    try:
        images, others = _images(file for file in path.iterdir() if not file.name.startswith("."))
    except OSError as error:
        raise reading_failed(path, error) from error
    if images:
        return ImageFiles(images, str(path), others)
    if _images(islice(path.rglob("*"), _MAX_LISTED))[0]:
        raise UsageError(f"{path}: its images are in sub-folders; name them by the glob '{path}/**/*'")
    raise UsageError(f"{path}: no images in this folder; name a folder that holds JPEG or PNG files")


def _matches(pattern: str) -> ImageFiles:
    found = [Path(match) for match in glob.iglob(pattern, recursive=True)]  # noqa: PTH207 - takes absolute patterns
    images, others = _images(found)
    if not found:
        raise MissingInput(f"{pattern}: matches no file; check the pattern")
    if not images:
        raise UsageError(f"{pattern}: matches no image; match JPEG or PNG files, or name one video")
    return ImageFiles(images, pattern, others)


def _images(paths: Iterable[Path]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Returns which of the paths are images, and what else is no folder: a FIFO, a link to nothing, too."""
    images: list[Path] = []
    others: list[Path] = []
    for path in sorted((path for path in paths if not path.is_dir()), key=_natural):
        (images if path.is_file() and is_picture(path) else others).append(path)
    return tuple(images), tuple(others)


def _natural(path: Path) -> list[str | int]:
    """Sorts frame2.jpg before frame10.jpg."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", str(path))]


def _stream(text: str, scheme: str) -> Stream:
    if scheme not in SCHEMES and is_url_like(text) and "://" not in text:  # a login, not a scheme
        raise UsageError(f"{shown_source(text)}: not a valid URL; write {_URL_FORM.format('rtsp')}")
    if scheme not in SCHEMES:
        raise UsageError(f"source scheme not allowed: {scheme}; {_CHOICES}")
    try:
        parts = urlsplit(text)
        readable = bool(parts.hostname) and parts.port != 0 and " " not in text
    except ValueError:  # the port is not a number, as when the password holds a slash
        readable = False
    if not readable:  # the message must not repeat the text, which may hold a password anywhere
        raise UsageError(f"no valid host and port in the {scheme} URL; write {_URL_FORM.format(scheme)}")
    return Stream(scheme + text[len(scheme) :])


INPUTS_PER_SIDE = 4
"""A camera's picture has this many times the sides of the network's input: enough for the crop and for
averaging over whole blocks. Each doubling of the sides costs four times the time."""
WATCHED_PX = (640, 480)
"""(width, height) for pictures that people look at."""


def parse_size(text: str) -> tuple[int, int]:
    """Parses `640x480` as (width, height) in pixels.

    Raises:
        UsageError: not a size.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text.strip().lower())
    if not match:
        raise UsageError(f"--size {text}: not a size; write WIDTHxHEIGHT, such as 640x480")
    return int(match[1]), int(match[2])


def least_size_px(rule: ImageRule, *, is_watched: bool) -> tuple[int, int]:
    """Returns the smallest (width, height) to request from a camera.

    Args:
        rule: gives the size of the network's input.
        is_watched: whether people look at the pictures, now or later.
    """
    width_px, height_px = INPUTS_PER_SIDE * rule.width_px, INPUTS_PER_SIDE * rule.height_px
    if is_watched:
        return max(width_px, WATCHED_PX[0]), max(height_px, WATCHED_PX[1])
    return width_px, height_px
