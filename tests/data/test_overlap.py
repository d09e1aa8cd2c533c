from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecls.data.load import load_dataset
from edgecls.data.overlap import overlap_warnings
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule

RULE = ImageRule(32, 32)


def scene(seed: int) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), np.uint8)
    return cv2.resize(rough, (64, 64), interpolation=cv2.INTER_CUBIC)


def put(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Three parts of different pictures."""
    for number, (part, label) in enumerate((p, c) for p in ("train", "val", "test") for c in ("cat", "dog")):
        for place in range(6):
            put(tmp_path / part / label / f"{place}{'abcdef'[place]}.png", scene(100 * number + place))
    return tmp_path


def warned(folder: Path) -> tuple[str, ...]:
    return overlap_warnings(load_dataset(str(folder), RULE, seed=0))


def test_parts_that_share_nothing_are_fine(pets: Path):
    assert warned(pets) == ()


@pytest.mark.parametrize(("part", "word"), [("test", "test"), ("val", "validation")])
def test_copies_of_training_pictures_are_counted_with_an_example(pets: Path, part: str, word: str):
    for place in range(3):
        (pets / part / "cat" / f"copy{place}.png").write_bytes((pets / "train/cat/0a.png").read_bytes())
    assert warned(pets) == (
        f"{word} images that are also training images: 3 of 15, such as {part}/cat/copy0.png and "
        "train/cat/0a.png; accuracy is overstated: remove them from one of the two",
    )


def again(picture: np.ndarray) -> np.ndarray:
    decoded = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded


@pytest.mark.parametrize(
    ("alter", "kind"),
    [
        (again, "are near-duplicates of training images, saved again"),
        (
            lambda picture: cv2.resize(picture, (40, 40)),
            "are near-duplicates of training images, saved again",
        ),
        (lambda picture: cv2.flip(picture, 1), "are mirrored near-duplicates of training images"),
        (lambda picture: again(cv2.flip(picture, 1)), "are mirrored near-duplicates of training images"),
    ],
    ids=["JPEG", "resized", "mirrored", "mirrored JPEG"],
)
def test_altered_copies_are_counted_too(pets: Path, alter: Callable[[np.ndarray], np.ndarray], kind: str):
    put(pets / "test" / "dog" / "copy.png", alter(scene(103)))
    (warning,) = warned(pets)
    assert warning.startswith(f"test images that {kind}")
    assert "1 of 13, such as test/dog/copy.png and train/dog/3d.png" in warning


def test_one_picture_under_two_labels_is_named(pets: Path):
    put(pets / "train" / "cat" / "x.png", scene(103))
    assert warned(pets) == (
        "images with two labels: 1, such as train/dog/3d.png = train/cat/x.png; remove the wrong ones",
    )


def test_parts_that_were_divided_here_are_not_compared(tmp_path: Path):
    for number, label in enumerate(("cat", "dog")):
        for place in range(12):
            put(tmp_path / label / f"{place}.png", scene(100 * number + place // 2))
    assert warned(tmp_path) == ()
