"""The training images of one epoch, batch by batch, as uint8: floats would take four times as much."""

import math

import numpy as np

from .augment import augment
from .backend import keras
from .split import Split


class EpochBatches(keras.utils.PyDataset):
    """All images once, in an order that the seed and the epoch alone decide, so that training can be resumed.

    Args:
        split: what to train on.
        batch_size: images in each batch; the last may be smaller.
        seed: of the whole training.
        epoch: counted from 0.
        augmented: whether to change images (see `augment`).
        mirror: whether augmentation may mirror them.
    """

    def __init__(
        self, split: Split, batch_size: int, seed: int, epoch: int, *, augmented: bool, mirror: bool
    ) -> None:
        super().__init__()
        self._split = split
        self._batch_size = batch_size
        self._seeds = (seed, epoch)
        self._order = np.random.default_rng(self._seeds).permutation(len(split))
        self._augmented = augmented
        self._mirror = mirror

    def __len__(self) -> int:
        return math.ceil(len(self._split) / self._batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch `index`, always the same: uint8 (N, H, W, 3) images and int64 (N,) classes."""
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        images, truth = self._split.images[chosen], self._split.truth[chosen]
        if self._augmented:
            images = augment(images, np.random.default_rng((*self._seeds, index)), self._mirror)
        return images, truth
