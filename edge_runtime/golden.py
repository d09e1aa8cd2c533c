"""Golden frames: pictures in the card that tell whether this machine computes what the exporting one did."""

import base64
import hashlib
from dataclasses import dataclass

import numpy as np

from .card import GoldenFrame, ModelCard
from .engine import Engine
from .image import decode, prepare

FLOAT_TOLERANCE = 1e-3
"""In any probability. Float engines agree to 1e-7 between x86 and Arm; a wrong scale is off by far more."""
INT8_TOLERANCE = 2 / 256
"""Two steps of a probability that was computed in one byte."""
ROUNDED_INPUT_TOLERANCE = 0.03
"""Where OpenCV's resize rounded a pixel differently, as builds for other processors may."""


@dataclass(frozen=True)
class GoldenResult:
    """One golden frame, replayed."""

    index: int
    expected: str
    answer: str
    largest_difference: float
    """Of any probability, 0 to 1; infinite where the network gave no number."""
    tolerance: float
    same_input: bool
    """Whether decode, crop and resize gave the very bytes that they gave at the export."""

    @property
    def holds(self) -> bool:
        """Whether this machine answers as the exporting one did."""
        return self.answer == self.expected and self.largest_difference <= self.tolerance

    @property
    def text(self) -> str:
        """The result as a line."""
        line = f"frame {self.index}: {self.expected}, difference {self.largest_difference:.2g}"
        return line if self.holds else f"{line}, here {self.answer}: {self.reason}"

    @property
    def reason(self) -> str:
        """What differs, in words; empty when it holds."""
        if self.holds:
            return ""
        if not self.same_input:
            return "the network's input differs: decode, crop, resize or channel order"
        if self.answer != self.expected and self.largest_difference <= self.tolerance:
            return "the probabilities are right, the label is not: the labels were changed"
        return "the input is right, the probabilities are not: the engine or the network's bytes"


def replay(engine: Engine, card: ModelCard) -> list[GoldenResult]:
    """Replays a card's golden frames through decode, crop, resize and engine.

    Raises:
        BadImage: a golden frame cannot be decoded here.
    """
    return [_replay_one(engine, card, index, frame) for index, frame in enumerate(card.golden, 1)]


def golden_frame(picture_png: bytes, engine: Engine, card: ModelCard) -> GoldenFrame:
    """Makes a golden frame of a PNG with the answer that `engine` gives now."""
    image = prepare(decode(picture_png, "golden frame"), card.image)
    probabilities = engine.probabilities(image)
    return GoldenFrame(
        base64.b64encode(picture_png).decode(),
        hashlib.sha256(image.tobytes()).hexdigest(),
        card.labels[int(probabilities.argmax())],
        tuple(round(float(probability), 7) for probability in probabilities),
    )


def _replay_one(engine: Engine, card: ModelCard, index: int, frame: GoldenFrame) -> GoldenResult:
    picture = decode(base64.b64decode(frame.picture), f"golden frame {index}")
    image = prepare(picture, card.image)
    same_input = hashlib.sha256(image.tobytes()).hexdigest() == frame.input_sha256
    probabilities = engine.probabilities(image)
    difference = np.abs(probabilities - np.asarray(frame.probabilities, np.float32)).max()
    tolerance = INT8_TOLERANCE if card.quantisation else FLOAT_TOLERANCE
    return GoldenResult(
        index,
        frame.label,
        card.labels[int(probabilities.argmax())],
        float(difference) if np.isfinite(difference) else float("inf"),
        tolerance if same_input else max(tolerance, ROUNDED_INPUT_TOLERANCE),
        same_input,
    )
