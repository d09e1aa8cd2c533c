"""Zips as stores: what may be in one, and how the names are encoded."""

import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ...edge_runtime.errors import BadData, reading_failed
from ...edge_runtime.text import printable
from ..folders.litter import litter_root
from ..folders.name_encodings import NO_HINTS, Guess, NameHints, guess
from ..store import Store
from .limits import check_file_size, check_total_size, checked_path

_ENCRYPTED, _UTF8 = 0x1, 0x800  # bits of an entry's flags
_UNICODE_PATH = 0x7075
"""Info-ZIP's extra field: the name in UTF-8, with the checksum of the other one that it stands for."""
_METHODS = {
    9: "Deflate64, as Windows and 7-Zip do with large files",
    93: "Zstandard",
    95: "XZ",
    98: "PPMd",
}
_READABLE = {
    *(zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA),
    getattr(zipfile, "ZIP_ZSTANDARD", zipfile.ZIP_STORED),  # from Python 3.14 on
}
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


@contextmanager
def open_zip(path: Path, hints: NameHints = NO_HINTS) -> Iterator[Store]:
    """Opens a zip as a store; a context manager. Nothing is unpacked to the disk.

    Args:
        path: the file.
        hints: about names that are neither marked as UTF-8 nor valid UTF-8.

    Raises:
        BadData: not a zip, damaged, encrypted, packed by a method that cannot be read, or refused: a name
            that leads out of the zip, a link, a zip bomb; or its names may be read in several ways.
    """
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise reading_failed(path, error) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _not_whole(path, error) from error
    with archive:
        names, notes = _names(archive.infolist(), hints, path)
        entries = {
            _checked(entry, name, path): entry for entry, name in zip(archive.infolist(), names, strict=True)
        }
        for file, entry in entries.items():
            check_file_size(str(file), entry.file_size, path)
        check_total_size(sum(entry.file_size for entry in entries.values()), path)
        notes += _check_readable(entries, path)

        def read(file: PurePosixPath) -> bytes:
            entry = entries[file]
            if why := _why_unreadable(entry):
                raise BadData(f"{file}: {why}; unpack the zip and give the folder")
            try:
                return archive.read(entry)
            except NotImplementedError as error:
                raise BadData(f"{file}: packed by an unknown method; zip it again") from error
            except _UNREADABLE as error:
                raise BadData(f"{file}: damaged in the zip; copy or download it again") from error

        yield Store(
            str(path),
            tuple(file for file, entry in entries.items() if not _is_folder(entry)),
            tuple(file for file, entry in entries.items() if _is_folder(entry)),
            read,
            notes=tuple(notes),
            hints=hints,
        )


def _not_whole(path: Path, error: Exception) -> BadData:
    first = path.with_suffix(".z01")
    if first.exists() or "multiple disks" in str(error) or path.suffix.lower() in (".z01", ".001"):
        return BadData(
            f"{path}: one of several pieces of a split zip; join them first, with `zip -s 0 {path.stem}.zip "
            f"--out whole.zip` or 7-Zip (`cat` for .001, .002 ...)"
        )
    return BadData(f"{path}: not a whole zip: {error}; copy or download it again")


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.filename.endswith(("/", "\\"))


def _checked(entry: zipfile.ZipInfo, name: str, path: Path) -> PurePosixPath:
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadData(f"{path}: refused: {name!r} is a symbolic link; zip the images themselves")
    return checked_path(name, path)


# What cannot be unpacked


def _why_unreadable(entry: zipfile.ZipInfo) -> str | None:
    if entry.flag_bits & _ENCRYPTED:
        return "encrypted"
    if entry.compress_type not in _READABLE:
        return f"packed with {_METHODS.get(entry.compress_type, f'method {entry.compress_type}')}"
    return None


def _check_readable(entries: dict[PurePosixPath, zipfile.ZipInfo], path: Path) -> list[str]:
    """Returns a note about the files that cannot be unpacked.

    Raises:
        BadData: none can.
    """
    files = [entry for file, entry in entries.items() if not _is_folder(entry) and not litter_root(file)]
    reasons = Counter(why for entry in files if (why := _why_unreadable(entry)))
    if not reasons:
        return []
    why, count = reasons.most_common(1)[0]
    cure = "unpack it with its password" if why == "encrypted" else "unpack it with 7-Zip"
    if sum(reasons.values()) == len(files):
        raise BadData(f"{path}: the zip is {why}; {cure}, and give the folder")
    return [f"warning: {count:,} of {len(files):,} files in the zip are {why}; {cure}, and give the folder"]


# Names


def _names(entries: list[zipfile.ZipInfo], hints: NameHints, path: Path) -> tuple[list[str], list[str]]:
    """Returns the entries' names, and what to say about them.

    Without the flag for UTF-8 a name is in the code page of whoever made the zip, which nothing tells; only
    macOS writes UTF-8 there.

    Raises:
        BadData: the names of folders may be read in several ways.
        UsageError: they are not in the encoding that was given.
    """
    names = [_unicode_path(entry) or entry.filename for entry in entries]
    unsure = {
        at: _raw_name(entry)
        for at, entry in enumerate(entries)
        if not (entry.flag_bits & _UTF8 or _raw_name(entry).isascii() or _unicode_path(entry))
    }
    if not unsure:
        return names, []
    notes: list[str] = []
    wanted = {raw for at, raw in unsure.items() if not litter_root(PurePosixPath(names[at]))}
    folders = {part for raw in wanted for part in raw.split(b"/")[:-1] if not part.isascii()}
    encoding = hints.encoding
    if encoding is None and all(map(_is_utf8, unsure.values())):
        encoding = "utf-8"
    elif encoding is not None or folders:
        found = guess(sorted(folders or wanted), hints, str(path))
        if found.encoding is None:
            raise _ambiguous(path, found)
        if hints == NO_HINTS:
            notes.append(
                f"names in the zip: read as {found.encoding}; if they look wrong, give --zip-encoding"
            )
        encoding = found.encoding
    for at, raw in unsure.items():
        names[at] = raw.decode(encoding or "cp437", "surrogateescape")
    return names, notes


def _ambiguous(path: Path, found: Guess) -> BadData:
    readings = [f"{text} ({name})" for text, name in zip(found.examples, found.likely, strict=True)][:4]
    which = f": {' or '.join(map(printable, readings))}" if readings else ""
    likely = found.likely[0] if found.likely else "cp437, cp866, gb18030 or shift_jis"
    return BadData(
        f"{path}: the names of its folders are in an unknown encoding{which}; name it, such as "
        f"--zip-encoding {likely}, or unpack it and give the folder"
    )


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    """Returns the bytes of a name without the flag for UTF-8: zipfile has decoded them."""
    if entry.flag_bits & _UTF8:
        return b""
    return entry.orig_filename.partition("\0")[0].encode("cp437")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unicode_path(entry: zipfile.ZipInfo) -> str | None:
    """Returns the name in UTF-8 from the extra field, if there is one for this name."""
    extra = entry.extra
    while len(extra) >= 4:
        number, size = struct.unpack_from("<HH", extra)
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if number == _UNICODE_PATH and len(content) > 5 and content[0] == 1:
            (checksum,) = struct.unpack_from("<L", content, 1)
            if checksum == zlib.crc32(_raw_name(entry)) and _is_utf8(content[5:]):
                return content[5:].decode()
    return None
