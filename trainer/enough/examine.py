"""Is it enough? Examines the pictures of a training, and says what to do next."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ...data.intervals import Interval, share
from ...data.layout import find_background
from ...data.load import Dataset
from ...data.near_duplicates import Groups, near_groups
from ...data.origins import Origin
from ...data.prepared.images import Images, joined, take
from ...data.recordings import find_recordings
from ...data.split import Split, stratified
from ...edge_runtime.images.opencv import cv2
from ...edge_runtime.text import printable
from .curve import LearningCurve, learning_curve
from .examples import divisible, examples
from .suspects import Alike, Suspect, alike, judge, suspects, unusual

MOST_EXAMINED = 5000
"""Pictures; of more, a sample is examined."""
SIDE_PX = 96
"""Of the pictures, as they are examined."""
FEW_TESTED = 50
"""Test pictures below which accuracy is hardly known."""
FEWEST_EXAMINED = 20
"""Pictures; fewer tell nothing about one another."""
_MOST_MISTAKES = 2000
"""That are compared with one another."""
_PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Sample:
    """The pictures that are examined: of all three parts, or a sample of them."""

    images: np.ndarray
    """uint8 (N, H, W, 3) RGB, of at most 96x96 pixels."""
    truth: np.ndarray
    """int64 (N,)."""
    parts: np.ndarray
    """int8 (N,): 0 train, 1 val, 2 test."""
    origins: tuple[Origin, ...]
    places: np.ndarray
    """int (N,): where each stands among all, train before val before test."""
    available: int

    @property
    def files(self) -> tuple[str, ...]:
        """Their paths in the data set, fit to be shown."""
        return tuple(printable(str(origin.path)) for origin in self.origins)


def pictures_of(dataset: Dataset) -> Sample:
    """Returns the pictures of a data set of files, as many of each class as it has, or a sample."""
    splits = [dataset.train, dataset.val, dataset.test]
    truth = np.concatenate([split.truth for split in splits])
    parts = np.repeat(np.arange(3, dtype=np.int8), [len(split) for split in splits])
    places = stratified(truth, MOST_EXAMINED, 0)
    origins = [origin for part in _PARTS for origin in dataset.origins[part]]
    return Sample(
        _small(take(joined([split.images for split in splits]), places)),
        truth[places],
        parts[places],
        tuple(origins[place] for place in places),
        places,
        len(truth),
    )


def _small(images: Images) -> np.ndarray:
    if max(images.shape[1:3]) <= SIDE_PX:
        return np.asarray(images[:])
    size = (SIDE_PX, SIDE_PX)
    return np.stack([cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images])


def background_of(labels: Sequence[str]) -> int | None:
    """Returns the place of the class that means none of the others; None where there is none."""
    background = find_background(tuple(labels), "labels")
    return None if background is None else labels.index(background)


def divided(found: Sequence[Suspect], labels: Sequence[str]) -> tuple[list[Suspect], list[Suspect]]:
    """Returns the suspects that are probably labelled wrongly, and those of the background class.

    The latter look like another class. That may be on purpose: a background has hands and other things in it.
    """
    background = background_of(labels)
    wrong = [one for one in found if one.label != background]
    return wrong, [one for one in found if one.label == background]


@dataclass(frozen=True)
class Recall:
    """How well the network recognises a class, on the test pictures."""

    label: str
    right: int
    tested: int
    trained: int
    interval: Interval | None
    taken_for: str | None
    """The class that its pictures are most often taken for; None if none is."""

    @property
    def recall(self) -> float:
        """0 to 1."""
        return self.right / self.tested if self.tested else 0.0


@dataclass(frozen=True)
class Mistake:
    """A test picture that the network answered wrongly; near-duplicates answered alike count as one."""

    place: int
    """Among the test pictures."""
    answer: int
    probability: float
    """That it gave its answer, 0 to 1."""
    alike: int = 0
    """Near-duplicates of it that got the same answer."""


@dataclass(frozen=True)
class Examination:
    """What was found."""

    right: int
    tested: int
    interval: Interval | None
    recalls: tuple[Recall, ...]
    """Of the classes, the lowest first."""
    mistakes: tuple[Mistake, ...]
    """The surest first."""
    curve: LearningCurve | None = None
    """None where there are too few pictures."""
    suspects: tuple[Suspect, ...] = ()
    between_classes: tuple[Alike, ...] = ()
    between_parts: tuple[Alike, ...] = ()
    unusual: tuple[int, ...] = ()
    """Places among the examined pictures, without the background's: these are meant to be of all kinds."""
    loosened: tuple[str, ...] = ()
    """Classes of too few recordings or bursts to keep them whole."""


def examine(
    dataset: Dataset, of_test: np.ndarray, pictures: Sample | None, features: np.ndarray | None
) -> Examination:
    """Examines a training.

    Args:
        dataset: what was trained on.
        of_test: float (T, C), the network's probabilities for the test pictures.
        pictures: to examine; None where they come from no files: only the answers are examined.
        features: of the `pictures`, float (N, D), by a pretrained network.
    """
    answered = _answered(dataset, of_test)
    if pictures is None or features is None or len(pictures.truth) < FEWEST_EXAMINED:
        return Examination(*answered)
    bursts = near_groups(pictures.images)
    background = background_of(dataset.labels)
    levels = (_with_recordings(pictures, bursts, dataset.labels), bursts)
    groups, loosened = divisible(levels, pictures.truth)
    of = examples(features, pictures.truth, groups, len(dataset.labels))
    return Examination(
        *answered,
        learning_curve(of, pictures.parts == 0, is_test_given="test" in dataset.given),
        suspects(of, judge(of, bursts)),
        alike(bursts, pictures.truth),
        alike(bursts, pictures.parts) if dataset.given else (),
        tuple(place for place in unusual(of, groups) if pictures.truth[place] != background),
        tuple(dataset.labels[index] for index in loosened),
    )


def surest_mistakes(of_test: np.ndarray, test: Split) -> tuple[Mistake, ...]:
    """Returns the wrong answers, the surest first, one for each burst; float (T, C) probabilities."""
    best, sure = of_test.argmax(axis=1), of_test.max(axis=1)
    wrong = np.flatnonzero(best != test.truth)
    order = wrong[np.argsort(-sure[wrong], kind="stable")][:_MOST_MISTAKES]
    if not len(order):
        return ()
    bursts = near_groups(take(test.images, order))
    keys = np.stack([bursts, test.truth[order], best[order]], axis=1)
    _, firsts, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
    return tuple(
        Mistake(int(order[first]), int(best[order[first]]), float(sure[order[first]]), int(count) - 1)
        for first, count in sorted(zip(firsts, counts, strict=True))
    )


def _answered(
    dataset: Dataset, of_test: np.ndarray
) -> tuple[int, int, Interval | None, tuple[Recall, ...], tuple[Mistake, ...]]:
    truth, best = dataset.test.truth, of_test.argmax(axis=1)
    trained = np.bincount(dataset.train.truth, minlength=len(dataset.labels))
    right = int((best == truth).sum())
    recalls: list[Recall] = []
    for index, label in enumerate(dataset.labels):
        given = np.bincount(best[truth == index], minlength=len(dataset.labels))
        tested, hits = int(given.sum()), int(given[index])
        given[index] = 0
        taken_for = dataset.labels[int(given.argmax())] if given.any() else None
        interval = share(hits, tested) if tested else None
        recalls.append(Recall(label, hits, tested, int(trained[index]), interval, taken_for))
    recalls.sort(key=lambda one: one.recall)
    return right, len(truth), share(right, len(truth)), tuple(recalls), surest_mistakes(of_test, dataset.test)


def _with_recordings(pictures: Sample, bursts: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Returns groups of near-duplicates that keep recordings whole, int64 (N,)."""
    numbers = np.full(len(bursts), -1)
    found = find_recordings(pictures.origins, pictures.truth, pictures.images, labels)
    for number, recording in enumerate(found):
        numbers[recording.places] = number
    return Groups(bursts).joined(numbers).numbers if found else bursts


# The record in report.json, with paths for places.


def record(found: Examination, pictures: Sample | None, dataset: Dataset) -> dict[str, Any]:
    """Returns what was found, for a report in JSON."""
    values = asdict(found)
    del values["mistakes"]
    if pictures is None:
        return {key: values[key] for key in ("right", "tested", "interval", "recalls")}
    files, labels = pictures.files, dataset.labels
    return values | {
        "examined": len(files),
        "available": pictures.available,
        "suspects": [
            {
                "file": files[one.place],
                "label": labels[one.label],
                "suggested": labels[one.suggested],
                "probability_of_label": one.probability,
            }
            for one in found.suspects
        ],
        "between_classes": [[files[place] for place in group.places] for group in found.between_classes],
        "between_parts": [[files[place] for place in group.places] for group in found.between_parts],
        "unusual": [files[place] for place in found.unusual],
    }
