"""Small real data sets on the disk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.images.opencv import cv2


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
