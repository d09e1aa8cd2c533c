"""Fakes at the narrow boundaries: an engine, a source, a sink, a clock, a terminal."""

import io
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from edgecls.edge_runtime.camera.answer import Answer, Sink, Timing
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.sources.patience import Patience
from edgecls.edge_runtime.camera.sources.source import EndOfSource
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat
from edgecls.edge_runtime.prediction import Prediction

LABELS = ("cat", "deer", "dog")
PATIENT = Patience(silence_s=60, first_pause_s=0.05, longest_pause_s=0.2, healthy_s=0.3)
"""Gives no camera up for its silence, however busy this machine is."""
TIMING = Timing(prepare_ms=0.4, engine_ms=1.5, age_ms=12.0)


class Clock:
    """Monotonic seconds that pass only when a test says so, or while somebody sleeps by it."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class FakeEngine:
    """Gives the answers it was made with, in order, and the last one for ever after."""

    name = "fake 1.0"

    def __init__(self, *answers: Sequence[float], input_size_px: tuple[int, int] = (32, 32)) -> None:
        self._answers = list(answers)
        self.input_size_px = input_size_px
        self.classes = len(answers[0])
        self.images: list[np.ndarray] = []
        self.closed = 0

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        self.images.append(image)
        answer = self._answers[min(len(self.images), len(self._answers)) - 1]
        return np.array(answer, np.float32)

    def close(self) -> None:
        self.closed += 1


def fake_classifier(*answers: Sequence[float], **options) -> Classifier:
    """A classifier of cat, deer and dog around a `FakeEngine`; `options` are the card's."""
    card = ModelCard(labels=LABELS, image=ImageRule(32, 32), **options)
    model = ModelFile(Path("fake.tflite"), ModelFormat.TFLITE, b"", card)
    return Classifier(model, engine=FakeEngine(*answers))


def picture(width_px: int = 64, height_px: int = 48, value: int = 128) -> np.ndarray:
    return np.full((height_px, width_px, 3), value, np.uint8)


def frames(count: int, name: str = "") -> list[Frame]:
    return [Frame(picture(), sequence, time.monotonic(), name) for sequence in range(1, count + 1)]


class FakeSource:
    """Gives what it was made with, in order: a frame, an error to raise, None for a wait; then it is over.

    In a wait that is called "silence" it says that the last frame is out of date.
    """

    description = "fake"
    reconnects = corrupt_frames = 0
    is_silent = False

    def __init__(
        self,
        given: Iterable[Frame | Exception | Literal["silence"] | None],
        *,
        live: bool = False,
        rate_fps: float | None = None,
    ) -> None:
        self._given = iter(given)
        self.live = live
        self.rate_fps = rate_fps
        self.entered = self.exited = 0

    def read(self, timeout_s: float) -> Frame | None:  # noqa: ARG002
        item = next(self._given, EndOfSource())
        if isinstance(item, Exception):
            raise item
        self.is_silent = isinstance(item, str)
        return None if isinstance(item, str) else item

    def __enter__(self) -> "FakeSource":
        self.entered += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.exited += 1


class FakeSink(Sink):
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.idled = self.closed = 0

    def write(self, answer: Answer) -> None:
        self.answers.append(answer)

    def idle(self) -> None:
        self.idled += 1

    def close(self) -> None:
        self.closed += 1


def answer(frame: Frame, prediction: Prediction, timing: Timing = TIMING) -> Answer:
    """An answer that announces what the frame itself says."""
    return Answer(frame, prediction, Decision(prediction, frame.time_s, changed=False), timing)
