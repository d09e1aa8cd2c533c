"""One way in a process of its own, as its parent sees it: it asks, the process answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..child import started
from ..dialogue import Dialogue
from .way import Samples

_LIMIT_S = 60.0


class TimedWay(Dialogue):
    """Asks a `way_process`, whose docstring says what is asked and answered.

    Its methods raise the error that the process reports, or `BadModel` where it crashed or hung.
    """

    engine: str = ""
    stages: tuple[str, ...] = ()

    def opened(self) -> None:
        """Waits until it is ready; to be called once, before the others."""
        said = self.reply()
        self.engine, self.stages = said["engine"], tuple(said["stages"])

    def ask_labels(self) -> None:
        """Lets it classify every frame once; `labels` waits for the result."""
        self.ask({"do": "labels"})

    def labels(self, frames: int) -> list[int | None]:
        """The best label of each of the process's frames, of which there are so many."""
        return self.reply(frames)["labels"]  # at worst a second for each

    def time_window(self, seconds: float) -> Samples:
        """Times one frame after the other for at least `seconds`."""
        self.ask({"do": "window", "seconds": seconds})
        return tuple(tuple(stages) for stages in self.reply(seconds)["samples_ns"])


@contextmanager
def timed_way(way: str, model: Path, frames: Path, threads: int) -> Iterator[TimedWay]:
    """Starts the process of one way, a key of `way_process.WAYS`; `frames` is a `FrameFile`."""
    with started("pipeline.way_process", str(model), way, str(frames), threads=threads) as child:
        yield TimedWay(child, _LIMIT_S)
