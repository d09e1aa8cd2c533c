"""The cache of prepared pictures, as one reading of a data set uses it: what is known, and what it adds.

Pictures are known by the digests of their files' contents, so that a file may be renamed, moved, or packed
into an archive. All files are read each time: a size and a date would be quicker, but do not prove that a
file is the same, and reading takes a small part of the time that decoding does.

Where nothing can be written, or the disk is full, everything works without the cache, in memory.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from ...edge_runtime.images.rule import BITS_OF_DATA, ImageRule
from ...edge_runtime.locks import Lock, LockedFolder, PartFolder
from .folder import evict, is_roomy, limit_bytes, rule_folder
from .images import ROW_BITS, MappedImages, PictureRows
from .pack import DEPTH, PICTURE, SUFFIX, Key, MergedIndex, Pack, PackWriter

IN_MEMORY_BYTES = 256 * 2**20
"""Data sets of so many bytes of pixels are read into memory; larger ones stay in files that are mapped."""
_NEW = 1 << 30
"""The number of the source that new pictures go to."""
_PATIENCE_S = 60.0
"""How long another process that prepares such pictures is waited for while it adds none."""
_POLL_S = 0.1
_MOST_PACKS = 250
"""Open at once; a process may have 1,024 files open."""


class Place(NamedTuple):
    """Where a prepared picture lies."""

    at: int


class Deep(NamedTuple):
    """A picture of 16 bits a channel, to be prepared when it is known how many of them the data set uses."""

    bits: int
    """Those that this picture uses."""


Outcome = Place | Deep | str
"""What became of a file; a text says why it cannot be used, without its name."""


class PreparedPictures:
    """The prepared pictures of one reading. A context manager, at whose end new ones are kept.

    Args:
        rule: how they are prepared.
        total: how many files there are.
    """

    def __init__(self, rule: ImageRule, total: int) -> None:
        self._shape = rule.shape
        self._total = total
        self._done = 0
        self._folder = rule_folder(rule)
        self._packs: list[Pack] = []
        self._index = MergedIndex([])
        self._used = set[int]()
        self._new: PackWriter | _MemoryRows | None = None
        self._added: dict[Key, Outcome] = {}
        self._part: PartFolder | None = None
        self._locked: LockedFolder | None = None
        self.known = 0
        """Pictures that had been prepared before."""
        self._open_packs()

    @property
    def is_kept(self) -> bool:
        """Whether there is a cache."""
        return self._folder is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, a line each."""
        if not self.is_kept or self._bytes <= limit_bytes():
            return ()
        needed, limit = (f"{size / 10**9:,.1f} GB" for size in (self._bytes, limit_bytes()))
        return (
            f"prepared images: {needed}, but the cache may hold only {limit}, so that each command prepares "
            f"them again; raise the limit with `edgecls cache --limit {1 + self._bytes // 10**9}GB`",
        )

    @property
    def _bytes(self) -> int:
        return self._total * int(np.prod(self._shape))

    def find(self, key: Key, bits: int) -> Outcome | None:
        """Returns what became of a file when it was prepared before; from any thread.

        Args:
            key: of its content.
            bits: of the rule.
        """
        found = self._index.find(key._replace(depth=bits)) if bits != BITS_OF_DATA else None
        found = found or self._index.find(key)
        if found is None:
            return None
        number, entry = found
        kind, value = int(entry["kind"]), int(entry["value"])
        if kind == PICTURE:
            return Place((number << ROW_BITS) + value)
        if kind == DEPTH:
            return Deep(value) if bits == BITS_OF_DATA else None
        return self._packs[number].reasons[value]

    def count(self, outcome: Outcome) -> Outcome:
        """Counts a file that was found; returns the same."""
        if isinstance(outcome, Deep):  # which will be read again
            return outcome
        self._done += 1
        if isinstance(outcome, Place):
            self.known += 1
            self._used.add(outcome.at >> ROW_BITS)
        return outcome

    def add(self, key: Key | None, bits: int, outcome: np.ndarray | Deep | str) -> Outcome:
        """Takes a file that has just been prepared; not from several threads at once.

        Args:
            key: of its content, with the depth; None without a cache.
            bits: of the rule.
            outcome: uint8 (H, W, 3) RGB; or how deep it is; or why it cannot be used.
        """
        if self._new is None:
            self._begin()
        if key is not None and key not in self._added and (known := self.find(key, bits)) is not None:
            return self.count(known)  # another process was faster
        self._done += 1
        if key is not None and key in self._added:  # a copy in the same data set
            return self._added[key]
        try:
            added = self._stored(key, outcome)
        except OSError:  # the disk is full
            self._without_cache()
            added = self._stored(key, outcome)
        if key is not None and self.is_kept:
            self._added[key] = added
        return added

    def images(self, places: Sequence[Place]) -> Any:
        """Returns pictures, in order: a numpy array, or `MappedImages` where they are too many for that."""
        numbers = np.array([place.at for place in places], np.int64)
        rows = numbers & (1 << ROW_BITS) - 1
        if isinstance(self._new, _MemoryRows) and not self._used and (np.diff(numbers) == 1).all():
            first = int(rows[0]) if len(rows) else 0  # in the order in which they were read: no copy
            return self._new.pictures[first : first + len(rows)]
        used = np.unique(numbers >> ROW_BITS)
        sources = [self._rows(number) for number in used.tolist()] or [
            PictureRows(np.empty((0, *self._shape), np.uint8))
        ]
        mapped = MappedImages(sources, (np.searchsorted(used, numbers >> ROW_BITS) << ROW_BITS) + rows)
        return np.asarray(mapped) if self._bytes <= IN_MEMORY_BYTES else mapped

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Keeps what was added, even if the reading was interrupted: the next one goes on from there."""
        for number in self._used:
            with suppress(OSError):  # removed meanwhile, or read-only
                os.utime(self._packs[number].path)
        with suppress(OSError):  # the disk is full now
            self._keep()
        for held in (*self._packs, self._new, self._part, self._locked):
            if held is not None and not isinstance(held, _MemoryRows):
                held.close()

    def _keep(self) -> None:
        writer, folder = self._new, self._folder
        is_too_large = self._bytes > limit_bytes()
        if not isinstance(writer, PackWriter) or folder is None or writer.is_empty or is_too_large:
            return
        writer.finish()
        os.utime(writer.path)  # used last
        writer.path.replace(folder / f"{os.urandom(8).hex()}{SUFFIX}")
        evict()

    def _rows(self, number: int) -> PictureRows:
        if number != _NEW:
            return self._packs[number].mapped()
        if self._new is None:
            raise ValueError("no picture was added")
        return self._new.mapped()

    def _open_packs(self) -> None:
        """Opens the packs that are there, the largest first: a picture may be in several."""
        if self._folder is None:
            return
        known = {pack.path for pack in self._packs}
        with suppress(OSError):  # there is no folder yet
            paths = [path for path in self._folder.glob(f"*{SUFFIX}") if path not in known]
            paths.sort(key=_size, reverse=True)
            for path in paths[: _MOST_PACKS - len(self._packs)]:
                with suppress(OSError, ValueError):  # removed meanwhile; or damaged, and as good as that
                    self._packs.append(Pack(path, self._shape))
        self._index = MergedIndex(self._packs)

    def _begin(self) -> None:
        """Chooses where new pictures go: a pack, or memory where that cannot be written."""
        try:
            if self._folder is not None:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                each_bytes = int(np.prod(self._shape))
                if is_roomy(self._folder, (self._total - self._done) * each_bytes):
                    self._locked = _locked(self._folder)
                    self._open_packs()
                    self._part = PartFolder(self._folder)
                    self._new = PackWriter(self._part.path / "pictures", self._shape)
                    return
        except OSError:
            pass
        self._without_cache()

    def _stored(self, key: Key | None, outcome: np.ndarray | Deep | str) -> Outcome:
        if isinstance(outcome, np.ndarray):
            if isinstance(self._new, PackWriter) and key is not None:
                row = self._new.add_picture(key, outcome)
            else:
                row = self._without_cache().add(outcome)
            return Place((_NEW << ROW_BITS) + row)
        if isinstance(self._new, PackWriter) and key is not None:
            if isinstance(outcome, Deep):
                self._new.add_depth(key, outcome.bits)
            else:
                self._new.add_reason(key, outcome)
        return outcome

    def _without_cache(self) -> "_MemoryRows":
        """Goes on in memory, with the pictures that have been written already."""
        if isinstance(self._new, _MemoryRows):
            return self._new
        memory = _MemoryRows(self._total, self._shape)
        if isinstance(self._new, PackWriter):
            for image in self._new.mapped().pictures:
                memory.add(image)
            self._new.close()
        self._new, self._folder = memory, None
        return memory


class _MemoryRows:
    """New pictures in memory; what is not used of it takes no room."""

    def __init__(self, total: int, shape: tuple[int, ...]) -> None:
        self.pictures = np.empty((total, *shape), np.uint8)
        self._count = 0

    def add(self, image: np.ndarray) -> int:
        """Takes a picture; returns its row."""
        self.pictures[self._count] = image
        self._count += 1
        return self._count - 1

    def mapped(self) -> PictureRows:
        """Returns the pictures so far."""
        return PictureRows(self.pictures[: self._count])


def _locked(folder: Path) -> LockedFolder:
    """Waits while another process prepares pictures by the same rule and gets on, as trials of a sweep do."""
    size, since_s = -1, time.monotonic()
    while (locked := LockedFolder(folder)).lock is Lock.THEIRS:
        now = sum(_size(path) for path in folder.glob(".*/*"))
        if now != size:
            size, since_s = now, time.monotonic()
        elif time.monotonic() - since_s > _PATIENCE_S:
            break
        time.sleep(_POLL_S)
    return locked


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
