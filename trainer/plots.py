"""The pictures of a training, as PNG bytes. Drawn with matplotlib's objects: no window, no global state."""

import io
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..data.split import Split
from .augmentation import augment
from .report import Epoch, best_epoch

_INK, _GREY = "#1f2933", "#7b8794"
_COLOURS = {"train": "#9aa5b1", "val": "#e8833a", "test": "#2166ac"}
_FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Noto Sans",
    "Noto Emoji",
)
"""In this order, those that are installed: labels may be in any script."""
_MOST_NUMBERED = 20
"""With more classes, the numbers in a confusion matrix would be too small to read."""
_SAMPLES = 16


def samples_png(split: Split, labels: tuple[str, ...], title: str) -> bytes:
    """The first 16 images of a split with their labels, 4 x 4."""

    def draw(figure: Figure) -> None:
        figure.suptitle(title, fontsize=13, fontweight="bold")
        for place, axes in enumerate(figure.subplots(4, 4).flat):
            axes.axis("off")
            if place < len(split):
                axes.imshow(split.images[place], interpolation="nearest")
                axes.set_title(_folded(labels[split.truth[place]]), fontsize=9.5, pad=4)

    return _png(draw, (6.4, 7.6))


def augmented_png(
    split: Split,
    labels: tuple[str, ...],
    title: str,
    *,
    kinds: tuple[str, ...],
    seed: int,
    mirrored_is_same: bool = True,
) -> bytes:
    """The images of `samples_png` as augmentation changes them; see `augment`."""
    first = split.where(np.arange(len(split)) < _SAMPLES)
    images = augment(first.images, np.random.default_rng(seed), kinds, mirrored_is_same)
    return samples_png(Split(images, first.truth), labels, title)


def curves_png(history: tuple[Epoch, ...], title: str, train_loss: str = "") -> bytes:
    """Loss and accuracy after each epoch, on each split; `train_loss` says where that is of another kind."""

    def draw(figure: Figure) -> None:
        figure.suptitle(title, fontsize=13, fontweight="bold")
        left, right = figure.subplots(1, 2)
        _draw_curve(left, history, "loss")
        if train_loss:
            left.set_title(f"loss (train: {train_loss})", loc="left", pad=10)
        _draw_curve(right, history, "accuracy")
        right.yaxis.set_major_formatter(PercentFormatter(1.0))

    return _png(draw, (10, 4.6))


def confusion_png(truth: np.ndarray, answers: np.ndarray, labels: tuple[str, ...], title: str) -> bytes:
    """How often each class was taken for each other: int (N,) truth and answers.

    A row is a true class and its colours are shares of that class; numbers are images.
    """
    counts = confusion(truth, answers, len(labels))

    def draw(figure: Figure) -> None:
        figure.suptitle(title, fontsize=13, fontweight="bold")
        axes = figure.subplots()
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        _name_classes(axes, labels)
        if len(labels) <= _MOST_NUMBERED:
            _write_counts(axes, counts, shares)
        bar = figure.colorbar(picture, ax=axes, shrink=0.7, format=PercentFormatter(1.0, decimals=0))
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue] - matplotlib types it as a callable
        bar.set_label("share of the true class", color=_GREY)

    side = np.clip(3.2 + 0.5 * len(labels), 4.6, 13)
    return _png(draw, (side + 1, side))


def confusion(truth: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """How many images of the row's class were taken for the column's: int (classes, classes)."""
    return np.bincount(truth * classes + answers, minlength=classes**2).reshape(classes, classes)


def _draw_curve(axes: Axes, history: tuple[Epoch, ...], figure_name: str) -> None:
    numbers = [epoch.number for epoch in history]
    for split, colour in _COLOURS.items():
        values = [getattr(getattr(epoch, split), figure_name) for epoch in history]
        last = f"{values[-1]:.1%}" if figure_name == "accuracy" else f"{values[-1]:.3f}"
        axes.plot(numbers, values, color=colour, marker="o", markersize=3.5, label=f"{split}  {last}")
    best = best_epoch(history)
    axes.axvline(best, color=_GREY, linewidth=0.8, linestyle=":", label=f"lowest val loss: epoch {best}")
    axes.set_title(figure_name, loc="left", pad=10)
    axes.set_xlabel("epoch", color=_GREY)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
    axes.set_xlim(min(numbers) - 0.5, max(numbers) + 0.5)
    axes.grid(axis="y", color="#e4e7eb")
    axes.spines[["top", "right"]].set_visible(False)
    # Below the axes, where it cannot hide a curve.
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.14),
        ncols=2,
        fontsize=9,
        frameon=False,
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
    elif len(labels) > 4:
        slant = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    else:
        slant = {}
    axes.set_xticks(places, names, fontsize=size, **slant)
    axes.tick_params(length=0)
    axes.set_xlabel("answer", color=_GREY)
    axes.set_ylabel("truth", color=_GREY)
    axes.spines[:].set_visible(False)


def _write_counts(axes: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    size = float(np.clip(110 / len(counts), 6, 11))
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.55 else _INK
        text = f"{counts[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _folded(label: str) -> str:
    return "\n".join(textwrap.wrap(label, 16, max_lines=2, placeholder="…")) or label


def _png(draw: Callable[[Figure], None], size_inches: tuple[float, float]) -> bytes:
    installed = set(get_font_names())
    style: dict[Any, Any] = {
        "font.family": [font for font in _FONTS if font in installed] or ["sans-serif"],
        "text.parse_math": False,  # a label may hold dollar signs
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": "#cbd2d9",
        "xtick.color": _INK,
        "ytick.color": _INK,
    }
    file = io.BytesIO()
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # drawn as a box
        figure = Figure(figsize=size_inches, layout="constrained")
        draw(figure)
        figure.savefig(file, format="png", dpi=150)
    return file.getvalue()
