"""Files that appear whole or not at all: written beside their place, flushed to the disk, then renamed.

They are written in a hidden folder of their own, which the next start removes if this one is killed.
"""

import errno
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import BadData, OutputFailed, reading_failed, writing_failed
from .locks import PartFolder, remove_abandoned

_IN_MEMORY = ("/dev/shm", "/run")  # noqa: S108 - each gets a folder with a random name
"""Where Linux keeps files in memory."""
_SCRATCH_BYTES = 256 * 2**20
"""With so much room, a temporary folder is not looked for elsewhere."""


@contextmanager
def whole_file(path: str | os.PathLike[str], *, is_private: bool = False) -> Generator[Path]:
    """Yields a temporary path beside `path`, with the same suffix, for a library that writes to a name.

    At the end of the block, the file is flushed to the disk and renamed to `path`. If the block fails, the
    temporary file is removed and the old file stays as it was. A symbolic link stays a link: the file that it
    names is replaced. A device or a pipe, such as /dev/stdout, is written to.

    Args:
        path: of the file.
        is_private: only the user may read and write it, whatever the umask.

    Raises:
        OutputFailed: the disk is full or broken.
        PermissionRefused: the folder or the disk is read-only.
    """
    path = Path(path)
    place = Path(os.path.realpath(path))
    try:
        if _is_special(place):
            with scratch_folder() as folder:
                yield folder / path.name
                put_in_place(folder / path.name, place)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        with closing(PartFolder(place.parent)) as part:
            yield part.path / path.name
            put_in_place(part.path / path.name, place, is_private=is_private)
    except OSError as error:
        raise writing_failed(path, error) from error


def keep_for_one(path: str | os.PathLike[str]) -> PartFolder | None:
    """Keeps other processes from writing `path` until the result is closed; None for a device or a pipe.

    Raises:
        BadConfiguration: another process writes it.
        OutputFailed, PermissionRefused: as `whole_file`.
    """
    check_writable(path)
    place = Path(os.path.realpath(path))
    if _is_special(place):
        return None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return PartFolder(place.parent, only_for=Path(path))
    except OSError as error:
        raise writing_failed(path, error) from error


_READER_WAIT_S = 10.0
"""How long a pipe may have nobody who reads from it."""


def put_in_place(beside: Path, place: Path, *, is_private: bool = False) -> None:
    """Flushes a finished file to the disk and renames it; a pipe or a device gets its content.

    Raises:
        OSError: the disk is full or broken; the old file stays as it was.
    """
    if _is_special(place):
        with beside.open("rb") as content, _open_special(place) as target:
            shutil.copyfileobj(content, target)
        return
    _flush(beside)
    beside.chmod(0o600 if is_private else 0o666 & ~_umask())  # a library may have made it for its owner alone
    beside.replace(place)
    _flush(place.parent)


def _open_special(place: Path) -> BinaryIO:
    """Opens a pipe or a device for writing; a pipe that nobody reads would hold up this process for ever."""
    give_up_s = time.monotonic() + _READER_WAIT_S
    while True:
        try:
            handle = os.open(place, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() >= give_up_s:
                raise OutputFailed(f"cannot write {place}: a pipe that no program reads from") from error
        time.sleep(0.02)
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(handle, True)
    return os.fdopen(handle, "wb", buffering=0)


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Generator[Path]:
    """Yields a temporary folder beside `path`, to be filled with `write_whole`, and renames it to `path`.

    If the block fails, nothing of it stays. `path` itself must not exist, or be an empty folder.

    Raises:
        OutputFailed, PermissionRefused: as `whole_file`.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(PartFolder(path.parent)) as part:
            beside = part.path / path.name
            beside.mkdir()
            yield beside
            beside.replace(path)
            _flush(path.parent)
    except OSError as error:
        raise writing_failed(path, error) from error


def write_whole(path: str | os.PathLike[str], content: bytes | str, *, is_private: bool = False) -> None:
    """Writes `content` to `path`, whole or not at all; raises as `whole_file`.

    Text is written as UTF-8; what stands for undecodable bytes of a file name becomes an escape, as in JSON.
    """
    with whole_file(path, is_private=is_private) as beside:
        beside.write_bytes(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Checks that `path` can be written, before long work whose result goes there; leaves nothing behind.

    Raises:
        OutputFailed, PermissionRefused: as `whole_file`.
    """
    place = Path(os.path.realpath(path))
    if _is_special(place):
        return  # a pipe would end for its reader
    folder = place.parent
    made: list[Path] = []
    try:
        made += [parent for parent in (folder, *folder.parents) if not parent.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise writing_failed(path, error) from error
    finally:
        for parent in made:
            with suppress(OSError):  # not made after all, or another program's files are in it by now
                parent.rmdir()


class FolderThatReturns:
    """A folder to write to, whose disk may not be there or not be writable for a while.

    A stick that is pulled out takes the folder along, or leaves an empty one behind, which is on the disk of
    the system; the stick that comes instead may have none. A folder that was removed alone is not made again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._was_other_disk = self._is_other_disk()
        self._parent_before = _identity(folder.parent) if folder.exists() else None

    @property
    def may_return(self) -> bool:
        """Whether the disk is there that it was on."""
        return not self._was_other_disk or self._is_other_disk()

    def make(self) -> None:
        """Makes the folder on a disk that has none, if it is there; raises OSError where that fails."""
        if self._folder.exists() or not self.may_return:
            return
        if self._parent_before is None:
            self._folder.mkdir(parents=True)
        elif (parent := _identity(self._folder.parent)) and parent != self._parent_before:
            self._folder.mkdir()
            self._parent_before = parent

    def _is_other_disk(self) -> bool:
        """Whether the folder, or what there is of it, is on another disk than the system."""
        try:
            folder = self._folder.absolute()
        except OSError:  # the current folder has been removed
            return False
        there = next((_identity(path) for path in (folder, *folder.parents) if path.exists()), None)
        return there is not None and there[0] != Path("/").stat().st_dev


def _identity(path: Path) -> tuple[int, int] | None:
    """Returns what tells a folder from one that takes its place; None if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def scratch_folder() -> Generator[Path]:
    """Yields a folder for files that are needed until the end of the block: in memory if the disk is full.

    Raises:
        OutputFailed, PermissionRefused: there is no folder that can be written.
    """
    with ExitStack() as opened:
        places: list[tuple[int, Path]] = []
        for parent in _scratch_places():
            with suppress(OSError):
                part = opened.enter_context(closing(PartFolder(Path(parent))))
                places.append((shutil.disk_usage(part.path).free, part.path))
                if places[-1][0] >= _SCRATCH_BYTES:
                    break
        if not places:
            raise OutputFailed(
                "no temporary folder can be written; name one with TMPDIR, such as `TMPDIR=/run edgecls ...`"
            )
        yield max(places)[1]


def _scratch_places() -> list[str]:
    with suppress(OSError):  # no folder of the usual ones can be written
        return [tempfile.gettempdir(), *_IN_MEMORY]
    return list(_IN_MEMORY)


# Reading: by kind and size before the first byte, as a pipe waits for ever and a device never ends.

PICTURE_BYTES = 300_000_000
"""The largest picture that is decoded, with 16 bits a channel and not compressed."""
MODEL_BYTES = 2**31
"""What TFLite's and ONNX's own formats can hold."""
TEXT_BYTES = 16_000_000
"""Of a file that people write: options, labels, certificates; and of a recording's head and lines."""
REPORT_BYTES = 500_000_000
"""Of a report, with every sample and answer."""

_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a disk"),
)


def read_whole(path: str | os.PathLike[str], most_bytes: int) -> bytes:
    """Returns the bytes of a file that has at most so many; see `open_file`."""
    with open_file(path, most_bytes) as file:
        try:
            size_bytes = os.fstat(file.fileno()).st_size
            content = file.read(size_bytes + 1)
            while size_bytes < len(content) <= most_bytes and (more := file.read(2**20)):
                content += more  # it grows, or says no size, as files in /proc do
        except OSError as error:
            raise reading_failed(path, error) from error
    _check_size(path, len(content), most_bytes)
    return content


def open_file(path: str | os.PathLike[str], most_bytes: int | None = None) -> BinaryIO:
    """Opens a file for reading: no pipe, socket or device, nor one of more than `most_bytes`.

    Raises:
        MissingInput, PermissionRefused, ReadFailed: it cannot be read.
        BadData: it is something else, or larger.
    """
    try:
        _check_kind(path, Path(path).stat())  # before it is opened: that alone starts some devices
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        file = os.fdopen(handle, "rb")
        try:
            status = os.fstat(handle)
            _check_kind(path, status)
            if most_bytes is not None:
                _check_size(path, status.st_size, most_bytes)
        except BaseException:
            file.close()
            raise
        return file
    except OSError as error:
        raise reading_failed(path, error) from error
    except ValueError as error:  # a null character in the name
        raise BadData(f"{path}: cannot be read: {error}; check the name") from error


def _check_kind(path: str | os.PathLike[str], status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    kind = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), None)
    if kind:
        raise BadData(f"{path}: {kind}, not a file; name a file")


def _check_size(path: str | os.PathLike[str], size_bytes: int, most_bytes: int) -> None:
    if size_bytes > most_bytes:
        raise BadData(
            f"{path}: {size_bytes / 1e6:,.0f} MB, more than the {most_bytes / 1e6:,.0f} MB that such a file "
            "may have; check what it is"
        )


def _is_special(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder: a device, a pipe, a socket."""
    try:
        mode = path.stat().st_mode
    except OSError:  # not there, or not to be looked at; writing will tell
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _flush(path: Path) -> None:
    """Writes a file or the names in a folder out to the disk; Windows opens no folders."""
    if sys.platform == "win32" and path.is_dir():
        return
    is_windows = sys.platform == "win32"  # there, only what is open for writing can be flushed
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0) if is_windows else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask
