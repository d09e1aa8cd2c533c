"""The recipes by name, for each network."""

import math
from dataclasses import replace
from typing import Any

from ..edge_runtime.errors import UsageError
from .recipe import Recipe

NAMES = ("documented", "best")

_LEAST_BATCHES = 10
"""Of an epoch. With two or three large ones a network of 200 pictures has hardly moved after five epochs, and
the means of its batch normalisation lag behind it: 21 % right, where small batches came to 95 %."""
_SMALLEST_BATCH = 16

_BEST = Recipe(
    optimizer="sgd",
    learning_rate=0.15,
    schedule="one-cycle",
    weight_decay=5e-3,
    batch_size=128,
    label_smoothing=0.1,
    augment=("flip", "shift"),
    balance=True,
)
"""What all networks with batch normalisation share."""

_MUON = {"optimizer": "muon", "learning_rate": 0.03, "weight_decay": 0.03}
"""A little beyond the best of trials of ten epochs, which did not try these very values: docs/models.md."""

_BEST_OF: dict[str, dict[str, Any]] = {
    # Without batch normalisation: small steps, and no smoothing for so few epochs.
    "cnn": {
        "epochs": 10,
        "batch_size": 64,
        "optimizer": "muon",
        "learning_rate": 4e-3,
        "weight_decay": 0.02,
        "label_smoothing": 0.0,
        "augment": ("jpeg", "flip", "shift", "noise"),
    },
    "resnet8": {"epochs": 80},
    "resnet": {"epochs": 30},
    "mobilenet": {"epochs": 40},
    # As for `cnn`, JPEG: cameras send it. Noise was not tried with these two.
    "nano": {**_MUON, "epochs": 60, "augment": ("jpeg", "flip", "shift")},
    "edge": {**_MUON, "epochs": 40, "augment": ("jpeg", "flip", "shift", "cutout")},
}


def named(name: str | None, arch: str) -> Recipe:
    """The recipe of this name for a network; no name is `documented` for `cnn`, else `best`.

    Raises:
        UsageError: no such recipe.
    """
    name = name or ("documented" if arch == "cnn" else "best")
    if name not in NAMES:
        raise UsageError(f"--recipe {name}: no such recipe; use {' or '.join(NAMES)}")
    if name == "documented":
        return Recipe(arch=arch)
    return replace(_BEST, arch=arch, **_BEST_OF.get(arch, {}))


def for_few_images(recipe: Recipe, images: int) -> Recipe:
    """The recipe with smaller batches, down to 16 images, where an epoch would have less than 10.

    The learning rate falls with the square root of the batch, which keeps the noise of a step as it was
    (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks", section 5).
    """
    size = recipe.batch_size
    while size // 2 >= _SMALLEST_BATCH and images < _LEAST_BATCHES * size:
        size //= 2
    rate = recipe.learning_rate * math.sqrt(size / recipe.batch_size)
    return replace(recipe, batch_size=size, learning_rate=rate)
