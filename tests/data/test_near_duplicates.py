import numpy as np
import pytest

from edgecls.data.near_duplicates import near_groups
from edgecls.data.signatures import nearest, signatures
from edgecls.edge_runtime.images.opencv import cv2


def scenes(count: int, seed: int = 0, size_px: int = 32) -> np.ndarray:
    """Smooth random pictures, uint8 (N, S, S, 3): as different as photographs are."""
    rough = np.random.default_rng(seed).integers(0, 256, (count, 5, 5, 3), np.uint8)
    return np.stack([cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_CUBIC) for image in rough])


def compressed(image: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], cv2.IMREAD_COLOR)


def as_sets(groups: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups == number).tolist()) for number in groups}


def test_different_pictures_are_a_group_each():
    assert len(set(near_groups(scenes(300)))) == 300


@pytest.mark.parametrize("size_px", [32, 96, 224])
def test_another_copy_is_in_the_group_of_its_original(size_px: int):
    originals = scenes(20, size_px=size_px)
    groups = near_groups(np.concatenate([originals, [compressed(image) for image in originals]]))
    assert groups[:20].tolist() == groups[20:].tolist()
    assert len(set(groups)) == 20


def test_a_thing_that_moves_slowly_is_one_group_though_its_ends_differ():
    scene, thing = scenes(2, size_px=64)
    film = np.stack([scene] * 16)
    for frame, image in enumerate(film):
        image[16:56, 2 * frame : 2 * frame + 32] = thing[:40, :32]
    assert nearest(signatures(film[:1]), signatures(film[-1:])).tolist() == [-1]
    assert len(set(near_groups(film))) == 1


def test_the_order_of_the_images_does_not_matter():
    images = np.concatenate([scenes(50), scenes(25)])
    order = np.random.default_rng(3).permutation(75)
    shuffled = near_groups(images[order])
    assert {frozenset(order[list(group)].tolist()) for group in as_sets(shuffled)} == as_sets(
        near_groups(images)
    )


def test_a_stricter_measure_parts_what_is_less_alike():
    image = scenes(1)[0].astype(int)
    pair = np.clip([image, image + 8], 0, 255).astype(np.uint8)
    assert len(set(near_groups(pair))) == 1
    assert len(set(near_groups(pair, strictness=4))) == 2


def test_thousands_of_equal_pictures_take_no_longer_than_different_ones():
    assert len(set(near_groups(np.zeros((3000, 8, 8, 3), np.uint8)))) == 1


def test_no_pictures_have_no_groups():
    assert near_groups(np.empty((0, 8, 8, 3), np.uint8)).tolist() == []
