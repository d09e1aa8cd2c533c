"""What `fit` is given to read an epoch's batches from."""

import importlib
import weakref
from collections.abc import Iterator
from typing import Any

from .backend import keras
from .batches import Batch, EpochBatches

_AHEAD = 16
"""Batches that are made while the network computes."""


def feed(batches: EpochBatches) -> Any:
    """The batches in the form that the backend reads without waiting.

    For TensorFlow Keras would make of them a `tf.data.Dataset` whose automatic tuning, when it is ended,
    may sleep on until its next round. Rounds come 10 ms * (2**n - 1) after the start, so that an epoch of
    21 s took 41 s, now and then. There is nothing to tune in it: it is made here, without.
    """
    if keras.config.backend() != "tensorflow":
        return batches
    tf: Any = importlib.import_module("tensorflow")
    signature = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batches[0])
    seen: Any = weakref.ref(batches)  # TensorFlow never lets go of what a generator comes from
    made = tf.data.Dataset.from_generator(lambda: _each(seen()), output_signature=signature)
    made = made.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(_AHEAD)
    options = tf.data.Options()
    options.autotune.enabled = False
    return made.with_options(options)


def _each(batches: EpochBatches) -> Iterator[Batch]:
    return map(batches.__getitem__, range(len(batches)))
