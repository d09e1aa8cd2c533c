"""`Classifier.classify` on a picture that needs no preparation, and the bare engine call inside it."""

from collections.abc import Iterable, Iterator
from time import perf_counter_ns

import numpy as np

from ...edge_runtime.classifier import Classifier
from ...edge_runtime.opencv import cv2
from .bare_engine import BareEngine
from .way import Timed


class ReadyClassify:
    """Calls `classify` on frames of the network's own size, and then asks for the label."""

    stages = ("classify", "label")

    def __init__(self, classifier: Classifier) -> None:
        self.engine = classifier.engine.name
        self._classifier = classifier
        self._shape = (*classifier.engine.input_size_px, 3)

    def answers(self, frames: Iterable[bytes]) -> Iterator[Timed]:
        """See `Way.answers`; a frame is uint8 (H, W, 3) BGR, raw."""
        for content in frames:
            pixels = np.frombuffer(content, np.uint8).reshape(self._shape)
            started_ns = perf_counter_ns()
            prediction = self._classifier.classify(pixels)
            answered_ns = perf_counter_ns()
            prediction.label  # noqa: B018 - worked out when it is first asked for
            asked_ns = perf_counter_ns()
            yield Timed(None, (answered_ns - started_ns, asked_ns - answered_ns))


class ReadyCall:
    """Calls the engine's library on the tensor of the same frame."""

    stages = ("engine",)

    def __init__(self, bare: BareEngine, classifier: Classifier) -> None:
        self.engine = classifier.engine.name
        self._bare = bare
        self._shape = (*classifier.engine.input_size_px, 3)

    def answers(self, frames: Iterable[bytes]) -> Iterator[Timed]:
        """See `Way.answers`; a frame is uint8 (H, W, 3) BGR, raw."""
        for content in frames:
            pixels = np.frombuffer(content, np.uint8).reshape(self._shape)
            tensor = self._bare.tensor(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
            started_ns = perf_counter_ns()
            self._bare.call(tensor)
            yield Timed(None, (perf_counter_ns() - started_ns,))
