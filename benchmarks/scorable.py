"""What must hold before a file's accuracy on the test images means anything."""

from pathlib import Path

import numpy as np

from ..edge_runtime.errors import BadModel, CheckFailed
from ..edge_runtime.model_file import ModelFile
from .held_out import HeldOut
from .leaks import calibrated_on


def check_scorable(model: ModelFile, tests: HeldOut) -> None:
    """Refuses a file that the test images do not ask, or that its quantisation has seen them with.

    Raises:
        BadModel: it has other labels, or takes another size.
        CheckFailed: it was calibrated on some of these images.
    """
    _check_question(model, tests)
    if not tests.unscored:
        _check_calibration(model, tests)


def check_finite(probabilities: np.ndarray, path: Path) -> np.ndarray:
    """Gives back the float32 (N, C) probabilities of the file at `path`.

    Raises:
        CheckFailed: there is NaN or infinity among them.
    """
    bad = int((~np.isfinite(probabilities).all(axis=1)).sum())
    if bad:
        raise CheckFailed(
            f"{path}: gave NaN or infinity for {bad:,} of {len(probabilities):,} images; export it again"
        )
    return probabilities


def _check_question(model: ModelFile, tests: HeldOut) -> None:
    """Refuses a file that answers another question than the test images ask: it would only seem bad."""
    card = model.card
    if card.labels != tests.labels:
        raise BadModel(
            f"{model.path}: its labels ({_some(card.labels)}) are not those of {tests.name} "
            f"({_some(tests.labels)}); bench it by itself, on its own data set"
        )
    wanted, given = (card.image.height_px, card.image.width_px), tests.images.shape[1:3]
    if wanted != given:
        raise BadModel(
            f"{model.path}: takes {wanted[0]}x{wanted[1]} px, the test images are prepared as "
            f"{given[0]}x{given[1]} px; bench it by itself"
        )


def _check_calibration(model: ModelFile, tests: HeldOut) -> None:
    """Refuses to score a file on images that its quantisation has seen."""
    quantised = model.card.quantisation
    seen = calibrated_on(tests.images, quantised.calibration_prints) if quantised else ()
    if seen:
        raise CheckFailed(
            f"{model.path}: was calibrated on {len(seen):,} of these {len(tests.truth):,} test images; "
            "export it again from the model that was trained beside them"
        )


def _some(labels: tuple[str, ...]) -> str:
    return ", ".join(labels[:3]) + (", ..." if len(labels) > 3 else "")
