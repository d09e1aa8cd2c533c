"""Files that appear whole or not at all: written beside their place, flushed to the disk, then renamed."""

import os
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .errors import OutputFailed, reading_failed, writing_failed

_IN_MEMORY = ("/dev/shm", "/run")  # noqa: S108 - each gets a folder with a random name
"""Where Linux keeps files in memory."""
_SCRATCH_BYTES = 256 * 2**20
"""With so much room, a temporary folder is not looked for elsewhere."""


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Generator[Path]:
    """Yields a temporary path beside `path`, with the same suffix, for a library that writes to a name.

    At the end of the block, the file is flushed to the disk and renamed to `path`. If the block fails, the
    temporary file is removed and the old file stays as it was. A symbolic link stays a link: the file that it
    names is replaced. A device or a pipe, such as /dev/stdout, is written to.

    Raises:
        OutputFailed: the disk is full or broken.
        PermissionRefused: the folder or the disk is read-only.
    """
    path = Path(path)
    place = Path(os.path.realpath(path))
    is_special = _is_special(place)
    try:
        if not is_special:
            place.parent.mkdir(parents=True, exist_ok=True)
        folder = None if is_special else place.parent
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.stem}-", suffix=path.suffix)
        os.close(handle)
    except OSError as error:
        raise writing_failed(path, error) from error
    beside = Path(name)
    try:
        yield beside
        if is_special:
            with beside.open("rb") as content, place.open("wb", buffering=0) as target:
                shutil.copyfileobj(content, target)
        else:
            _flush(beside)
            beside.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
            beside.replace(place)
            _flush(place.parent)
    except OSError as error:
        raise writing_failed(path, error) from error
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


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
        beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    except OSError as error:
        raise writing_failed(path, error) from error
    try:
        yield beside
        beside.chmod(0o777 & ~_umask())  # mkdtemp makes folders that only their owner may enter
        beside.replace(path)
        _flush(path.parent)
    except OSError as error:
        raise writing_failed(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Writes `content` to `path`, whole or not at all; raises as `whole_file`.

    Text is written as UTF-8; what stands for undecodable bytes of a file name becomes an escape, as in JSON.
    """
    with whole_file(path) as beside:
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
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise writing_failed(path, error) from error
    finally:
        for parent in made:
            with suppress(OSError):  # not made after all, or another program's files are in it by now
                parent.rmdir()


@contextmanager
def scratch_folder(prefix: str = "edgecls-") -> Generator[Path]:
    """Yields a folder for files that are needed until the end of the block: in memory if the disk is full.

    Raises:
        OutputFailed, PermissionRefused: there is no folder that can be written.
    """
    with ExitStack() as opened:
        places: list[tuple[int, str]] = []
        for parent in _scratch_places():
            with suppress(OSError):
                name = opened.enter_context(tempfile.TemporaryDirectory(prefix=prefix, dir=parent))
                places.append((shutil.disk_usage(name).free, name))
                if places[-1][0] >= _SCRATCH_BYTES:
                    break
        if not places:
            raise OutputFailed(
                "no temporary folder can be written; name one with TMPDIR, such as `TMPDIR=/run edgecls ...`"
            )
        yield Path(max(places)[1])


def _scratch_places() -> list[str]:
    with suppress(OSError):  # no folder of the usual ones can be written
        return [tempfile.gettempdir(), *_IN_MEMORY]
    return list(_IN_MEMORY)


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """Returns the bytes of `path`.

    Raises:
        MissingInput, PermissionRefused, BadData: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise reading_failed(path, error) from error


def _is_special(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder: a device, a pipe, a socket."""
    try:
        mode = path.stat().st_mode
    except OSError:  # not there, or not to be looked at; writing will tell
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)  # the only way to read it is to set it
    os.umask(mask)
    return mask
