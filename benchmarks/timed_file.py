"""One model file in a process of its own, as its parent sees it: it asks, the process answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..edge_runtime import errors
from .child import Child, started
from .report import LoadReport, Window

LIMIT_S = 120.0
"""For opening a file, and beyond the time that a request needs: TensorFlow alone takes 4 to 30 seconds."""


class TimedFile:
    """Asks a `timed_process`, whose docstring says what is asked and answered.

    Its methods raise the error that the process reports, or `BadModel` where it crashed or hung.
    """

    def __init__(self, child: Child, limit_s: float) -> None:
        self.child = child
        self._limit_s = limit_s

    def opened(self) -> LoadReport:
        """Waits until the file is open; to be called once, before the others."""
        return LoadReport(**self._reply(self._limit_s))

    def score(self, images: int, out: Path) -> np.ndarray:
        """The probabilities of all test images, float32 (N, C); the process leaves them in `out`."""
        self._ask({"do": "score", "out": str(out)})
        self._reply(self._limit_s + images)  # at worst a second for each image
        return np.load(out)

    def time_window(self, seconds: float) -> Window:
        """Times one inference after the other for at least `seconds`."""
        self._ask({"do": "window", "seconds": seconds})
        reply = self._reply(self._limit_s + seconds)
        return Window(reply["wake_ns"], tuple(reply["samples_ns"]))

    def _ask(self, request: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # it has ended; the missing reply will tell
            self.child.requests.write(json.dumps(request).encode() + b"\n")
            self.child.requests.flush()

    def _reply(self, limit_s: float) -> dict[str, Any]:
        reply = json.loads(self.child.read_line(limit_s))
        if "error" in reply:
            raise getattr(errors, reply["kind"])(reply["error"])
        return reply


@contextmanager
def timed_file(path: Path, images: Path, threads: int, limit_s: float = LIMIT_S) -> Iterator[TimedFile]:
    """Starts the process of one file; `images` is an .npy, uint8 (N, H, W, 3) RGB."""
    with started("timed_process", str(path), str(images), threads=threads) as child:
        yield TimedFile(child, limit_s)
