"""The two steps that no way from a JPEG to a label avoids: decoding as little as will do, and the network."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from time import perf_counter_ns

import numpy as np

from ...edge_runtime.opencv import cv2
from .bare_engine import BareEngine
from .way import Timed

_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}


class Floor:
    """Decodes a JPEG at the smallest scale that serves, and calls the engine on a tensor that was ready.

    Args:
        bare: the engine.
        engine: its name.
        images: uint8 (H, W, 3) RGB, what it is called with in turn.
        reduction: 1, 2, 4 or 8; see `reduction_of`.
    """

    stages = ("decode", "engine")

    def __init__(self, bare: BareEngine, engine: str, images: Sequence[np.ndarray], reduction: int) -> None:
        self.engine = engine
        self._call = bare.call
        self._tensors = [bare.tensor(image) for image in images]
        self._flag = _REDUCED.get(reduction, cv2.IMREAD_COLOR)

    def answers(self, frames: Iterable[bytes]) -> Iterator[Timed]:
        """See `Way.answers`; there is no label, as nothing leads from the picture to the tensor."""
        for content, tensor in zip(frames, itertools.cycle(self._tensors), strict=False):
            started_ns = perf_counter_ns()
            cv2.imdecode(np.frombuffer(content, np.uint8), self._flag)
            decoded_ns = perf_counter_ns()
            self._call(tensor)
            answered_ns = perf_counter_ns()
            yield Timed(None, (decoded_ns - started_ns, answered_ns - decoded_ns))


def reduction_of(frame_px: tuple[int, int], input_px: tuple[int, int]) -> int:
    """The largest of 8, 4, 2 and 1 that leaves at least `input_px`; both (height, width)."""
    largest = min(frame // wanted for frame, wanted in zip(frame_px, input_px, strict=True))
    return next((factor for factor in _REDUCED if factor <= largest), 1)
