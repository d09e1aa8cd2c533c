"""Images as a source: one, or those of a folder or glob."""

import time
from types import TracebackType
from typing import Self

from ..errors import EdgeclsError
from ..image import read_image
from .event import Event, OnEvent, ignore
from .frame import Frame
from .source import EndOfSource, Source
from .source_address import ImageFiles


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

    def read(self, timeout_s: float) -> Frame | None:  # noqa: ARG002 - a file does not keep one waiting
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
