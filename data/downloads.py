"""Downloads by Keras, into its cache: what fails is one line, and a file is whole and the one expected."""

import hashlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from ..edge_runtime.errors import BadData, Unavailable
from ..edge_runtime.files import MODEL_BYTES, read_whole, scratch_folder, write_whole

SILENCE_S = 30
"""A download fails when the server sends nothing for so long."""


@contextmanager
def downloading(what: str, otherwise: str) -> Iterator[None]:
    """Lets Keras download in a block: its progress goes to stderr, and a silent server is given up.

    Args:
        what: is downloaded, for the error message.
        otherwise: what to do where it cannot be.

    Raises:
        Unavailable: it cannot be downloaded.
    """
    try:
        with redirect_stdout(sys.stderr), _network_timeout(SILENCE_S):
            yield
    except Exception as error:  # Keras raises a bare Exception when a download fails
        reason = " ".join(str(error).split()).rpartition(" -- ")[2][:300]  # without the address
        raise Unavailable(f"{what} cannot be downloaded: {reason}; {otherwise}") from error


def keras_folder(name: str) -> Path:
    """Returns a folder of Keras's cache, such as `models`."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / name


def fetch(address: str, path: Path, otherwise: str, sha256: str | None = None) -> str:
    """Downloads a small file once; one that is there is checked.

    Without a known digest, the first file is trusted: `keep_digest` writes its digest beside it, and from
    then on the file must have it.

    Args:
        address: of the file.
        path: where it is kept.
        otherwise: what to do where it cannot be downloaded.
        sha256: its official digest, if there is one.

    Returns:
        The digest of the file.

    Raises:
        BadData: the file is not the one expected.
        Unavailable: it cannot be downloaded.
        OutputFailed, PermissionRefused: it cannot be written.
    """
    if path.exists():
        return _checked(read_whole(path, MODEL_BYTES), path, sha256)
    from .backend import keras  # noqa: PLC0415 - slow to import, and not needed for a file that is there

    with scratch_folder() as folder:
        with downloading(path.name, otherwise):
            keras.utils.get_file(path.name, address, cache_dir=str(folder), cache_subdir="")
        content = (folder / path.name).read_bytes()
    found = _checked(content, path, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)
    return found


def keep_digest(path: Path, sha256: str) -> None:
    """Writes the digest of a file beside it, as `sha256sum` does, if there is none yet."""
    if not _record(path).exists():
        write_whole(_record(path), f"{sha256}  {path.name}\n")


def _checked(content: bytes, path: Path, official: str | None) -> str:
    found = hashlib.sha256(content).hexdigest()
    record = _record(path)
    recorded = record.read_text(encoding="utf-8").split()[:1] if record.exists() else []
    if official and found != official:
        raise BadData(
            f"{path}: not the official file: sha256 {found[:12]}..., expected {official[:12]}...; "
            "delete it to download it again"
        )
    if recorded and found != recorded[0]:
        raise BadData(
            f"{path}: not the file that was used before: sha256 {found[:12]}..., then {recorded[0][:12]}...; "
            f"delete it to download it again; if the new one is right, delete {record.name}, too"
        )
    return found


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


@contextmanager
def _network_timeout(seconds: float) -> Iterator[None]:
    """Sets the default timeout of sockets: Keras downloads with urllib, which otherwise waits for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
