"""The plots of a training as PNG bytes: sample images, curves, confusion matrix."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.load import Dataset
from ..data.plotting import (
    BLUE,
    GREY,
    INK,
    QUIET,
    RED,
    Axes,
    Figure,
    MaxNLocator,
    PercentFormatter,
    open_axes,
    plot_png,
)
from ..data.prepared.images import Images
from ..data.split import Split
from .augmentation import augment
from .recipe import FROZEN, Recipe
from .report import Epoch, best_epoch

_COLOURS = {"train": GREY, "val": RED, "test": BLUE}
_MOST_NUMBERED = 20
"""With more classes, the numbers in a confusion matrix are too small to read."""
_SAMPLES = 16


def training_pictures(
    recipe: Recipe, dataset: Dataset, history: tuple[Epoch, ...], of_test: np.ndarray
) -> dict[str, bytes | str]:
    """Returns the plots of a training as PNGs by file name.

    Args:
        recipe: of the training.
        dataset: what was trained on.
        history: what each epoch gave.
        of_test: float (T, C), the network's probabilities for the test pictures.
    """
    train, labels = dataset.train, dataset.labels
    right = (of_test.argmax(axis=1) == dataset.test.truth).mean()
    heading = f"{dataset.name}: accuracy {right:.2%} on {len(dataset.test):,} test images"
    pictures: dict[str, bytes | str] = {
        "samples.png": samples_png(train, labels, f"{dataset.name}: first training images"),
        "curves.png": curves_png(
            history,
            f"{recipe.arch} on {dataset.name}",
            _train_loss(recipe),
            are_passes=recipe.backbone == FROZEN,
        ),
        "confusion_matrix.png": confusion_png(dataset.test.truth, of_test.argmax(axis=1), labels, heading),
    }
    if recipe.augment:
        pictures["augmented.png"] = augmented_png(
            train,
            labels,
            f"{dataset.name}: augmented training images",
            kinds=recipe.augment,
            seed=recipe.seed,
            mirrored_is_same=dataset.mirrored_is_same,
        )
    return pictures


def _train_loss(recipe: Recipe) -> str:
    """Returns the name of the fitted loss if it differs from that of val and test."""
    if recipe.teacher:
        return "distillation"
    return "with smoothed labels" if recipe.label_smoothing else ""


def samples_png(split: Split, labels: tuple[str, ...], title: str) -> bytes:
    """Draws the first 16 images of a split with their labels, 4 x 4."""

    def draw(figure: Figure) -> None:
        for place, axes in enumerate(figure.subplots(4, 4).flat):
            axes.axis("off")
            if place < len(split):
                axes.imshow(split.images[place], interpolation="nearest")
                axes.set_title(_folded(labels[split.truth[place]]), fontsize=9.5, pad=4)

    return plot_png(draw, (6.4, 7.6), title)


def augmented_png(
    split: Split,
    labels: tuple[str, ...],
    title: str,
    *,
    kinds: tuple[str, ...],
    seed: int,
    mirrored_is_same: bool = True,
) -> bytes:
    """Draws the images of `samples_png` after augmentation; see `augment`."""
    first = split.where(np.arange(len(split)) < _SAMPLES)
    images = augment(first.images, np.random.default_rng(seed), kinds, mirrored_is_same)
    return samples_png(Split(images, first.truth), labels, title)


def mistakes_png(
    images: Images, truth: Sequence[str], answers: Sequence[tuple[str, float]], title: str
) -> bytes:
    """Draws pictures that were answered wrongly, four in a row, with their label, the answer and its share.

    Args:
        images: uint8 (N, H, W, 3) RGB; at most 16 are drawn.
        truth: N labels.
        answers: N wrong answers, each with its probability, 0 to 1.
        title: of the picture.
    """
    rows = max(1, -(-min(len(answers), 16) // 4))

    def draw(figure: Figure) -> None:
        if not answers:
            figure.text(0.5, 0.5, "no wrong answers", ha="center", va="center", color=QUIET)
            return
        for place, axes in enumerate(figure.subplots(rows, 4, squeeze=False).flat):
            axes.axis("off")
            if place < len(answers):
                answer, probability = answers[place]
                axes.imshow(images[place], interpolation="nearest")
                given = f"→ {_folded(answer, lines=1)} ({100 * probability:.0f} %)"
                axes.set_title(f"{_folded(truth[place], lines=1)}\n{given}", fontsize=9.5, pad=4)

    return plot_png(draw, (6.4, 0.8 + 1.7 * rows), title)


def curves_png(
    history: tuple[Epoch, ...], title: str, train_loss: str = "", *, are_passes: bool = False
) -> bytes:
    """Draws loss and accuracy on each split by epoch.

    Args:
        history: what each epoch gave.
        title: of the picture.
        train_loss: the name of the training loss, if it differs from that of the others.
        are_passes: of a frozen network; each adds a view to those before, so no earlier one is better.
    """
    noun = "pass" if are_passes else "epoch"

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        _draw_curve(left, history, "loss", noun)
        if train_loss:
            left.set_title(f"loss (train: {train_loss})", loc="left", pad=10)
        _draw_curve(right, history, "accuracy", noun)
        right.yaxis.set_major_formatter(PercentFormatter(1.0))

    return plot_png(draw, (10, 4.6), title)


def confusion_png(truth: np.ndarray, answers: np.ndarray, labels: tuple[str, ...], title: str) -> bytes:
    """Draws the confusion matrix of int (N,) truth and answers.

    A row is a true class; colours are shares of that class, numbers are images.
    """
    counts = confusion(truth, answers, len(labels))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        _name_classes(axes, labels)
        if len(labels) <= _MOST_NUMBERED:
            _write_counts(axes, counts, shares)
        bar = figure.colorbar(picture, ax=axes, shrink=0.7, format=PercentFormatter(1.0, decimals=0))
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue] - matplotlib types it as a callable
        bar.set_label("share of the true class")

    side = np.clip(3.2 + 0.5 * len(labels), 4.6, 13)
    return plot_png(draw, (side + 1, side), title)


def confusion(truth: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Returns the confusion matrix, int (classes, classes): true classes in rows, answers in columns."""
    return np.bincount(truth * classes + answers, minlength=classes**2).reshape(classes, classes)


def _draw_curve(axes: Axes, history: tuple[Epoch, ...], figure_name: str, noun: str) -> None:
    numbers = [epoch.number for epoch in history]
    for split, colour in _COLOURS.items():
        values = [getattr(getattr(epoch, split), figure_name) for epoch in history]
        last = f"{values[-1]:.1%}" if figure_name == "accuracy" else f"{values[-1]:.3f}"
        axes.plot(numbers, values, color=colour, marker="o", markersize=3.5, label=f"{split}  {last}")
    if noun == "epoch":
        best = best_epoch(history)
        axes.axvline(best, color=QUIET, linewidth=0.8, linestyle=":", label=f"lowest val loss: epoch {best}")
    axes.set_title(figure_name, loc="left", pad=10)
    axes.set_xlabel(noun)
    if figure_name == "accuracy":
        axes.set_ylim(top=min(axes.get_ylim()[1], 1.005))  # a margin above 100 % would be numbered
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
    axes.set_xlim(min(numbers) - 0.5, max(numbers) + 0.5)
    open_axes(axes)
    # Below the axes, where it cannot hide a curve.
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=2,
        fontsize=9,
        handlelength=1.2,
        columnspacing=1.2,
    )


def _name_classes(axes: Axes, labels: tuple[str, ...]) -> None:
    size = float(np.clip(220 / len(labels), 4.5, 10))
    places = range(len(labels))
    names = [label if len(label) <= 24 else label[:23] + "…" for label in labels]
    axes.set_yticks(places, names, fontsize=size)
    if len(labels) > _MOST_NUMBERED:
        slant: dict[str, Any] = {"rotation": 90, "ha": "right", "va": "center", "rotation_mode": "anchor"}
    elif len(labels) > 4 or max(map(len, names)) > 8:
        slant = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    else:
        slant = {}
    axes.set_xticks(places, names, fontsize=size, **slant)
    axes.tick_params(length=0)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.spines[:].set_visible(False)


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    size = float(np.clip(110 / len(counts), 6, 11))
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.55 else INK
        text = f"{counts[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _folded(label: str, lines: int = 2) -> str:
    return "\n".join(textwrap.wrap(label, 16, max_lines=lines, placeholder="…")) or label
