"""The recipes by name, for each network."""

from dataclasses import replace
from typing import Any

from ..edge_runtime.errors import UsageError
from .recipe import Recipe

NAMES = ("documented", "best")

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

_BEST_OF: dict[str, dict[str, Any]] = {
    # Without batch normalisation: an adaptive rate, small steps, and no smoothing for so few epochs.
    "cnn": {
        "epochs": 10,
        "batch_size": 32,
        "optimizer": "adamw",
        "learning_rate": 2e-3,
        "weight_decay": 0.02,
        "label_smoothing": 0.0,
    },
    "resnet8": {"epochs": 80},
    "resnet": {"epochs": 30},
    "mobilenet": {"epochs": 40},
    # Made for cameras, which send JPEG.
    "nano": {"epochs": 50, "augment": ("flip", "shift", "jpeg")},
    "edge": {"epochs": 45, "learning_rate": 0.2, "augment": ("flip", "shift", "jpeg", "cutout")},
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
