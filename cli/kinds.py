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
from ..edge_runtime.images.kinds import HEAD_BYTES, NAMED_AS_PICTURE, kind_of
from ..edge_runtime.models.builtin import is_builtin_name
from ..edge_runtime.text import expanded


class ValueKind(Enum):
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
    ValueKind.EXPORTED: (".tflite", ".onnx"),
    ValueKind.KERAS: (".h5", ".hdf5", ".keras"),
    ValueKind.ARCHIVE: (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"),
    ValueKind.PICTURE: tuple(NAMED_AS_PICTURE),
    ValueKind.VIDEO: (
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
    ValueKind.CONFIGURATION: (".toml",),
    ValueKind.REPORT: (".json",),
}
_FIRST_BYTES = {
    ValueKind.VIDEO: rb"RIFF....AVI |\x1aE\xdf\xa3|....ftyp",
    ValueKind.EXPORTED: rb"....TFL3",
    ValueKind.KERAS: rb"\x89HDF\r\n",
}
"""Of what is often named wrongly; the first that matches counts, before the name's suffix."""
_NETWORKS = (
    "cnn",
    "resnet8",
    "resnet",
    "mobilenet",
    "nano",
    "edge",
    "lite0-4",
    "lite0-5",
    "lite0-6",
    "lite0",
    "mobilenetv2",
)
"""As in the table of `edgecls train`, which a device may lack."""
_DATA_NAMES = ("cifar10", "digits")
_CAMERA = re.compile(r"[0-9]{1,2}|csi(:[0-9])?|demo|/dev/(video|v4l/).+", re.ASCII)
_ADDRESS = re.compile(r"\s*(rtsps?|rtmp|https?|ftp):/", re.IGNORECASE)  # a Path has lost the second slash
_MOST = 1_000  # entries of a sub-folder that are looked at


def kinds_of(text: str) -> tuple[ValueKind, ...]:
    """Returns what a text may name, the likeliest first; nothing for what is not recognised."""
    if not text.strip():
        return ()
    if _ADDRESS.match(text):
        path = text.partition("?")[0].strip()
        downloads = {ValueKind.ARCHIVE, ValueKind.EXPORTED, ValueKind.KERAS, ValueKind.PICTURE} & set(
            _by_suffix(path)
        )
        return (ValueKind.DOWNLOAD, ValueKind.ADDRESS) if downloads else (ValueKind.ADDRESS,)
    return tuple(dict.fromkeys((*_names(text), *_of_path(text))))


def names_file(text: str) -> bool:
    """Whether a text can only be a path, and nothing is there."""
    return bool(_by_suffix(text)) and not _ADDRESS.match(text) and not Path(text).exists()


def _names(text: str) -> Iterator[ValueKind]:
    """What it is as a name that edgecls knows."""
    if is_builtin_name(Path(text)):
        yield ValueKind.BUILTIN
    exists = Path(text).exists()
    if text in _NETWORKS and not exists:
        yield ValueKind.NETWORK
    if text in _DATA_NAMES and not exists:
        yield ValueKind.DATA_NAME
    if _CAMERA.fullmatch(text) and not Path(text).is_file():
        yield ValueKind.CAMERA


def _of_path(text: str) -> Iterator[ValueKind]:
    path = expanded(text)
    try:
        if path.is_dir():
            yield from _of_folder(path)
            return
        if path.is_file():
            with path.open("rb") as file:
                start = file.read(HEAD_BYTES)
            picture = kind_of(start)
            if picture and picture.is_photograph:
                yield ValueKind.PICTURE
                return
            for kind, pattern in _FIRST_BYTES.items():
                if re.match(pattern, start, re.DOTALL):
                    yield kind
                    return
        yield from _by_suffix(text)
    except (OSError, ValueError):  # not ours to report: the command will read it, and say what is wrong
        return


def _of_folder(path: Path) -> Iterator[ValueKind]:
    """Looks for pictures in a folder and its sub-folders, but no further: class folders lie side by side."""
    if has_models(path):
        yield ValueKind.MODEL_FOLDER
    below = (inner for entry in _entries(path) if entry.is_dir() for inner in islice(_entries(entry), _MOST))
    if any(ValueKind.PICTURE in _by_suffix(entry.name) for entry in chain(_entries(path), below)):
        yield ValueKind.PICTURE_FOLDER


def _entries(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from folder.iterdir()


def _by_suffix(name: str) -> tuple[ValueKind, ...]:
    suffix = Path(name.rstrip("/")).suffix.lower()
    return tuple(kind for kind, suffixes in _SUFFIXES.items() if suffix in suffixes)
