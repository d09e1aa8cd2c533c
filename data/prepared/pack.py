"""Packs: files of prepared pictures. Pixels first, then an index by the digests of the files that they were.

    pixels     uint8 (rows, H, W, 3) RGB, from the first byte, so that they can be mapped
    index      an entry of `ENTRY` for each file, ascending by digest
    reasons    a JSON list: why files cannot be used
    footer     `_FOOTER`, with a digest of the index and the reasons

A pack is written once and never changed. Each picture has a checksum: one that was damaged on the disk is as
good as not there.
"""

import hashlib
import json
import mmap
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .images import PictureRows

SUFFIX = ".pictures"
ENTRY = np.dtype(
    [("head", "<u8"), ("tail", "<u8"), ("depth", "u1"), ("kind", "u1"), ("crc", "<u4"), ("value", "<u4")]
)
PICTURE, DEPTH, REASON = range(3)
"""Kinds of entries; the value is a row, the bits that a deep picture uses, or the place of a reason."""
_FOOTER = struct.Struct("<16sQQQQ32s")  # magic; rows, bytes of each, entries, bytes of reasons; digest
_MAGIC = b"edgecls pack 1\0\0"


class Key(NamedTuple):
    """What an outcome belongs to: the digest of a file's content, and the bits that it was read with."""

    head: int
    tail: int
    depth: int = 0
    """See `ImageRule.bits`; 0 where the picture does not depend on it."""


def content_key(content: bytes) -> Key:
    """Returns the key of a file's content."""
    # Half of a SHA-256: twice as fast as BLAKE2 on processors that have instructions for it.
    return Key(*struct.unpack("<QQ", hashlib.sha256(content).digest()[:16]))


class _OpenPack:
    """A pack whose file is open."""

    path: Path
    rows: int
    """Pictures in it."""
    _shape: tuple[int, ...]
    _descriptor: int

    def mapped(self) -> PictureRows:
        """Returns its pictures so far, mapped into memory; they stay readable when the file is removed."""
        return map_rows(self._descriptor, self.rows, self._shape)

    def close(self) -> None:
        """Closes the file. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    __del__ = close


class Pack(_OpenPack):
    """A pack that was opened for reading.

    Args:
        path: of the file.
        shape: (H, W, 3) of its pictures.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or holds pictures of another size.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path, self._shape, self._descriptor = path, shape, -1
        self._bytes_each = int(np.prod(shape))
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            self.index, self.reasons = self._read_index()
        except BaseException:
            self.close()
            raise

    def _read_index(self) -> tuple[np.ndarray, list[str]]:
        size = os.fstat(self._descriptor).st_size
        footer = _at(self._descriptor, size - _FOOTER.size, _FOOTER.size)
        if len(footer) != _FOOTER.size:
            raise ValueError("cut short")
        magic, self.rows, each, entries, reasons_bytes, digest = _FOOTER.unpack(footer)
        index_bytes, start = entries * ENTRY.itemsize, self.rows * self._bytes_each
        if (magic, each) != (_MAGIC, self._bytes_each):
            raise ValueError("not a pack of such pictures")
        if size != start + index_bytes + reasons_bytes + _FOOTER.size:
            raise ValueError("of another length than it says")
        content = _at(self._descriptor, start, index_bytes + reasons_bytes)
        if hashlib.sha256(content).digest() != digest:
            raise ValueError("its index is damaged")
        return np.frombuffer(content, ENTRY, entries), json.loads(content[index_bytes:])

    def is_intact(self, row: int, crc: int) -> bool:
        """Whether the picture in a row is the one that was written."""
        try:
            return zlib.crc32(_at(self._descriptor, row * self._bytes_each, self._bytes_each)) == crc
        except OSError:
            return False


class PackWriter(_OpenPack):
    """A pack that is being written: pictures, and what else became of files, one after the other.

    Args:
        path: of the file, which is made.
        shape: (H, W, 3) of the pictures.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path, self.rows, self._shape, self._descriptor = path, 0, shape, -1
        self._entries: list[tuple[int, ...]] = []
        self._reasons: list[str] = []
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o600)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added."""
        return not self._entries

    def add_picture(self, key: Key, image: np.ndarray) -> int:
        """Writes uint8 (H, W, 3) RGB pixels; returns their row. Raises OSError, and nothing was added."""
        pixels = image.tobytes()
        _write(self._descriptor, pixels)
        self._entries.append((*key, PICTURE, zlib.crc32(pixels), self.rows))
        self.rows += 1
        return self.rows - 1

    def add_depth(self, key: Key, bits: int) -> None:
        """Notes how many bits a picture of 16 bits a channel uses."""
        self._entries.append((*key, DEPTH, 0, bits))

    def add_reason(self, key: Key, reason: str) -> None:
        """Notes why a file cannot be used."""
        self._entries.append((*key, REASON, 0, len(self._reasons)))
        self._reasons.append(reason)

    def finish(self) -> None:
        """Writes the index; raises OSError."""
        index = np.sort(np.array(self._entries, ENTRY), order=("head", "tail", "depth"))
        reasons = json.dumps(self._reasons).encode()
        content = index.tobytes() + reasons
        each = int(np.prod(self._shape))
        digest = hashlib.sha256(content).digest()
        footer = _FOOTER.pack(_MAGIC, self.rows, each, len(index), len(reasons), digest)
        _write(self._descriptor, content + footer)


class MergedIndex:
    """The indices of several packs as one.

    Args:
        packs: of pictures of one size.
    """

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._packs = packs
        entries = np.concatenate([np.empty(0, ENTRY), *(pack.index for pack in packs)])
        numbers = np.repeat(np.arange(len(packs)), [len(pack.index) for pack in packs])
        order = np.argsort(entries["head"], kind="stable")
        self._entries, self._numbers = entries[order], numbers[order]
        self._heads = np.ascontiguousarray(self._entries["head"])

    def find(self, key: Key) -> tuple[int, Any] | None:
        """Returns the number of a pack and its entry; None where no pack has the key and is intact."""
        at = int(np.searchsorted(self._heads, np.uint64(key.head)))
        while at < len(self._heads) and self._heads[at] == key.head:
            entry, number = self._entries[at], int(self._numbers[at])
            if (entry["tail"], entry["depth"]) == (key.tail, key.depth):
                pack, row = self._packs[number], int(entry["value"])
                if entry["kind"] != PICTURE or pack.is_intact(row, int(entry["crc"])):
                    return number, entry
            at += 1
        return None


def map_rows(descriptor: int, rows: int, shape: tuple[int, ...]) -> PictureRows:
    """Maps the pixels at the start of an open file; raises OSError or ValueError."""
    if not rows:
        return PictureRows(np.empty((0, *shape), np.uint8))
    size = rows * int(np.prod(shape))
    mapping = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    return PictureRows(np.frombuffer(mapping, np.uint8, size).reshape(rows, *shape), mapping)


def _at(descriptor: int, start: int, count: int) -> bytes:
    """Reads from a place in a file; Windows, which cannot, seeks first."""
    if start < 0:
        return b""
    if hasattr(os, "pread"):
        return os.pread(descriptor, count, start)
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, count)


def _write(descriptor: int, content: bytes) -> None:
    """Appends all of it, or raises OSError and takes back what was written of it."""
    start = os.lseek(descriptor, 0, os.SEEK_END)
    left = memoryview(content)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        os.ftruncate(descriptor, start)
        raise
