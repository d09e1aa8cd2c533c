"""Golden frames: pictures in the card that prove that a device computes what the exporting machine did."""

import base64
import hashlib
from dataclasses import dataclass

import numpy as np

from ..engines.engine import Engine
from ..images.decode import decode
from ..images.prepare import prepare
from .card import GoldenFrame, ModelCard

FLOAT_TOLERANCE = 1e-4
"""Largest difference of a probability in a float file. Float engines agree to 1e-7 between x86 and Arm."""
INT8_TOLERANCE = 2 / 256
"""Largest difference of a probability in an int8 file: two steps of a probability stored in one byte."""
ROUNDED_INPUT = 1.0
"""Largest difference of the network's input, as root mean square in pixel values (0 to 255): builds of OpenCV
for other processors may round a pixel differently. A wrong interpolation is off by 4 or more."""
ROUNDED_INPUT_TOLERANCE = 0.03
"""Largest difference of a probability where pixels were rounded differently."""

_SKETCH = 32

MAX_FRAMES = 8
MAX_DEMO = 24
"""Demo pictures, one of a class: a tour of a minute and a half."""
LEAST_FRAMES = 2
"""An unsure and a sure one, whatever their size: a file without golden frames cannot be verified."""
_MIN_BUDGET_BYTES = 8 * 1024
_DEMO_FROM_BYTES = 256 * 1024
_DEMO_SHARE = 16
_DEMO_PICTURE_BYTES = 16 * 1024
"""Of a photograph in the size in which it is shown."""

# What pictures may cost. `edgecls export` keeps to it, and `edgecls train --list` counts with the frames.


def budget_bytes(network_bytes: int) -> int:
    """Returns what the frames beyond the least number have to fit in together with these."""
    return min(max(_MIN_BUDGET_BYTES, network_bytes // 12), network_bytes // 2)


def most_picture_bytes(network_bytes: int, classes: int) -> int:
    """Returns how large a frame's picture may be, so that the least frames cost at most half the network."""
    room_bytes = network_bytes // 2 // LEAST_FRAMES - frame_bytes(0, classes)
    return max(room_bytes, 0) * 3 // 4


def demo_budget_bytes(network_bytes: int, golden_bytes: int) -> int:
    """Returns what the card's demo pictures may take, beside golden frames that take `golden_bytes`.

    Pictures of both kinds together cost at most half the network. A file of less than `_DEMO_FROM_BYTES` is
    for where every byte counts: it has none, and the demo camera shows its golden frames.
    """
    if network_bytes < _DEMO_FROM_BYTES:
        return 0
    return max(0, min(network_bytes // _DEMO_SHARE, network_bytes // 2 - golden_bytes))


def demo_bytes(network_bytes: int, golden_bytes: int, classes: int, input_pixels: int) -> int:
    """Estimates what the demo pictures of so many classes take, as base64: a byte for each input pixel."""
    wanted = min(classes, MAX_DEMO) * min(_DEMO_PICTURE_BYTES, input_pixels) * 4 // 3
    return min(wanted, demo_budget_bytes(network_bytes, golden_bytes))


def frame_bytes(picture_bytes: int, classes: int) -> int:
    """Returns what a frame takes in a card: the picture as base64, its probabilities and sketch."""
    return -(-picture_bytes // 3) * 4 + 16 * classes + 300


def frames_bytes(network_bytes: int, picture_bytes: int, classes: int) -> int:
    """Returns what all frames take, where a picture in full size has `picture_bytes`."""
    one = frame_bytes(min(picture_bytes, most_picture_bytes(network_bytes, classes)), classes)
    return one * min(MAX_FRAMES, max(LEAST_FRAMES, budget_bytes(network_bytes) // one))


# Making and replaying them.


@dataclass(frozen=True)
class GoldenResult:
    """The result of replaying one golden frame."""

    index: int
    expected: str
    answer: str
    largest_difference: float
    """Of all probabilities, 0 to 1; infinite where the network returned NaN."""
    tolerance: float
    input_difference: float
    """Of the network's input after decode, crop and resize, against the export: estimated root mean square in
    pixel values (0 to 255)."""

    @property
    def holds(self) -> bool:
        """Whether this machine computes what the exporting machine did."""
        return (
            self.input_difference <= ROUNDED_INPUT
            and self.answer == self.expected
            and self.largest_difference <= self.tolerance
        )

    @property
    def text(self) -> str:
        """The result in one line."""
        line = f"frame {self.index}: {self.expected}, difference {self.largest_difference:.2g}"
        return line if self.holds else f"{line}, here {self.answer}: {self.reason}"

    @property
    def reason(self) -> str:
        """What differs, in words; empty if the frame holds."""
        if self.holds:
            return ""
        if self.input_difference > ROUNDED_INPUT:
            return "the network's input differs: decode, crop, resize or channel order"
        if self.answer != self.expected and self.largest_difference <= self.tolerance:
            return "the probabilities are right, the label is not: the labels were changed"
        return "the input is right, the probabilities are not: the engine or the network's bytes"


def replay_golden(engine: Engine, card: ModelCard) -> list[GoldenResult]:
    """Replays a card's golden frames through decode, crop, resize and engine.

    Raises:
        BadImage: a golden frame cannot be decoded here.
    """
    return [_replay_one(engine, card, index, frame) for index, frame in enumerate(card.golden, 1)]


def golden_frame(picture: bytes, engine: Engine, card: ModelCard) -> GoldenFrame:
    """Makes a golden frame from a picture in a lossless format and what `engine` computes for it."""
    image = prepare(decode(picture, "golden frame"), card.image)
    probabilities = engine.probabilities(image)
    return GoldenFrame(
        base64.b64encode(picture).decode(),
        sketch(image),
        card.labels[int(probabilities.argmax())],
        tuple(round(float(probability), 7) for probability in probabilities),
    )


def sketch(image: np.ndarray) -> tuple[int, ...]:
    """Returns 32 numbers from which the distance to another image can be estimated, to about a quarter.

    Each is the sum of all bytes, with signs that look random and are the same everywhere (from SHAKE-128): a
    random projection, after Johnson and Lindenstrauss (1984).

    Args:
        image: uint8, of any shape.
    """
    pixels = image.reshape(-1).astype(np.int64)
    bits = hashlib.shake_128(b"edgecls golden frames").digest(_SKETCH * -(-len(pixels) // 8))
    signs = np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(_SKETCH, -1)[:, : len(pixels)]
    return tuple(int(value) for value in (signs.astype(np.int64) * 2 - 1) @ pixels)


def _distance(first: tuple[int, ...], second: tuple[int, ...], pixels: int) -> float:
    """Estimates the root mean square difference of two images of `pixels` bytes from their sketches."""
    if len(first) != len(second):
        return float("inf")
    return float(np.sqrt(np.square(np.subtract(first, second)).mean() / pixels))


def _replay_one(engine: Engine, card: ModelCard, index: int, frame: GoldenFrame) -> GoldenResult:
    picture = decode(base64.b64decode(frame.picture), f"golden frame {index}")
    image = prepare(picture, card.image)
    input_difference = _distance(sketch(image), frame.input_sketch, image.size)
    probabilities = engine.probabilities(image)
    difference = np.abs(probabilities - np.asarray(frame.probabilities, np.float32)).max()
    tolerance = INT8_TOLERANCE if card.quantisation else FLOAT_TOLERANCE
    return GoldenResult(
        index,
        frame.label,
        card.labels[int(probabilities.argmax())],
        float(difference) if np.isfinite(difference) else float("inf"),
        max(tolerance, ROUNDED_INPUT_TOLERANCE) if input_difference else tolerance,
        input_difference,
    )
