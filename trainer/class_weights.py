"""How much an image of each class counts, so that a class with few images is not drowned by the others."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..data.load import Dataset


UNEVEN_RATIO = 3.0
"""`train` says that classes are uneven where the largest has so many times the images of the smallest."""
LARGEST_WEIGHT = 10.0
"""No image counts more: a class of three pictures among thousands would otherwise make each of its batches a
jump, and what those three have in common by chance would be learnt at the cost of everything else."""


def class_weights(truth: np.ndarray, classes: int) -> np.ndarray:
    """The weight of each class: images / (classes * images of the class), at most `LARGEST_WEIGHT`.

    This is scikit-learn's `class_weight="balanced"` (King and Zeng, 2001): where no weight is cut, each class
    as a whole counts the same, and the mean over the images is 1: the learning rate keeps its meaning.

    Args:
        truth: int (N,), the class of each training image.
        classes: how many there are.

    Returns:
        float64 (C,); 0 for a class without images.
    """
    counts = np.bincount(truth, minlength=classes)
    balanced = len(truth) / (classes * np.maximum(counts, 1))
    return np.where(counts > 0, np.minimum(balanced, LARGEST_WEIGHT), 0.0)


def imbalance_line(dataset: "Dataset", balance: bool) -> str | None:
    """What `train` says where the training images are uneven; None where they are not.

    Args:
        dataset: its training images are counted.
        balance: whether the recipe makes classes count the same.
    """
    counts = np.bincount(dataset.train.truth, minlength=len(dataset.labels))
    few, many = int(counts.argmin()), int(counts.argmax())
    if counts[many] < UNEVEN_RATIO * counts[few]:
        return None
    done = "they count the same" if balance else "--balance makes them count the same"
    return (
        f"uneven classes: {dataset.labels[many]} has {counts[many]:,} training images and "
        f"{dataset.labels[few]} {counts[few]:,}; {done}, more pictures of {dataset.labels[few]} are better"
    )
