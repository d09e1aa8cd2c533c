"""The report of one file: plain values that JSON, CSV and the table are made from."""

import base64
from dataclasses import asdict, dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np

from .accuracy import AccuracyReport
from .selective import SelectiveReport

# Answers image by image, as short texts, so that a later report can be paired with them.


@dataclass(frozen=True)
class Answers:
    """A file's best labels of all test images with their probabilities: 4 kB of JSON for 1,000 images."""

    labels: str
    """Places of classes, uint16, little-endian, base64."""
    confidences: str
    """Probabilities in steps of 1/255, at least one, uint8, base64."""


def to_answers(probabilities: np.ndarray) -> Answers:
    """The best labels of float32 (N, C) probabilities, packed."""
    steps = np.clip(np.round(probabilities.max(axis=1) * 255), 1, 255)
    return Answers(_text(probabilities.argmax(axis=1).astype("<u2")), _text(steps.astype(np.uint8)))


def to_probabilities(answers: Answers, classes: int) -> np.ndarray:
    """Float32 (N, C) with the same best labels; 0 but for these.

    Raises:
        ValueError: not what `to_answers` made, or of more classes.
    """
    labels = np.frombuffer(base64.b64decode(answers.labels, validate=True), "<u2")
    steps = np.frombuffer(base64.b64decode(answers.confidences, validate=True), np.uint8)
    if len(labels) != len(steps) or (len(labels) and labels.max() >= classes):
        raise ValueError(f"{len(labels)} labels, {len(steps)} confidences")
    probabilities = np.zeros((len(labels), classes), np.float32)
    probabilities[np.arange(len(labels)), labels] = steps / 255
    return probabilities


def _text(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()


# A Keras original that could not be measured here: from another report, or from the card.

CARD = "the model card"


@dataclass(frozen=True)
class KerasReference:
    """A Keras original's figures from elsewhere."""

    weights_sha256: str
    """Of the `.h5`."""
    source: str
    """`the model card`, or the path of the report that it was measured for."""
    accuracy: float | None
    """Top-1, 0 to 1."""
    images: int | None
    """That this accuracy is of; None where the card does not say."""
    is_same_question: bool
    """Whether the test images are those of this run."""
    p50_ms: float | None = None
    """On the machine below, not on this one."""
    machine: str = ""
    created_at: str = ""
    """When it was measured, ISO 8601; empty for a card."""
    probabilities: np.ndarray | None = field(default=None, repr=False, compare=False)
    """Float32 (N, C) with its best labels, to pair with; None where they are not known."""

    @property
    def line(self) -> str:
        """One line: what is known, from where, and how far it can be compared."""
        known = [f"accuracy {self.accuracy:.2%}"] if self.accuracy is not None else []
        if self.accuracy is not None and self.images:
            known = [f"{known[0]} of {self.images:,} test images"]
        if self.p50_ms:
            known.append(f"p50 {self.p50_ms:.3f} ms")
        where = f" ({self.machine}, {self.created_at})" if self.machine else ""
        return f"not measured here; {', '.join(known) or 'nothing'}, from {self.source}{where}; {self._worth}"

    @property
    def _worth(self) -> str:
        if not self.is_same_question:
            return "on other test images: so the accuracy change is unknown"
        if self.probabilities is None:
            return "on the same test images, but not image by image: accuracy changes have no interval"
        return "on the same test images, compared image by image"

    def to_json(self) -> dict[str, Any]:
        """Without the probabilities, which the report of `source` has."""
        return {name: value for name, value in vars(self).items() if name != "probabilities"}


SLOWDOWN = 1.1
"""From one half of the measurement to the other; any machine varies by less."""

KERAS = "Keras"
"""The format of an `.h5`, as people read it."""

JsonValue = str | int | float | None


@dataclass(frozen=True)
class LoadReport:
    """One file opened in one process."""

    engine: str
    """The engine and its version."""
    load_ms: float
    first_inference_ms: float


@dataclass(frozen=True)
class Window:
    """A stretch of inferences of one file, one after the other, at batch 1."""

    wake_ns: int
    """The first inference, after the process slept while other files were timed; not among the samples."""
    samples_ns: tuple[int, ...]
    """Every other one."""
    cpu_ns: int = 0
    """Processor time of the samples together, of all threads; more than their sum where threads helped."""


@dataclass(frozen=True)
class LatencyReport:
    """All windows of one file; between them other files had theirs."""

    windows: tuple[Window, ...]

    @cached_property
    def samples_ms(self) -> np.ndarray:
        """Every sample of every window, float64; none is left out."""
        return np.concatenate([window.samples_ns for window in self.windows]) / 1e6

    def percentile_ms(self, percent: float) -> float:
        """The time that `percent` of all inferences took at most."""
        return float(np.percentile(self.samples_ms, percent))

    @cached_property
    def p50_ms(self) -> float:
        """The median of the windows' medians: a window that was disturbed counts for one, however long."""
        return median(self.window_medians_ms)

    @cached_property
    def window_medians_ms(self) -> tuple[float, ...]:
        """In the order of time."""
        return tuple(float(np.median(window.samples_ns)) / 1e6 for window in self.windows)

    @property
    def cpu_ms(self) -> float | None:
        """Processor time for each inference; None where it was not measured."""
        spent_ns = sum(window.cpu_ns for window in self.windows)
        return spent_ns / len(self.samples_ms) / 1e6 if spent_ns else None

    @property
    def slowdown(self) -> float | None:
        """How many times as slow its second half was; None where that may be chance.

        It is none where every window of the second half is slower than every one of the first by a tenth.
        """
        half = len(self.windows) // 2
        first, second = self.window_medians_ms[:half], self.window_medians_ms[-half:]
        if half < 2 or min(second) < SLOWDOWN * max(first):
            return None
        return median(second) / median(first)


@dataclass(frozen=True)
class ColdStart:
    """One new process, from its start to its first label."""

    label: str
    first_label_s: float
    peak_memory_bytes: int | None
    """Resident; None where the system does not say."""


@dataclass(frozen=True)
class FileReport:
    """One model file. What could not be measured is None, and `error` says why."""

    path: str
    """As the user named it, or as it was found."""
    format: str
    """For people, such as `TFLite int8`; empty when the file could not be read."""
    size_bytes: int | None = None
    load: LoadReport | None = None
    accuracy: AccuracyReport | None = None
    selective: SelectiveReport | None = None
    """With its threshold; None where it has none."""
    latency: LatencyReport | None = None
    cold_starts: tuple[ColdStart, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    exit_code: int = 0
    """Of the error."""
    peer: str = ""
    """The engine that ran it, where it is not one that edgecls uses."""
    sha256: str = ""
    """Of the file; empty where it could not be read."""
    answers: Answers | None = None
    """Image by image."""
    useless: str = ""
    """Why its answers are worth nothing, such as by chance; empty where they are worth something."""
    reference: KerasReference | None = None
    """What it is compared with, where that was not measured in the same run."""

    @property
    def difference_points(self) -> float | None:
        """Accuracy change from Keras on the same images, in percentage points: paired, or by the card."""
        if self.accuracy is None:
            return None
        if self.accuracy.paired:
            return self.accuracy.paired.difference_points
        known = self.reference
        if known is None or known.accuracy is None or not known.is_same_question:
            return None
        return 100 * (self.accuracy.accuracy - known.accuracy)

    @cached_property
    def figures(self) -> dict[str, JsonValue]:
        """One value for each column, by its name in CSV and JSON, units included."""
        load, accuracy, latency = self.load, self.accuracy, self.latency
        interval, paired = accuracy and accuracy.interval, accuracy and accuracy.paired
        between = paired and paired.interval_points
        selective = self.selective
        peaks = [start.peak_memory_bytes for start in self.cold_starts if start.peak_memory_bytes]
        return {
            "path": self.path,
            "format": self.format,
            "peer": self.peer or None,
            "engine": load and load.engine,
            "size_bytes": self.size_bytes,
            "images": accuracy and accuracy.images,
            "accuracy": accuracy and accuracy.accuracy,
            "accuracy_low": interval and interval.low,
            "accuracy_high": interval and interval.high,
            "difference_points": self.difference_points,
            "difference_low_points": between and between.low,
            "difference_high_points": between and between.high,
            "mcnemar_p": paired and paired.p_value,
            "agreement": paired and paired.agreement,
            "gained": paired and len(paired.gained),
            "lost": paired and len(paired.lost),
            "loss": accuracy and accuracy.loss,
            "calibration_error": accuracy and accuracy.calibration_error,
            "threshold": selective and selective.threshold,
            "right": selective and selective.right,
            "wrong": selective and selective.wrong,
            "unknown": selective and selective.unknown,
            "coverage": selective and selective.coverage,
            "selective_accuracy": selective and selective.selective_accuracy,
            "load_ms": load and load.load_ms,
            "first_inference_ms": load and load.first_inference_ms,
            "p50_ms": latency and latency.p50_ms,
            "p90_ms": latency and latency.percentile_ms(90),
            "p99_ms": latency and latency.percentile_ms(99),
            "cpu_ms": latency and latency.cpu_ms,
            "inferences": latency and len(latency.samples_ms),
            "first_label_s": median(s.first_label_s for s in self.cold_starts) if self.cold_starts else None,
            "peak_memory_bytes": max(peaks, default=None),
            "error": self.error,
        }

    def to_json(self) -> dict[str, Any]:
        """The figures, and every sample that they rest on."""
        paired = self.accuracy and self.accuracy.paired
        return {
            **self.figures,
            "confusion": self.accuracy and self.accuracy.confusion,
            "recalls": self.accuracy and self.accuracy.recalls,
            "gained_images": paired and paired.gained,
            "lost_images": paired and paired.lost,
            "flips": [asdict(flip) for flip in paired.flips] if paired else None,
            "notes": self.notes,
            "useless": self.useless,
            "sha256": self.sha256,
            "reference": self.reference and self.reference.to_json(),
            "answers": self.answers and asdict(self.answers),
            "cold_starts": [asdict(start) for start in self.cold_starts],
            "windows": [vars(window) for window in (self.latency.windows if self.latency else ())],
        }


@dataclass(frozen=True)
class DataReport:
    """The test images that every file classified."""

    name: str
    sha256: str
    """Of the whole data set."""
    images: int
    available: int
    """The size of the test split; more than `images` when a limit was given."""
    classes: int
    height_px: int
    width_px: int
    labels: tuple[str, ...] = ()
    """In the order of the classes."""
    unscored: str = ""
    """Why nothing could be scored; empty where it was."""
    left_out: int = 0
    """Test images that are also training or validation images: none was classified."""
    classes_shown: int | None = None
    """Classes that there is an image of; None where they are not known."""
    doubts: tuple[str, ...] = ()
    """Warnings of the data set, such as that it is not the training's."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What limits the meaning of the test images."""
        if not self.left_out:
            return self.doubts
        what = "image is" if self.left_out == 1 else "images are"
        left_out = f"{self.left_out:,} test {what} also among the training or validation images: left out"
        return (*self.doubts, left_out)


@dataclass(frozen=True)
class BenchSettings:
    """How it was measured."""

    threads: int = 1
    seconds: float = 3.0
    """For the latency of each file."""
    windows: int = 12
    """That these seconds are split into: what disturbs the machine for a while then disturbs every file."""
    cold_starts: int = 3
    peers: bool = False
    """Whether each file was also measured in the other engines that are installed."""
