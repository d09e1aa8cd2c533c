"""The examination at the end of a training: its figures for the report, and the files that show it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...data.load import Dataset
from ...edge_runtime.images.opencv import cv2
from ..plots import mistakes_png
from ..progress import Progress
from .advice import accuracy_line, advice
from .examine import FEWEST_EXAMINED, SIDE_PX, Examination, Sample, examine, pictures_of, record
from .page import PAGE, report_page

_DRAWN = 16


@dataclass(frozen=True)
class Examined:
    """What was found."""

    record: Mapping[str, Any]
    """For report.json."""
    files: Mapping[str, bytes | str]
    """By name, for the report's folder."""


def examine_training(
    dataset: Dataset,
    of_test: np.ndarray,
    arch: str,
    known: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    progress: Progress | None = None,
) -> Examined:
    """Examines a training: its answers, and own pictures too.

    Args:
        dataset: what was trained on.
        of_test: float (T, C), the network's probabilities for the test pictures.
        arch: the network.
        known: features of train, val and test, float (N, D) each, if the training computed them.
        progress: is told what takes long.
    """
    pictures = pictures_of(dataset) if dataset.origins else None
    features = None
    if pictures is not None and len(pictures.truth) >= FEWEST_EXAMINED:
        (progress or Progress()).message(f"examining {len(pictures.truth):,} pictures")
        features = _of_known(known, pictures) if known else computed_features(pictures)
    found = examine(dataset, of_test, pictures, features)
    files: dict[str, bytes | str] = {"mistakes.png": _mistakes(found, dataset)}
    lines = [accuracy_line(found)]
    if pictures is not None:
        lines += advice(found, pictures, dataset.labels, arch)
        files[PAGE] = report_page(found, pictures, dataset, arch)
    values = {**record(found, pictures, dataset), "lines": lines}
    return Examined(json.loads(json.dumps(values)), files)


def _of_known(known: tuple[np.ndarray, np.ndarray, np.ndarray], pictures: Sample) -> np.ndarray:
    starts = np.cumsum([0, *map(len, known)])
    found = np.empty((len(pictures.places), known[0].shape[1]), np.float32)
    for part, features in enumerate(known):
        chosen = pictures.parts == part
        found[chosen] = features[pictures.places[chosen] - starts[part]]
    return found


def computed_features(pictures: Sample) -> np.ndarray:
    """Returns what the pretrained network sees, float32 (N, 1280)."""
    from ..features import lite0_features  # noqa: PLC0415 - Keras, which the rest of this folder does without

    images = pictures.images
    size = (SIDE_PX, SIDE_PX)
    if images.shape[1:3] != size:
        images = np.stack([cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in images])
    return lite0_features(SIDE_PX).of(images)


def _mistakes(found: Examination, dataset: Dataset) -> bytes:
    shown = found.mistakes[:_DRAWN]
    places = np.array([one.place for one in shown], np.int64)
    labels = dataset.labels
    of = f"{found.tested - found.right:,} of {found.tested:,} test images are wrong"
    title = f"{dataset.name}: {of}; the surest of them" if shown else dataset.name
    return mistakes_png(
        dataset.test.images[places],
        [labels[dataset.test.truth[place]] for place in places],
        [(labels[one.answer], one.probability) for one in shown],
        title,
    )
