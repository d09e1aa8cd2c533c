"""Source: gives frames, from a camera, a stream, a video or images; and the source for images."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from ...errors import EdgeclsError
from ...files import PICTURE_BYTES, read_whole
from ...images.decode import decode_file
from ...images.jpeg_header import is_jpeg
from ...images.prepare import prepare_file
from ...images.rule import ImageRule
from ...text import printable
from ..event import Event, OnEvent, ignore
from ..frame import Frame, Prepared
from .address import ImageFiles

_READ_TIMEOUT_S = 1.0


class EndOfSource(Exception):
    """There are no more frames."""


class Source(Protocol):
    """A context manager that gives frames: the newest of a live source, every frame of a file."""

    description: str
    """For people: the path or URL, with any password masked."""
    live: bool
    """True for cameras and streams, which do not end and give the newest frame. Files end, and give every
    frame unless they play in real time."""
    rate_fps: float | None
    """The frame rate that the source states; None if it states none."""
    reconnects: int
    """How often a live source was lost and opened again; 0 for files."""
    corrupt_frames: int
    """Damaged pictures, which were dropped."""
    is_silent: bool = False
    """No frame has come for so long that the last one says nothing about now."""

    def read(self, timeout_s: float) -> Frame | None:
        """Returns the newest frame that was not returned before; None if none comes within `timeout_s`.

        Raises:
            EndOfSource: there are no more frames.
            EdgeclsError: the source failed.
        """
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Yields every frame until the source ends, however long each takes; errors as `read`."""
        with suppress(EndOfSource):
            while True:
                frame = self.read(_READ_TIMEOUT_S)
                if frame is not None:
                    yield frame

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


_SHOWN_NAMES = 3


def _passed_over(paths: Sequence[Path]) -> str:
    names = ", ".join(printable(path.name) for path in paths[:_SHOWN_NAMES])
    more = f" and {len(paths) - _SHOWN_NAMES:,} more" if len(paths) > _SHOWN_NAMES else ""
    files = (
        "1 file that is not a picture" if len(paths) == 1 else f"{len(paths):,} files that are not pictures"
    )
    return f"skipped {files}: {names}{more}"


class Stills(Source):
    """Source of still images, each given once, in order.

    An image that cannot be read is an event, and the others are still given. The end is then an error, so
    that the answers are not taken for complete.

    Args:
        images: what to read.
        on_event: gets a `skipped` event for each image that cannot be read.
        rule: of the model, for transparent and 16-bit images; None: see `ImageRule`.
    """

    live = False
    reconnects = corrupt_frames = 0
    rate_fps: float | None = None

    def __init__(self, images: ImageFiles, on_event: OnEvent = ignore, rule: ImageRule | None = None) -> None:
        self.rule = rule
        """May be set before the first read."""
        self.description = images.description
        self._count = len(images.paths) + len(images.refused)
        self._passed_over, self._refused = images.passed_over, images.refused
        self._on_event = on_event
        self._rest = iter(images.paths)
        self._given = 0
        self._unreadable: list[EdgeclsError] = [*images.refused]

    def read(self, timeout_s: float) -> Frame | None:  # noqa: ARG002 - files are there at once
        """See `Source.read`.

        Raises:
            EndOfSource: every image was read.
            BadImage, MissingInput, PermissionRefused: the only image cannot be read; or, at the end, some
                could not.
        """
        if self._passed_over:
            self._on_event(Event("skipped", _passed_over(self._passed_over)))
            self._passed_over = ()
        for error in self._refused:
            self._on_event(Event("skipped", f"skipped {error}"))
        self._refused = ()
        for path in self._rest:
            try:
                picture, prepared = self._picture(path)
            except EdgeclsError as error:
                self._unreadable.append(error)
                if self._count > 1:
                    self._on_event(Event("skipped", f"skipped {error}"))
                    return None  # decoding it may have taken long: who reads may see whether to stop
            else:
                self._given += 1
                now_s = time.monotonic()
                return Frame(picture, self._given, now_s, name=str(path), prepared=prepared)
        raise self._end()

    def _picture(self, path: Path) -> tuple[np.ndarray | bytes, Prepared | None]:
        """Reads an image, decoded no further than training did; what is shown of it is decoded when needed.

        Raises:
            BadImage, MissingInput, PermissionRefused: it cannot be read.
        """
        content, rule = read_whole(path, PICTURE_BYTES), self.rule
        if rule is None or rule.decode == "whole" or not is_jpeg(content):
            return decode_file(content, str(path), rule), None
        return content, Prepared(rule, prepare_file(content, rule, str(path)))

    def _end(self) -> Exception:
        if not self._unreadable:
            return EndOfSource()
        if self._count == 1:
            return self._unreadable[0]
        first, count = self._unreadable[0], len(self._unreadable)
        such_as = ":" if count == 1 else ", such as"
        return type(first)(f"{count:,} of {self._count:,} images could not be read{such_as} {first}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Does nothing: no file stays open."""
