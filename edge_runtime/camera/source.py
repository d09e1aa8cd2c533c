"""Where frames come from: a camera, a stream, a video, stills."""

from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from .frame import Frame

_WAIT_S = 1.0


class EndOfSource(Exception):
    """There are no more frames."""


class Source(Protocol):
    """A context manager that gives frames: the newest of a live source, every one of a file."""

    description: str
    """For people: the path or address, with any password masked."""
    live: bool
    """True for cameras and streams: they go on, with the newest frame. Files end, and give every frame unless
    they play in real time."""
    rate_fps: float | None
    """The frame rate that the source states, if it does."""
    reconnects: int
    """How often a live source was opened again after it had been lost; 0 for files."""
    corrupt_frames: int
    """Pictures that arrived damaged and were not given."""

    def read(self, timeout_s: float) -> Frame | None:
        """The newest frame not given before, or None when none came within `timeout_s`.

        Raises:
            EndOfSource: there are no more frames.
            EdgeclsError: it cannot go on.
        """
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Every frame until the source ends, waiting for each as long as it takes; errors as `read`."""
        with suppress(EndOfSource):
            while True:
                frame = self.read(_WAIT_S)
                if frame is not None:
                    yield frame

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
