"""Kinds of values on a command line: what a text names, told from the text and the first bytes of the file.

A value may be of several kinds: `nano` is a built-in model and a network. What is not recognised has none.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from itertools import chain, islice
from pathlib import Path

from ..edge_runtime.engines.names import has_models
from ..edge_runtime.images.kinds import NAMED_AS_PICTURE
from ..edge_runtime.models.builtin import is_builtin_name


class Kind(Enum):
    """What a value is, in the words of a message."""

    EXPORTED = "an exported model"
    KERAS = "a Keras model"
    BUILTIN = "a built-in model"
    NETWORK = "a network"
    MODEL_FOLDER = "a folder of models"
    DATA_NAME = "a data set"
    ARCHIVE = "an archive"
    PICTURE_FOLDER = "a folder of pictures"
    PICTURE = "a picture"
    VIDEO = "a video"
    CAMERA = "a camera"
    DOWNLOAD = "a file on the web"
    ADDRESS = "the address of a stream"
    CONFIGURATION = "a configuration file"
    REPORT = "a report"


_SUFFIXES = {
    Kind.EXPORTED: (".tflite", ".onnx"),
    Kind.KERAS: (".h5", ".hdf5", ".keras"),
    Kind.ARCHIVE: (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"),
    Kind.PICTURE: tuple(NAMED_AS_PICTURE),
    Kind.VIDEO: (
        ".mjpg",
        ".mjpeg",
        ".mp4",
        ".m4v",
        ".mov",
        ".avi",
        ".mkv",
        ".webm",
        ".mpg",
        ".mpeg",
        ".ts",
        ".wmv",
        ".flv",
    ),
    Kind.CONFIGURATION: (".toml",),
    Kind.REPORT: (".json",),
}
_FIRST_BYTES = {
    Kind.PICTURE: rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|II\*\0|MM\0\*|....ftyp(?:hei|hev|mif|avi|msf)",
    Kind.VIDEO: rb"RIFF....AVI |\x1aE\xdf\xa3|....ftyp",
    Kind.EXPORTED: rb"....TFL3",
    Kind.KERAS: rb"\x89HDF\r\n",
}
"""Of what is often named wrongly; the first that matches counts, before the name's suffix."""
_NETWORKS = ("cnn", "resnet8", "resnet", "mobilenet", "nano", "edge")
"""As in the table of `edgecls train`, which a device may lack."""
_DATA_NAMES = ("cifar10", "digits")
_CAMERA = re.compile(r"[0-9]{1,2}|csi(:[0-9])?|demo|/dev/(video|v4l/).+", re.ASCII)
_ADDRESS = re.compile(r"\s*(rtsps?|rtmp|https?|ftp):/", re.IGNORECASE)  # a Path has lost the second slash
_MOST = 1_000  # entries of a sub-folder that are looked at


def kinds_of(text: str) -> tuple[Kind, ...]:
    """Returns what a text may name, the likeliest first; nothing for what is not recognised."""
    if not text.strip():
        return ()
    if _ADDRESS.match(text):
        path = text.partition("?")[0].strip()
        downloads = {Kind.ARCHIVE, Kind.EXPORTED, Kind.KERAS, Kind.PICTURE} & set(_by_suffix(path))
        return (Kind.DOWNLOAD, Kind.ADDRESS) if downloads else (Kind.ADDRESS,)
    return tuple(dict.fromkeys((*_names(text), *_of_path(text))))


def names_file(text: str) -> bool:
    """Whether a text can only be a path, and nothing is there."""
    return bool(_by_suffix(text)) and not _ADDRESS.match(text) and not Path(text).exists()


def _names(text: str) -> Iterator[Kind]:
    """What it is as a name that edgecls knows."""
    if is_builtin_name(Path(text)):
        yield Kind.BUILTIN
    exists = Path(text).exists()
    if text in _NETWORKS and not exists:
        yield Kind.NETWORK
    if text in _DATA_NAMES and not exists:
        yield Kind.DATA_NAME
    if _CAMERA.fullmatch(text) and not Path(text).is_file():
        yield Kind.CAMERA


def _of_path(text: str) -> Iterator[Kind]:
    path = Path(text).expanduser()
    try:
        if path.is_dir():
            yield from _of_folder(path)
            return
        if path.is_file():
            with path.open("rb") as file:
                start = file.read(16)
            for kind, pattern in _FIRST_BYTES.items():
                if re.match(pattern, start, re.DOTALL):
                    yield kind
                    return
        yield from _by_suffix(text)
    except (OSError, ValueError):  # not ours to report: the command will read it, and say what is wrong
        return


def _of_folder(path: Path) -> Iterator[Kind]:
    """Looks for pictures in a folder and its sub-folders, but no further: class folders lie side by side."""
    if has_models(path):
        yield Kind.MODEL_FOLDER
    below = (inner for entry in _entries(path) if entry.is_dir() for inner in islice(_entries(entry), _MOST))
    if any(Kind.PICTURE in _by_suffix(entry.name) for entry in chain(_entries(path), below)):
        yield Kind.PICTURE_FOLDER


def _entries(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from folder.iterdir()


def _by_suffix(name: str) -> tuple[Kind, ...]:
    suffix = Path(name.rstrip("/")).suffix.lower()
    return tuple(kind for kind, suffixes in _SUFFIXES.items() if suffix in suffixes)
