"""One model file in a process of its own, as its parent sees it: it asks, the process answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns

import numpy as np

from ..edge_runtime.workers import Dialogue, started
from .report import ColdStart, LoadReport, Window

LIMIT_S = 120.0
"""For opening a file, and beyond the time that a request needs: TensorFlow alone takes 4 to 30 seconds."""


class TimedFile(Dialogue):
    """Asks a `timed_process`, whose docstring says what is asked and answered.

    Its methods raise the error that the process reports, or `BadModel` where it crashed or hung.
    """

    def opened(self) -> LoadReport:
        """Waits until the file is open; to be called once, before the others."""
        return LoadReport(**self.reply())

    def score(self, images: int, out: Path, of: Path | None = None) -> np.ndarray:
        """The probabilities of so many images, float32 (N, C); the process leaves them in `out`.

        They are those that it was started with, or others, an .npy like that.
        """
        self.ask({"do": "score", "out": str(out)} | ({"images": str(of)} if of else {}))
        self.reply(images)  # at worst a second for each image
        return np.load(out)

    def time_window(self, seconds: float) -> Window:
        """Times one inference after the other for at least `seconds`."""
        self.ask({"do": "window", "seconds": seconds})
        reply = self.reply(seconds)
        return Window(reply["wake_ns"], tuple(reply["samples_ns"]), reply["cpu_ns"])


@contextmanager
def timed_file(
    path: Path, images: Path, threads: int, limit_s: float = LIMIT_S, peer: str = ""
) -> Iterator[TimedFile]:
    """Starts the process of one file; `images` is an .npy, uint8 (N, H, W, 3) RGB."""
    with started(f"{__package__}.worker_main", str(path), str(images), peer, threads=threads) as child:
        yield TimedFile(child, limit_s)


# How long a new process takes to its first label, and how much memory it needs.

_LIMIT_S = 120.0


def measure_cold_start(model: Path, image: Path, threads: int, peer: str = "") -> ColdStart:
    """Starts Python, imports, loads, decodes and classifies one image file, and stops the clock at the label.

    Only the process is cold: the system may hold the files in memory.

    Raises:
        BadModel: the process failed.
    """
    start_ns = perf_counter_ns()
    with started(f"{__package__}.first_label", str(model), str(image), peer, threads=threads) as child:
        label = child.read_line(_LIMIT_S).decode().strip()
        seconds = (perf_counter_ns() - start_ns) / 1e9
        return ColdStart(label, seconds, json.loads(child.read_line(_LIMIT_S)))
