"""The training images of one epoch, augmented, batch by batch."""

import importlib
import math
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..data.backend import keras
from ..data.split import Split
from .augmentation import augment
from .recipe import Recipe
from .teacher import Teacher

_CHUNK_IMAGES = 4096
"""Images augmented at once: enough for numpy to be fast, few enough to need little memory."""
_PREFETCHED = 16
"""Batches that are made while the network computes."""

Batch = tuple[np.ndarray, ...]


class EpochBatches(keras.utils.PyDataset):
    """All training images once, in an order that depends on the seed and the epoch alone.

    So a training that was interrupted can be resumed.

    Args:
        split: the training images.
        recipe: `batch_size`, `seed` and `augment` are used.
        epoch: counted from 0.
        mirrored_is_same: whether augmentation may mirror images.
        teacher: its probabilities go beside the truth.
        class_weights: float (C,), how much an image of each class counts.
    """

    def __init__(
        self,
        split: Split,
        recipe: Recipe,
        epoch: int,
        *,
        mirrored_is_same: bool = True,
        teacher: Teacher | None = None,
        class_weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self._split = split
        self._batch_size = recipe.batch_size
        self._kinds = recipe.augment
        self._mirrored_is_same = mirrored_is_same
        self._teacher = teacher
        self._class_weights = class_weights
        # A teacher's probabilities of a round are used again in later epochs: the same images in the same
        # order.
        self._round = epoch % teacher.rounds if teacher else epoch
        self._seeds = (recipe.seed, self._round)
        self._order = np.random.default_rng(self._seeds).permutation(len(split))
        self._per_chunk = max(1, _CHUNK_IMAGES // recipe.batch_size)  # batches
        self._chunk: tuple[int, Batch] | None = None

    def __len__(self) -> int:
        return math.ceil(len(self._split) / self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Returns batch `index`, always the same.

        Returns:
            uint8 (N, H, W, 3) images and int64 (N,) classes; with a teacher float32 (N, 1 + C), see
            `losses`; with class weights a third array, float32 (N,).
        """
        number, within = divmod(index, self._per_chunk)
        if self._chunk is None or self._chunk[0] != number:  # batches are read in order
            self._chunk = number, self._make_chunk(number)
        chosen = slice(within * self._batch_size, (within + 1) * self._batch_size)
        return tuple(part[chosen] for part in self._chunk[1])

    def run_teacher(self) -> None:
        """Has the teacher predict all images of this epoch's round, once, before the first step."""
        if self._teacher and not self._teacher.is_complete(self._round):
            for number in range(math.ceil(len(self) / self._per_chunk)):
                self._make_chunk(number)

    def _make_chunk(self, number: int) -> Batch:
        size = self._per_chunk * self._batch_size
        chosen = self._order[number * size : (number + 1) * size]
        images, truth = self._split.images[chosen], self._split.truth[chosen]
        if self._kinds:
            random = np.random.default_rng((*self._seeds, number))
            images = augment(images, random, self._kinds, self._mirrored_is_same)
        target = truth
        if self._teacher:
            theirs = self._teacher.probabilities(images, self._round, start=number * size)
            target = np.concatenate([truth[:, np.newaxis].astype(np.float32), theirs], axis=1)
        if self._class_weights is None:
            return images, target
        return images, target, self._class_weights[truth].astype(np.float32)


def as_dataset(batches: EpochBatches) -> Any:
    """Returns the batches in the form that the backend reads without waiting.

    For TensorFlow, Keras would make a `tf.data.Dataset` with automatic tuning, whose end may sleep until the
    next tuning round. Rounds come 10 ms * (2**n - 1) after the start, so that an epoch of 21 s took 41 s now
    and then. There is nothing to tune here, so the data set is made without.
    """
    if keras.config.backend() != "tensorflow":
        return batches
    tf: Any = importlib.import_module("tensorflow")
    signature = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batches[0])
    source: Any = weakref.ref(batches)  # TensorFlow never releases what a generator refers to
    dataset = tf.data.Dataset.from_generator(lambda: _each(source()), output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(_PREFETCHED)
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _each(batches: EpochBatches) -> Iterator[Batch]:
    return map(batches.__getitem__, range(len(batches)))
