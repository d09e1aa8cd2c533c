"""Small real data sets on the disk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from edgecls.edge_runtime.opencv import cv2
from edgecls.trainer.data import Dataset, Split


def _write_images(folder: Path, count: int, side_px: int = 20, first: int = 0) -> None:
    """PNGs that all differ: noise whose seed is the folder's name and the number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        random = np.random.default_rng([*folder.name.encode(), number])
        pixels = random.integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)
        path = folder / f"{number:03}.png"
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())


@pytest.fixture(scope="session")
def write_images() -> Callable[..., None]:
    return _write_images


@pytest.fixture
def cats_and_dogs(tmp_path: Path) -> Path:
    """A folder with six images of each of two classes."""
    folder = tmp_path / "pets"
    for label in ("cat", "dog"):
        _write_images(folder / label, 6)
    return folder


@pytest.fixture(scope="session")
def shades() -> Dataset:
    """Dark, middling and bright noise of 18x18 px: what the documented CNN learns in a few steps."""

    def split(count: int, seed: int) -> Split:
        truth = np.arange(count) % 3
        noise = np.random.default_rng(seed).integers(0, 60, (count, 18, 18, 3))
        return Split((noise + 70 * truth[:, None, None, None]).astype(np.uint8), truth)

    labels = ("dark", "middling", "bright")
    return Dataset("shades", labels, split(120, 0), split(30, 1), split(30, 2), sha256="0" * 64)
