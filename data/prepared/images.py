"""Images of a data set: an array in memory, or, where they are too many for that, in mapped files."""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

PIECE_BYTES = 16 * 2**20
"""Of images that are looked at together: enough to be fast, few enough to need little memory."""
_PAGE = mmap.PAGESIZE


class Images(Protocol):
    """uint8 (N, H, W, 3) RGB: a numpy array, or `MappedImages`, whose first axis is indexed like one's.

    Whoever wants all of them goes through `pieces`: a whole copy may be larger than the memory.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, H, W, 3)."""
        ...

    @property
    def nbytes(self) -> int:
        """Of all pixels."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, places: Any, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


def pieces(images: Images) -> Iterator[np.ndarray]:
    """Yields all images in order, uint8 (n, H, W, 3) each of at most `PIECE_BYTES`."""
    each_bytes = int(np.prod(images.shape[1:]))
    count = max(1, PIECE_BYTES // max(1, each_bytes))
    for start in range(0, len(images), count):
        yield images[start : start + count]


def take(images: Images, places: np.ndarray) -> Any:
    """Returns the images that a bool (N,) or int (n,) array chooses; mapped ones are not copied.

    Args:
        images: of a data set.
        places: in the order in which they are returned.
    """
    return images.take(places) if isinstance(images, MappedImages) else images[places]


def joined(parts: Sequence[Images]) -> Any:
    """Returns the images of several parts, one after the other; mapped ones are not copied."""
    mapped = [part for part in parts if isinstance(part, MappedImages)]
    if not mapped:
        return np.concatenate([part[:] for part in parts])
    sources = [source for part in parts for source in _sources(part)]
    starts = np.cumsum([0, *(len(_sources(part)) for part in parts[:-1])])
    places = [_places(part) + (int(start) << ROW_BITS) for part, start in zip(parts, starts, strict=True)]
    return MappedImages(sources, np.concatenate(places))


def save_images(path: Path, images: Images) -> None:
    """Writes images as a `.npy`, without a copy of all of them; raises OSError."""
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": images.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for piece in pieces(images):
            file.write(np.ascontiguousarray(piece).data)


ROW_BITS = 32
"""A place is the number of a source, and a row in it in so many lower bits."""
_ROW = (1 << ROW_BITS) - 1


class PictureRows:
    """Pictures of one size that lie one after the other: in memory, or in a file that is mapped.

    Args:
        pictures: uint8 (N, H, W, 3) RGB.
        mapping: what they lie in; None for memory.
    """

    def __init__(self, pictures: np.ndarray, mapping: "mmap.mmap | None" = None) -> None:
        self.pictures = pictures
        self._mapping = mapping
        self._advise(getattr(mmap, "MADV_RANDOM", None), 0, pictures.nbytes)  # what follows is not read, too

    def copy(self, rows: np.ndarray, target: np.ndarray, at: np.ndarray) -> None:
        """Copies the pictures of ascending `rows`, int (n,), to the places `at` of `target`.

        The disk is asked for all of them at once, and read in one direction.
        """
        self._read_ahead(rows)
        if len(rows) > 1 and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
            target[at] = self.pictures[rows[0] : rows[-1] + 1]
        else:
            target[at] = self.pictures[rows]
        if self._mapping is not None:  # the system keeps what it has room for; this process need not
            first, end = int(rows[0]), int(rows[-1]) + 1
            self._advise(getattr(mmap, "MADV_DONTNEED", None), *self._bytes(first, end))

    def _read_ahead(self, rows: np.ndarray) -> None:
        option = getattr(mmap, "MADV_WILLNEED", None)
        if self._mapping is None or option is None:
            return
        ends = np.flatnonzero(np.diff(rows, append=rows[-1] + 2) > 1)
        firsts = np.concatenate([[0], ends[:-1] + 1])
        for first, end in zip(rows[firsts].tolist(), rows[ends].tolist(), strict=True):
            self._advise(option, *self._bytes(first, end + 1))

    def _bytes(self, first: int, end: int) -> tuple[int, int]:
        each = self.pictures[0].nbytes
        return first * each, (end - first) * each

    def _advise(self, option: int | None, start: int, count: int) -> None:
        """Windows knows no advice."""
        if self._mapping is not None and option is not None and count:
            within = start % _PAGE
            self._mapping.madvise(option, start - within, count + within)


class MappedImages:
    """Images in files that are mapped into memory, chosen and ordered by an index: uint8 (N, H, W, 3) RGB.

    Indexed by a number, a slice, or an int or bool array, as numpy's are along their first axis; what comes
    is a copy in memory. They cannot be changed.

    Args:
        sources: where they lie.
        places: int64 (N,), each the number of a source times 2**`ROW_BITS`, plus a row.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, sources: Sequence[PictureRows], places: np.ndarray) -> None:
        self.sources = tuple(sources)
        self.places = places
        self.shape: tuple[int, ...] = (len(places), *self.sources[0].pictures.shape[1:])

    @property
    def nbytes(self) -> int:
        """Of all pixels, wherever they are."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, places: Any) -> np.ndarray:
        if isinstance(places, tuple):  # such as `[..., ::-1]`: of all images, which are copied
            return np.asarray(self)[places]
        if isinstance(places, int | np.integer):
            return self._gathered(self.places[places : places + 1 or None])[0]
        return self._gathered(self.places[places])

    def __iter__(self) -> Iterator[np.ndarray]:
        for piece in pieces(self):
            yield from piece

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Copies all images into memory."""
        if copy is False:
            raise ValueError("images in files are copied")
        images = self._gathered(self.places)
        return images if dtype is None else images.astype(dtype, copy=False)

    def take(self, places: np.ndarray) -> "MappedImages":
        """Returns those that a bool (N,) or int (n,) array chooses, without reading them."""
        return MappedImages(self.sources, self.places[places])

    def _gathered(self, places: np.ndarray) -> np.ndarray:
        images = np.empty((len(places), *self.shape[1:]), np.uint8)
        numbers, rows = places >> ROW_BITS, places & _ROW
        for number in np.unique(numbers).tolist():
            chosen = np.flatnonzero(numbers == number)
            chosen = chosen[np.argsort(rows[chosen], kind="stable")]
            self.sources[number].copy(rows[chosen], images, chosen)
        return images


def _sources(images: Images) -> Sequence[PictureRows]:
    return images.sources if isinstance(images, MappedImages) else (PictureRows(images[:]),)


def _places(images: Images) -> np.ndarray:
    return images.places if isinstance(images, MappedImages) else np.arange(len(images))
