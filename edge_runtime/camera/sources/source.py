"""Where frames come from: a camera, a stream, a video, stills."""

import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from ...errors import EdgeclsError
from ...images.prepare import read_image
from ..event import Event, OnEvent, ignore
from ..frame import Frame
from .address import ImageFiles

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


# Images as a source: one, or those of a folder or glob.


class Stills(Source):
    """Gives each image once, in order.

    One that cannot be read is an event, and the others are still given; the end then is an error, so that
    nobody takes the answers for complete.
    """

    live = False
    reconnects = corrupt_frames = 0
    rate_fps: float | None = None

    def __init__(self, images: ImageFiles, on_event: OnEvent = ignore) -> None:
        self.description = images.description
        self._paths = images.paths
        self._on_event = on_event
        self._waiting = iter(images.paths)
        self._given = 0
        self._unreadable: list[EdgeclsError] = []

    def read(self, timeout_s: float) -> Frame | None:  # noqa: ARG002
        """See `Source.read`.

        Raises:
            EndOfSource: every image was given.
            BadImage, MissingInput, PermissionRefused: the only image cannot be read, or, at the end, some
                could not be.
        """
        for path in self._waiting:
            try:
                pixels = read_image(path)
            except EdgeclsError as error:
                self._unreadable.append(error)
                if len(self._paths) > 1:
                    self._on_event(Event("skipped", f"skipped {error}"))
            else:
                self._given += 1
                return Frame(pixels, self._given, captured_at_s=time.monotonic(), name=str(path))
        raise self._end()

    def _end(self) -> Exception:
        if not self._unreadable:
            return EndOfSource()
        if len(self._paths) == 1:
            return self._unreadable[0]
        first = self._unreadable[0]
        return type(first)(
            f"{self.description}: {len(self._unreadable)} of {len(self._paths)} images could not be read, "
            f"the first: {first}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""
