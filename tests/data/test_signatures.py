from dataclasses import dataclass

import numpy as np
import pytest

from edgecls.data.signatures import NEAR_BITS, NEAR_STEPS, Signatures, linked, nearest, signatures
from tests.data.test_near_duplicates import compressed, scenes


@dataclass(frozen=True)
class Differences:
    """Of every pair of two sets of images, the slow way."""

    bits: np.ndarray
    sums: np.ndarray

    @classmethod
    def between(cls, some: Signatures, others: Signatures) -> "Differences":
        bits = np.bitwise_count(some.hashes[:, np.newaxis] ^ others.hashes)
        ones, wide = some.thumbnails.astype(np.int16), others.thumbnails.astype(np.int16)
        return cls(bits, np.stack([np.abs(wide - one).sum(axis=1) for one in ones]))

    def near(self, strictness: float = 1.0) -> np.ndarray:
        return (self.bits <= NEAR_BITS / strictness) & (self.sums / 192 <= NEAR_STEPS / strictness)


def first_linked(is_near: np.ndarray) -> np.ndarray:
    """The first of all images with which each is linked."""
    first = np.arange(len(is_near))
    while True:
        smaller = np.where(is_near, first, len(first)).min(axis=1)
        if (smaller == first).all():
            return first
        first = smaller


def varied(images: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    steps = np.random.default_rng(seed).integers(-most, most + 1, images.shape)
    return np.clip(images + steps, 0, 255).astype(np.uint8)


def film(count: int) -> np.ndarray:
    """One scene that becomes another."""
    first, last = scenes(2).astype(float)
    share = np.linspace(0, 1, count)[:, np.newaxis, np.newaxis, np.newaxis]
    return varied(np.rint(first * (1 - share) + last * share).astype(int), 9)


def flat(count: int) -> np.ndarray:
    colours = np.random.default_rng(0).integers(0, 256, (count, 1, 1, 3), np.uint8)
    return np.broadcast_to(colours, (count, 8, 8, 3))


def camera(count: int) -> np.ndarray:
    """A fixed camera before which something else is seen now and then."""
    images = varied(np.repeat(scenes(1), count, axis=0).astype(int), 20)
    images[::20] = scenes(len(images[::20]), seed=1)
    return images


SETS = {
    "scenes": lambda: scenes(300),
    "copies": lambda: np.concatenate([scenes(150), [compressed(image) for image in scenes(150)]]),
    "bursts": lambda: varied(np.repeat(scenes(60), 7, axis=0).astype(int), 60),
    "noise": lambda: np.random.default_rng(0).integers(0, 256, (300, 16, 16, 3), np.uint8),
    "rows that hash alike": lambda: np.sort(
        np.random.default_rng(0).integers(0, 90, (300, 8, 8, 3), np.uint8), axis=2
    ),
    "flat colours": lambda: flat(300),
    "a slow film": lambda: film(300),
    "a fixed camera": lambda: camera(300),
    "equal images": lambda: np.zeros((300, 8, 8, 3), np.uint8),
    "one image": lambda: scenes(1),
}


@pytest.mark.parametrize("images", SETS.values(), ids=SETS.keys())
def test_links_and_neighbours_are_those_that_comparing_every_pair_finds(images):
    some = signatures(images())
    differences = Differences.between(some, some)
    for strictness in (1.0, 2.0, 4.0):
        wanted = first_linked(differences.near(strictness)).tolist()
        for per_cell in (5, 500):
            assert linked(some, strictness, per_cell=per_cell).tolist() == wanted
    tests, others = slice(0, None, 2), slice(1, None, 2)
    sums = np.where(differences.near(), differences.sums, 10**6)[tests, others]
    found = [int(row.argmin()) if (row < 10**6).any() else -1 for row in sums]
    for per_cell in (5, 500):
        assert nearest(some.at(tests), some.at(others), per_cell=per_cell).tolist() == found


def test_images_at_both_limits_are_near_and_beyond_them_are_not():
    thumbnail = np.full((1, 192), 100, np.uint8)
    one = Signatures(np.zeros(1, np.uint64), thumbnail)
    at_limits = Signatures(np.array([2**12 - 1], np.uint64), thumbnail + np.uint8(12))
    beyond = Signatures(at_limits.hashes, at_limits.thumbnails.copy())
    beyond.thumbnails[0, 0] += 1
    assert nearest(one, at_limits).tolist() == [0]
    assert nearest(one, beyond).tolist() == [-1]
    assert nearest(one, Signatures(np.array([2**13 - 1], np.uint64), thumbnail)).tolist() == [-1]


def test_images_on_disk_are_read_one_by_one(tmp_path):
    images = scenes(20)
    mapped = np.memmap(tmp_path / "images", np.uint8, "w+", shape=images.shape)
    mapped[:] = images
    assert (signatures(mapped).thumbnails == signatures(images).thumbnails).all()
    mirror = signatures(np.ascontiguousarray(images[:, :, ::-1]))
    assert (signatures(mapped, mirrored=True).hashes == mirror.hashes).all()


def test_no_images_have_no_neighbours():
    none, some = signatures(np.empty((0, 8, 8, 3), np.uint8)), signatures(scenes(2))
    assert nearest(none, some).tolist() == []
    assert nearest(some, none).tolist() == [-1, -1]
    assert linked(none).tolist() == []
