from collections.abc import Callable

import numpy as np
import pytest

from edgecls.trainer.enough.examples import Examples, examples

CLASSES, DIMENSIONS = 4, 40


@pytest.fixture(scope="session")
def blobs() -> Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Makes features as of a pretrained network: classes apart by `distance`, in bursts."""

    def make(count: int, distance: float = 4.0, burst: int = 4, seed: int = 0):
        random = np.random.default_rng(seed)
        centres = random.normal(size=(CLASSES, DIMENSIONS)) * distance / np.sqrt(2 * DIMENSIONS)
        groups = np.arange(count) // burst
        truth = groups % CLASSES
        things = random.normal(size=(groups.max() + 1, DIMENSIONS)) * 0.4
        values = 1 + centres[truth] + things[groups] + 0.05 * random.normal(size=(count, DIMENSIONS))
        return values, truth, groups

    return make


@pytest.fixture(scope="session")
def of_blobs(blobs) -> Callable[..., Examples]:
    def make(count: int, **options) -> Examples:
        features, truth, groups = blobs(count, **options)
        return examples(features, truth, groups, CLASSES)

    return make
