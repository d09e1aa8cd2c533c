"""The training images of one epoch, batch by batch, as uint8: floats would take four times as much."""

import math

import numpy as np

from ..data.backend import keras
from ..data.split import Split
from .augmentation import augment
from .recipe import Recipe
from .teacher import Teacher

_CHUNK_IMAGES = 4096
"""As many are augmented at once: enough for numpy to be fast, few enough to need little memory."""

Batch = tuple[np.ndarray, ...]


class EpochBatches(keras.utils.PyDataset):
    """All images once, in an order that the seed and the epoch alone decide, so that training can be resumed.

    Args:
        split: what to train on.
        recipe: `batch_size`, `seed` and `augment` are used.
        epoch: counted from 0.
        mirrored_is_same: whether augmentation may mirror images.
        teacher: whose probabilities go beside the truth.
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
        # What a teacher said of the images of a round is used again in later epochs: same order, same images.
        self._round = epoch % teacher.rounds if teacher else epoch
        self._seeds = (recipe.seed, self._round)
        self._order = np.random.default_rng(self._seeds).permutation(len(split))
        self._per_chunk = max(1, _CHUNK_IMAGES // recipe.batch_size)  # batches
        self._chunk: tuple[int, Batch] | None = None

    def __len__(self) -> int:
        return math.ceil(len(self._split) / self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Batch `index`, always the same.

        Returns:
            uint8 (N, H, W, 3) images and int64 (N,) classes; with a teacher float32 (N, 1 + C), see
            `losses`; with class weights a third, float32 (N,).
        """
        number, within = divmod(index, self._per_chunk)
        if self._chunk is None or self._chunk[0] != number:  # batches are asked for in order
            self._chunk = number, self._make_chunk(number)
        chosen = slice(within * self._batch_size, (within + 1) * self._batch_size)
        return tuple(part[chosen] for part in self._chunk[1])

    def ask_teacher(self) -> None:
        """Has the teacher answer for all images, where it has not yet; between the steps is too late."""
        if self._teacher and not self._teacher.has_said_all(self._round):
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
            said = self._teacher.says(images, self._round, start=number * size)
            target = np.concatenate([truth[:, np.newaxis].astype(np.float32), said], axis=1)
        if self._class_weights is None:
            return images, target
        return images, target, self._class_weights[truth].astype(np.float32)
