"""What the trainer's tests share: a data set that a network learns in a few steps."""

import numpy as np
import pytest

from edgecls.data.load import Dataset, Split


@pytest.fixture(scope="session")
def shades() -> Dataset:
    """Dark, middling and bright noise of 18x18 px: what the documented CNN learns in a few steps."""

    def split(count: int, seed: int) -> Split:
        truth = np.arange(count) % 3
        noise = np.random.default_rng(seed).integers(0, 60, (count, 18, 18, 3))
        return Split((noise + 70 * truth[:, None, None, None]).astype(np.uint8), truth)

    labels = ("dark", "middling", "bright")
    return Dataset("shades", labels, split(120, 0), split(30, 1), split(30, 2), sha256="0" * 64)
