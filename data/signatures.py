"""Signatures of images, by which near-duplicates are found among very many.

Two images are near if their difference hashes differ in few bits and their 8x8 thumbnails by little. Both are
metrics, and the difference of two thumbnails bounds that of any weighted sum of their pixels with weights
from -1 to 1: of their brightness, of their upper and lower halves, of red and blue. Images are therefore
sorted into the cells of a grid over a few such sums, a cell as wide as the limit, and compared with those in
neighbouring cells only. No more than a block of distances is ever in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..edge_runtime.images.look import LOOK_VALUES, THUMBNAIL, look_of
from ..edge_runtime.images.opencv import cv2

NEAR_BITS = 12
"""Near-duplicates: images whose difference hashes differ in at most so many of 64 bits..."""
NEAR_STEPS = 12.0
"""...and whose thumbnails differ by at most so many of 255 steps on average: skies and walls hash alike.

Both limits were chosen by looking: 165 test images of CIFAR-10 have such a neighbour among the training
images, in nearly all cases another copy of the same photograph or of the same car. Barz and Denzler (2020)
found about 3 % by hand, many of them cropped or mirrored, which a hash of this kind does not see.
"""
PER_CELL = 512
"""Images in a cell below which a finer grid would cost more than it saves."""
_DIRECTIONS = 5
"""Of the grid at most: a cell has 3**5 - 1 neighbours."""
_ROWS, _COLUMNS = 256, 512
"""Of a block of distances: their memory fits a processor's cache."""


@dataclass(frozen=True)
class Signatures:
    """Hashes and thumbnails by which images are compared."""

    hashes: np.ndarray
    """Difference hashes, uint64 (N,)."""
    thumbnails: np.ndarray
    """uint8 (N, 192): 8x8 RGB."""

    def __len__(self) -> int:
        return len(self.hashes)

    def at(self, places: np.ndarray | slice) -> "Signatures":
        """Returns the signatures of some of the images."""
        return Signatures(self.hashes[places], self.thumbnails[places])


def signatures(images: np.ndarray, *, mirrored: bool = False) -> Signatures:
    """Returns the signatures of uint8 (N, H, W, C) images, read one after the other.

    See `Look`.

    Args:
        images: may be larger than the memory, as a memory-mapped array.
        mirrored: returns the signatures of their mirror images.
    """
    count = len(images)
    hashes, thumbnails = np.empty(count, np.uint64), np.empty((count, LOOK_VALUES), np.uint8)
    for place, image in enumerate(images):
        hashes[place], thumbnails[place] = look_of(image[:, ::-1] if mirrored else image)
    return Signatures(hashes, thumbnails)


def nearest(some: Signatures, others: Signatures, *, per_cell: int = PER_CELL) -> np.ndarray:
    """Returns for each image the place of the most alike of the `others` that are near it, or -1.

    Args:
        some: of N images.
        others: of those among which to search.
        per_cell: see `PER_CELL`; changes the time only.

    Returns:
        int64 (N,): the first of those that are equally alike.
    """
    count, limits = len(some), _limits(1.0)
    both = Signatures(
        np.concatenate([some.hashes, others.hashes]), np.concatenate([some.thumbnails, others.thumbnails])
    )
    found, best = np.full(count, len(both)), np.full(count, limits.sum, np.int64)
    grid = _Grid(both, limits, per_cell)
    for cell in range(len(grid)):
        rows, columns = grid.members(cell), grid.around(cell)
        for of_rows, of_columns in _blocks(rows[rows < count], columns[columns >= count]):
            alike = _alike_in_hash(both, of_rows, of_columns, limits)
            if alike.any():
                distances, places = _closest(both, of_rows, of_columns, alike)
                is_first = (distances == best[of_rows]) & (places < found[of_rows])
                better = (distances < best[of_rows]) | is_first
                best[of_rows[better]], found[of_rows[better]] = distances[better], places[better]
    return np.where(found < len(both), found - count, -1)


def linked(some: Signatures, strictness: float = 1.0, *, per_cell: int = PER_CELL) -> np.ndarray:
    """Returns for each image the first that it is linked with: near it, directly or through others.

    Images that are linked already are not compared: many nearly equal ones take no longer than different
    ones.

    Args:
        some: of N images.
        strictness: divides both limits.
        per_cell: see `PER_CELL`; changes the time only.

    Returns:
        int64 (N,): places; that of the image itself where there is no other before it.
    """
    forest, limits = _Forest(len(some)), _limits(strictness)
    grid = _Grid(some, limits, per_cell)
    for later in (False, True):  # first inside of cells: then there is less to link between them
        for cell in range(len(grid)):
            rows = grid.members(cell)
            columns = grid.around(cell, later=True) if later else rows
            for block in _blocks_apart(forest, rows, columns):
                _link(forest, some, *block, limits)
    return forest.roots(np.arange(len(some)))


@dataclass(frozen=True)
class _Limits:
    bits: int
    sum: int
    """Of the differences between two thumbnails."""


def _limits(strictness: float) -> _Limits:
    return _Limits(int(NEAR_BITS / strictness), int(NEAR_STEPS * LOOK_VALUES / strictness))


class _Grid:
    """Images sorted into cells; near ones are in the same cell or in neighbouring ones."""

    def __init__(self, some: Signatures, limits: _Limits, per_cell: int) -> None:
        sums = _weighted_sums(some.thumbnails)
        widest = np.argsort(-sums.std(axis=0), kind="stable")[:_DIRECTIONS] if len(some) else []
        keys, steps = np.zeros(len(some), np.int64), []
        for column in sums[:, widest].T:
            cells = (column - column.min()) // limits.sum
            finer = (width := int(cells.max()) + 3) * keys + cells + 1  # an empty cell before and after
            is_fine = width >= 5  # else all cells are neighbours
            if not is_fine or len(np.unique(finer)) * per_cell > len(some):
                break
            keys, steps = finer, [*(width * step for step in steps), 1]
        self._order = np.argsort(keys, kind="stable")
        self._keys, starts = np.unique(keys[self._order], return_index=True)
        self._bounds = np.append(starts, len(some))
        self._offsets = np.array(
            [np.dot(turn, steps) for turn in product((-1, 0, 1), repeat=len(steps))], int
        )

    def __len__(self) -> int:
        return len(self._keys)

    def members(self, cell: int) -> np.ndarray:
        """Returns the places of the images in a cell, int64, ascending."""
        return self._order[self._bounds[cell] : self._bounds[cell + 1]]

    def around(self, cell: int, *, later: bool = False) -> np.ndarray:
        """Returns the places of those in a cell and its neighbours, or in the neighbours that come later."""
        wanted = self._keys[cell] + self._offsets[self._offsets > 0 if later else slice(None)]
        cells = np.minimum(np.searchsorted(self._keys, wanted), len(self) - 1)
        found = map(self.members, cells[self._keys[cells] == wanted])
        return np.sort(np.concatenate([np.empty(0, int), *found]))


def _weighted_sums(thumbnails: np.ndarray) -> np.ndarray:
    """Returns sums with weights of -1, 0 and 1, int64 (N, D): of coarse waves in brightness and colours."""
    waves = np.ones((1, 1), np.float32)
    while len(waves) < THUMBNAIL[0]:
        waves = np.block([[waves, waves], [waves, -waves]])
    waves = waves[np.argsort((np.diff(waves, axis=1) != 0).sum(axis=1))]  # by their changes of sign
    weights = [
        np.einsum("i,j,k->ijk", down, across, colours).ravel()
        for colours, finest in (((1, 1, 1), 4), ((1, 0, -1), 2), ((0, 1, -1), 2))
        for down, across in product(waves[:finest], repeat=2)
    ]
    of_each = np.array(weights, np.float32).T
    pieces = np.array_split(thumbnails, len(thumbnails) // 10_000 + 1)
    return np.concatenate([piece.astype(np.float32) @ of_each for piece in pieces]).astype(np.int64)


class _Forest:
    """Sets of numbers that were linked, as trees: each number points to a smaller one of its set."""

    def __init__(self, count: int) -> None:
        self._above = np.arange(count)

    def roots(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the smallest number in the set of each."""
        found = self._above[numbers]
        while ((above := self._above[found]) != found).any():
            found = above
        self._above[numbers] = found
        return found

    def link(self, some: np.ndarray, others: np.ndarray) -> None:
        """Links the sets of numbers that stand beside each other."""
        for one, other in zip(some.tolist(), others.tolist(), strict=True):
            root, other_root = self._root(one), self._root(other)
            self._above[max(root, other_root)] = min(root, other_root)

    def _root(self, number: int) -> int:
        while (above := int(self._above[number])) != number:
            number = above
        return number


def _blocks(rows: np.ndarray, columns: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(rows), _ROWS):
        for column in range(0, len(columns), _COLUMNS):
            yield rows[start : start + _ROWS], columns[column : column + _COLUMNS]


def _blocks_apart(
    forest: _Forest, rows: np.ndarray, columns: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields blocks of rows and columns without pairs of the set to which most of the rows belong."""
    for start in range(0, len(rows), _ROWS):
        some, all_others = rows[start : start + _ROWS], columns[start if columns is rows else 0 :]
        roots = forest.roots(some)
        names, counts = np.unique(roots, return_counts=True)
        is_common = roots == names[counts.argmax()]
        if 2 * counts.max() > len(some):
            others = all_others[forest.roots(all_others) != names[counts.argmax()]]
            yield from _blocks(some[is_common], others)
            some = some[~is_common]
        yield from _blocks(some, all_others)


def _link(forest: _Forest, some: Signatures, rows: np.ndarray, columns: np.ndarray, limits: _Limits) -> None:
    """Links all near pairs of a block: in turns, each row with its nearest column, each column likewise."""
    alike = _alike_in_hash(some, rows, columns, limits)
    while alike.any():
        of_rows, of_columns = forest.roots(rows), forest.roots(columns)
        alike &= of_rows[:, np.newaxis] != of_columns
        used_rows, used_columns = alike.any(axis=1), alike.any(axis=0)
        rows, columns, alike = rows[used_rows], columns[used_columns], alike[np.ix_(used_rows, used_columns)]
        if not len(rows):
            return
        distances, places = _closest(some, rows, columns, alike)
        is_near = distances <= limits.sum  # other rows are near none of these columns
        forest.link(rows[is_near], places[is_near])
        rows, columns, alike = columns, rows[is_near], np.ascontiguousarray(alike[is_near].T)


def _alike_in_hash(some: Signatures, rows: np.ndarray, columns: np.ndarray, limits: _Limits) -> np.ndarray:
    """Returns which images of a block are alike in their hashes, bool (R, C)."""
    differing = np.bitwise_count(some.hashes[rows][:, np.newaxis] ^ some.hashes[columns])
    return differing <= limits.bits


def _closest(
    some: Signatures, rows: np.ndarray, columns: np.ndarray, alike: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distance to each row's nearest column among those alike, int64 (R,), and its place."""
    distances, found = cv2.batchDistance(
        some.thumbnails[rows],
        some.thumbnails[columns],
        cv2.CV_32S,
        normType=cv2.NORM_L1,
        K=1,
        mask=alike.view(np.uint8),
    )
    return distances[:, 0].astype(np.int64), columns[found[:, 0].astype(np.int64)]
