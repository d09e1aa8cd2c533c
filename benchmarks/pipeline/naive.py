"""Classification as a first program with OpenCV and onnxruntime does it: what the fast path is measured by.

It knows nothing of cards or rules. onnxruntime runs on one thread, as our engine does, and does not spin:
with its default options it starts a thread for each core, which has not helped networks of this size and
burns a core while it waits. So one thread is the fairer choice.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from ...edge_runtime.engine_onnxruntime import only_tensors, onnxruntime, open_session
from ...edge_runtime.errors import BadImage, BadModel
from ...edge_runtime.files import read_whole
from ...edge_runtime.opencv import cv2
from .way import Timed

_TYPES = ("tensor(float)", "tensor(uint8)")


class Naive:
    """Decodes in full, swaps channels, averages the centred square, scales in numpy, runs a float32 `.onnx`.

    A network that takes bytes, as edgecls exports it, scales once more inside: about 1 microsecond.

    Raises:
        BadModel: not a network that takes one picture [1, H, W, 3] as bytes or floats.
    """

    stages = ("decode", "swap", "resize", "scale", "engine", "rank")

    def __init__(self, model: Path, threads: int = 1) -> None:
        self.engine = f"onnxruntime {onnxruntime.__version__}"
        self._session = open_session(read_whole(model), str(model), threads)
        entry, _ = only_tensors(self._session, str(model))
        if entry.type not in _TYPES or len(entry.shape) != 4 or entry.shape[3] != 3:
            raise BadModel(f"{model}: takes {entry.type} {entry.shape}; export it with `edgecls export`")
        self._takes_float = entry.type == "tensor(float)"
        self._input = entry.name
        self._size_px = (int(entry.shape[2]), int(entry.shape[1]))

    def answers(self, frames: Iterable[bytes]) -> Iterator[Timed]:
        """See `Way.answers`."""
        return self.answer_pictures(map(_decoded, frames))

    def answer_pictures(self, pictures: Iterable[tuple[np.ndarray, int]]) -> Iterator[Timed]:
        """Classifies uint8 (H, W, 3) BGR pictures, each with the nanoseconds that it took to decode.

        One loop, whose variables keep the last picture until they have the next, as in any such program: each
        picture's memory then comes fresh from the system. A function that forgets its picture on returning is
        a third faster (640x480: 1.2 instead of 1.8 ms).
        """
        for pixels, decode_ns in pictures:
            started_ns = perf_counter_ns()
            rgb = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            swapped_ns = perf_counter_ns()
            small = cv2.resize(_centred_square(rgb), self._size_px, interpolation=cv2.INTER_AREA)
            resized_ns = perf_counter_ns()
            scaled = small.astype(np.float32) / 255
            scaled_ns = perf_counter_ns()
            picture = scaled if self._takes_float else small
            (probabilities,) = self._session.run(None, {self._input: picture[np.newaxis]})
            answered_ns = perf_counter_ns()
            label = int(np.argmax(probabilities))
            ranked_ns = perf_counter_ns()
            yield Timed(
                label,
                (
                    decode_ns,
                    swapped_ns - started_ns,
                    resized_ns - swapped_ns,
                    scaled_ns - resized_ns,
                    answered_ns - scaled_ns,
                    ranked_ns - answered_ns,
                ),
            )


def _decoded(content: bytes) -> tuple[np.ndarray, int]:
    started_ns = perf_counter_ns()
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    decode_ns = perf_counter_ns() - started_ns
    if pixels is None:
        raise BadImage("a frame of the benchmark cannot be decoded; free some disk space and run it again")
    return pixels, decode_ns


def _centred_square(pixels: np.ndarray) -> np.ndarray:
    height_px, width_px = pixels.shape[:2]
    side_px = min(height_px, width_px)
    top, left = (height_px - side_px) // 2, (width_px - side_px) // 2
    return pixels[top : top + side_px, left : left + side_px]
