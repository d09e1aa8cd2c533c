import numpy as np
import pytest

from edgecls.data.mirrored import mirrored_by_looks, mirrored_by_name
from edgecls.edge_runtime.images.opencv import cv2


@pytest.mark.parametrize(
    ("labels", "pair"),
    [
        (("left", "right"), ("left", "right")),
        (("arrow_left", "arrow_right", "stop"), ("arrow_left", "arrow_right")),
        (("turnLeft", "turnRight"), ("turnLeft", "turnRight")),
        (("hand-L", "hand-R"), ("hand-L", "hand-R")),
        (("Links", "Rechts", "geradeaus"), ("Links", "Rechts")),
        (("a", "b", "d"), ("b", "d")),
        (tuple("0123456789"), ("0", "1")),
        (("A", "C", "E"), ("A", "C")),
        (("one", "two", "three"), ("one", "two")),
        (("cat", "dog"), None),
        (("0", "1"), None),
        (("leftover", "bright"), None),
        (("left", "up"), None),
    ],
)
def test_names_tell_of_left_and_right_digits_and_letters(
    labels: tuple[str, ...], pair: tuple[str, str] | None
):
    assert mirrored_by_name(labels) == pair


def arrows(count: int, seed: int = 0) -> np.ndarray:
    """Arrows to the right in any colours, sizes and places."""
    random, drawn = np.random.default_rng(seed), []
    for _ in range(count):
        image = np.full((32, 32, 3), random.integers(120, 256, 3), np.uint8)
        x, y, size = *random.integers(12, 20, 2), random.integers(7, 11)
        head = np.array([[x + size, y], [x, y - size // 2 - 1], [x, y + size // 2 + 1]], np.int32)
        colour = random.integers(0, 100, 3).tolist()
        cv2.fillPoly(image, [head], colour)
        cv2.rectangle(image, (int(x - size), int(y - 2)), (int(x), int(y + 2)), colour, -1)
        drawn.append(np.clip(image + random.normal(0, 8, image.shape), 0, 255).astype(np.uint8))
    return np.stack(drawn)


def test_arrows_are_recognised_by_their_looks_whatever_they_are_called():
    images = np.concatenate([arrows(60, seed=2)[:, ::-1], arrows(60), arrows(60, seed=1)[:, :, ::-1]])
    images[:60] = np.rot90(images[:60], axes=(1, 2))  # up, or down: no mirror image of the others
    assert mirrored_by_looks(images, np.repeat([0, 1, 2], 60), 3) == (1, 2)


def test_classes_that_look_the_same_mirrored_are_no_pair():
    up = np.ascontiguousarray(np.rot90(arrows(60), axes=(1, 2)))
    down = np.ascontiguousarray(np.rot90(arrows(60, seed=1), 3, axes=(1, 2)))
    noise = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), np.uint8)
    right = arrows(60, seed=2)  # has a mirror image, but nothing here is it
    truth = np.repeat([0, 1, 2, 3], 60)
    assert mirrored_by_looks(np.concatenate([up, down, noise, right]), truth, 4) is None


def test_arrows_in_both_directions_are_no_pair():
    both = arrows(120)
    both[::2] = both[::2, :, ::-1]
    assert mirrored_by_looks(both, np.arange(120) // 60, 2) is None


def test_few_images_tell_nothing():
    assert (
        mirrored_by_looks(np.concatenate([arrows(5), arrows(5)[:, :, ::-1]]), np.repeat([0, 1], 5), 2) is None
    )
