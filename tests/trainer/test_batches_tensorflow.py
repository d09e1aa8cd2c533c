import gc
import weakref

import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.data.split import Split
from edgecls.trainer.batches import EpochBatches, as_dataset
from edgecls.trainer.recipe import Recipe

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="other backends read the batches themselves"
)


def made(class_weights: np.ndarray | None = None) -> EpochBatches:
    random = np.random.default_rng(0)
    split = Split(random.integers(0, 256, (70, 8, 8, 3), np.uint8), random.integers(0, 3, 70))
    return EpochBatches(split, Recipe(augment=("shift",)), 0, class_weights=class_weights)


@pytest.mark.parametrize("class_weights", [None, np.array([0.5, 2.0, 1.0])], ids=["plain", "weighted"])
def test_each_batch_comes_once_as_it_is(class_weights):
    batches = made(class_weights)
    fed = list(as_dataset(batches).as_numpy_iterator())
    assert len(fed) == len(as_dataset(batches)) == 3
    for number, parts in enumerate(fed):
        for given, expected in zip(parts, batches[number], strict=True):
            assert given.dtype == expected.dtype
            assert (given == expected).all()


def test_nothing_tunes_it_by_itself():
    """An end that sleeps until a tuner's next round comes by chance, and can double an epoch."""
    assert not as_dataset(made()).options().autotune.enabled


def test_an_epoch_that_is_over_takes_no_memory():
    batches = made()
    gone = weakref.ref(batches)
    assert len(list(as_dataset(batches))) == 3
    del batches
    gc.collect()
    assert gone() is None
