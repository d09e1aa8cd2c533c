"""Images in files are indexed like a numpy array."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from edgecls.data.prepared import images as images_module
from edgecls.data.prepared.images import (
    ROW_BITS,
    MappedImages,
    PictureRows,
    joined,
    pieces,
    save_images,
    take,
)
from edgecls.data.split import Split, digest

SHAPE = (5, 7, 3)


def rows_in_file(path: Path, pictures: np.ndarray) -> PictureRows:
    path.write_bytes(pictures.tobytes())
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return PictureRows(np.frombuffer(mapping, np.uint8).reshape(pictures.shape), mapping)


@pytest.fixture
def both(tmp_path: Path) -> tuple[MappedImages, np.ndarray]:
    """Images in two files, in no order, and the same in memory."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (1500, *SHAPE), dtype=np.uint8)
    sources = [rows_in_file(tmp_path / "a", pictures[:900]), rows_in_file(tmp_path / "b", pictures[900:])]
    chosen = random.permutation(1500)[:1000]
    places = np.where(chosen < 900, chosen, (1 << ROW_BITS) + chosen - 900)
    return MappedImages(sources, places), pictures[chosen]


@pytest.mark.parametrize(
    "places",
    [
        0,
        -1,
        np.int64(17),
        slice(None),
        slice(3, 700),
        slice(-5, None),
        slice(None, None, -3),
        slice(5, 5),
        [4, 4, 2, 999],
        np.array([5, 1, 900]),
        np.arange(1000) % 3 == 0,
        np.array([], int),
        (Ellipsis, slice(None, None, -1)),
        (slice(2, 9), slice(None), 0),
        (3, 2, 1),
    ],
    ids=str,
)
def test_it_is_indexed_like_an_array(both, places):
    mapped, array = both
    found = mapped[places]
    assert found.dtype == np.uint8
    assert np.array_equal(found, array[places])


def test_it_has_the_shape_and_the_order_of_an_array(both, monkeypatch):
    mapped, array = both
    monkeypatch.setattr(images_module, "PIECE_BYTES", 7 * 105)
    assert (len(mapped), mapped.shape, mapped.dtype, mapped.ndim, mapped.nbytes) == (
        len(array),
        array.shape,
        array.dtype,
        4,
        array.nbytes,
    )
    assert np.array_equal(np.asarray(mapped), array)
    assert all(np.array_equal(*pair) for pair in zip(mapped, array, strict=True))
    assert [len(piece) for piece in pieces(mapped)] == [7] * 142 + [6]
    assert np.array_equal(np.concatenate([*pieces(mapped)]), array)
    with pytest.raises(IndexError):
        mapped[1000]
    with pytest.raises(TypeError):
        mapped[0] = array[0]


def test_a_choice_of_them_reads_nothing(both, monkeypatch):
    mapped, array = both
    monkeypatch.setattr(PictureRows, "copy", lambda *_: pytest.fail("read"))
    chosen = np.arange(1000) % 2 == 0
    part = take(mapped, chosen)
    whole = joined([part, array[:3], take(mapped, np.array([7]))])
    assert len(Split(mapped, np.zeros(1000, int)).where(chosen)) == 500
    monkeypatch.undo()
    assert np.array_equal(part, array[chosen])
    assert np.array_equal(whole, np.concatenate([array[chosen], array[:3], array[7:8]]))


def test_the_digest_of_a_data_set_does_not_depend_on_where_it_lies(both, monkeypatch):
    mapped, array = both
    monkeypatch.setattr(images_module, "PIECE_BYTES", 1000)
    truth = np.zeros(1000, np.int64)
    assert digest(("a",), (Split(mapped, truth),)) == digest(("a",), (Split(array, truth),))


def test_they_are_written_as_numpy_writes_them(both, tmp_path, monkeypatch):
    mapped, array = both
    monkeypatch.setattr(images_module, "PIECE_BYTES", 1000)
    save_images(tmp_path / "images.npy", mapped)
    assert np.array_equal(np.load(tmp_path / "images.npy", mmap_mode="r"), array)
