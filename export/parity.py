"""Parity: how far an exported file's answers are from the Keras original's; limits for float files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..edge_runtime.engines.engine import Engine
from ..edge_runtime.errors import CheckFailed


@dataclass(frozen=True)
class ParityReport:
    """One exported file compared with Keras on the same pictures."""

    file: str
    size_bytes: int
    images: int
    largest_difference: float
    """Of any probability on any picture, 0 to 1."""
    top1_agreement: float
    """The share of pictures with the same top label, 0 to 1."""
    accuracy: float | None
    """Top-1, 0 to 1; None if the pictures have no labels."""
    keras_accuracy: float | None

    def cells(self) -> tuple[str, ...]:
        """Returns file, size, largest difference, top-1 agreement, accuracy and its change as text."""
        return (
            self.file,
            f"{self.size_bytes / 1000:,.0f} kB",
            f"{self.largest_difference:.2g}",
            f"{self.top1_agreement:.2%}",
            "-" if self.accuracy is None else f"{self.accuracy:.2%}",
            "-" if self.change_points is None else f"{self.change_points:+.2f}",
        )

    @property
    def change_points(self) -> float | None:
        """The file's accuracy minus that of Keras, in percentage points."""
        if self.accuracy is None or self.keras_accuracy is None:
            return None
        return (self.accuracy - self.keras_accuracy) * 100


@dataclass(frozen=True)
class Limit:
    """How far a float file may be from Keras."""

    largest_difference: float
    """Of any probability, 0 to 1."""
    top1_agreement: float
    """The least share of pictures with the same top label, 0 to 1; one picture may always differ."""


LIMITS = {"float32": Limit(1e-4, 0.99), "float16": Limit(0.02, 0.99)}
"""By kind. On 10,000 test images of CIFAR-10, with the documented CNN, float32 differed by 1.7e-6 at most and
in no label, float16 by 0.0032 and in 3 labels. With a thousand classes, probabilities may be so small that
only the labels show a difference."""


def predict_all(engine: Engine, images: Iterable[np.ndarray]) -> np.ndarray:
    """Classifies uint8 (H, W, 3) RGB images one at a time, as a device does; returns float32 (N, C)."""
    return np.stack([engine.probabilities(image) for image in images])


def compare(
    file: str, size_bytes: int, probabilities: np.ndarray, reference: np.ndarray, truth: np.ndarray | None
) -> ParityReport:
    """Compares float32 (N, C) probabilities with the Keras `reference`; truth is int64 (N,) or None."""
    best, reference_best = probabilities.argmax(1), reference.argmax(1)
    return ParityReport(
        file,
        size_bytes,
        images=len(best),
        largest_difference=float(np.abs(probabilities - reference).max()),
        top1_agreement=float((best == reference_best).mean()),
        accuracy=None if truth is None else float((best == truth).mean()),
        keras_accuracy=None if truth is None else float((reference_best == truth).mean()),
    )


_MOST_LOST_POINTS = 5.0


def loss_warnings(report: ParityReport) -> Iterator[str]:
    """Yields what to do about a file that lost much of the accuracy of Keras."""
    change, agreement = report.change_points, report.top1_agreement
    if change is not None and change < -_MOST_LOST_POINTS and agreement < 1 - _MOST_LOST_POINTS / 100:
        yield (
            f"lost {-change:.1f} points of accuracy by its quantisation; use a --float16 file, export with "
            "--max-drop 1, or calibrate on more images"
        )


class NotAsKeras(CheckFailed):
    """A float file does not compute what Keras does; that of another format may."""


def check_float(report: ParityReport, limit: Limit) -> None:
    """Refuses a float file that does not compute what Keras does.

    Raises:
        NotAsKeras: it is beyond the limit, or gives NaN.
    """
    if not report.largest_difference <= limit.largest_difference:  # so that NaN fails too
        raise NotAsKeras(
            f"{report.file}: differs from Keras by {report.largest_difference:.2g} in a probability; "
            f"the limit is {limit.largest_difference:g}, so it was not written"
        )
    other_answers = round((1 - report.top1_agreement) * report.images)
    if other_answers > max(1, report.images * (1 - limit.top1_agreement)):
        raise NotAsKeras(
            f"{report.file}: agrees with Keras on {report.top1_agreement:.2%} of the pictures; "
            f"the limit is {limit.top1_agreement:.0%}, so it was not written"
        )
