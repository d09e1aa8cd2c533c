"""Watched engine: one in a thread of its own, so that a call that does not return holds up nobody else.

An index that is computed from pixels, a loop whose end depends on them: what passed its trial may still hang
on one picture, inside a library where no signal handler of Python's runs. Here the caller waits in Python. It
notices a request to stop, a call that is overdue, and memory that grows without end; then it gives the engine
up. The thread itself cannot be ended, but with the process: see `leaving.py`.

A call costs 20 microseconds of processor time more, and takes as long as the system needs to wake two
threads: 40 to 130 microseconds. `Classifier.classify` calls its engine directly.
"""

import mmap
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from ..errors import EngineStuck
from ..leaving import note_stuck
from ..limits import MEMORY_BYTES, MEMORY_FACTOR, TENSOR_BYTES
from .engine import Engine

LIMIT_S = 30.0
"""For one picture: a network that takes seconds for one may take longer on a machine that is hot and busy."""
STOPPING_S = 1.5
"""How long a request to stop waits for the picture in hand."""
_TENSORS_PER_PIXEL = 3000
"""Bytes of all tensors of a network for each pixel of its input, generously."""
_POLL_S = 0.02
"""Between two looks at a call that takes longer; memory can grow by 100 MB meanwhile."""
_SETTLED_S = 10.0
"""How often the memory that a call begins with is measured."""


class Interrupted(Exception):
    """The caller was asked to stop while the engine was busy."""


class WatchedEngine:
    """Runs another engine in a thread; not an `Engine` to be shared between threads either.

    Args:
        engine: the other; closed by its owner.
        model: what messages call the model file.
        model_bytes: size of the file, which the memory that is allowed for a call depends on.
        is_stopping: whether the caller is asked to stop.
        limit_s: for one picture.
    """

    def __init__(
        self,
        engine: Engine,
        model: str,
        model_bytes: int,
        is_stopping: Callable[[], bool],
        limit_s: float,
    ) -> None:
        self.name, self.input_size_px, self.classes = engine.name, engine.input_size_px, engine.classes
        self._model = model
        self._is_stopping = is_stopping
        self._allowed_bytes = MEMORY_BYTES + MEMORY_FACTOR * model_bytes
        self._limit_s = limit_s
        self._pictures: SimpleQueue[np.ndarray | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._before_bytes, self._measured_at_s = 0, 0.0
        height_px, width_px = engine.input_size_px
        # On the first picture an engine makes room for its tensors.
        self._more_bytes = min(height_px * width_px * _TENSORS_PER_PIXEL, TENSOR_BYTES)
        self._is_stuck = False
        self._thread = threading.Thread(
            target=_run, args=(engine.probabilities, self._pictures, self._answers), daemon=True
        )
        self._thread.start()

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`.

        Raises:
            EngineStuck: it gives no answer in time, or takes too much memory.
            Interrupted: the caller is to stop, and the engine gives no answer yet.
        """
        started_s = time.monotonic()
        if started_s - self._measured_at_s > _SETTLED_S:
            self._before_bytes, self._measured_at_s = memory_bytes(), started_s
        try:
            self._pictures.put(image)
            try:
                answer, error = self._answers.get(timeout=_POLL_S)
            except Empty:
                answer, error = self._late_answer(started_s)
        except BaseException:  # of ours, or Ctrl-C: the thread is still busy
            self._is_stuck = True
            note_stuck(self._model)
            raise
        if self._more_bytes:
            self._more_bytes, self._measured_at_s = 0, 0.0
        if error is not None:
            raise error
        return answer

    def _late_answer(self, started_s: float) -> tuple[Any, BaseException | None]:
        stopping_since_s: float | None = None
        while True:
            try:
                return self._answers.get(timeout=_POLL_S)
            except Empty:
                now_s = time.monotonic()
            grown_bytes = memory_bytes() - self._before_bytes
            if grown_bytes > self._allowed_bytes + self._more_bytes:
                raise self._stuck(f"takes {grown_bytes / 2**20:,.0f} MB and more")
            if now_s - started_s > self._limit_s:
                raise self._stuck(f"has not answered in {self._limit_s:g} s")
            if self._is_stopping():
                stopping_since_s = stopping_since_s or now_s
                if now_s - stopping_since_s > STOPPING_S:
                    raise Interrupted

    def _stuck(self, what: str) -> EngineStuck:
        return EngineStuck(
            f"{self._model}: {self.name} {what} for one picture; export it again, or use one you can trust"
        )

    def close(self) -> None:
        """Ends the thread, unless it is stuck."""
        self._pictures.put(None)
        if not self._is_stuck:
            self._thread.join(self._limit_s)


@contextmanager
def watched(
    engine: Engine,
    model: object,
    model_bytes: int,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Generator[WatchedEngine]:
    """Watches an engine until the block ends; see `WatchedEngine`."""
    watching = WatchedEngine(engine, str(model), model_bytes, is_stopping, LIMIT_S)
    try:
        yield watching
    finally:
        watching.close()


def memory_bytes() -> int:
    """The memory of this process in RAM; 0 where the system does not say, as without /proc."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[1]
    except OSError:
        return 0
    return int(pages) * mmap.PAGESIZE


def _run(
    probabilities: Callable[[np.ndarray], np.ndarray],
    pictures: "SimpleQueue[np.ndarray | None]",
    answers: "SimpleQueue[tuple[Any, BaseException | None]]",
) -> None:
    while (image := pictures.get()) is not None:
        try:
            answers.put((probabilities(image), None))
        except BaseException as error:  # whatever it is, it is raised where it was called
            answers.put((None, error))
