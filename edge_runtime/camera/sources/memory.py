"""Memory that FFmpeg may take: a stream or a video can change to pictures of 268 megapixels at any time.

The size that a video states is known when it is open, before anything is decoded, and `check_size` refuses
one that is too large. For a size that changes later FFmpeg allocates before anybody can ask: beyond a limit
of the system it gets nothing, and skips the picture.
"""

import os
from contextlib import suppress
from types import TracebackType

from ...errors import BadImage
from ...images.jpeg_header import MAX_PIXELS, too_large
from ...images.opencv import cv2

try:
    import resource
except ImportError:  # Windows: the size that is stated has to do
    resource = None

ROOM_BYTES = 400 * 2**20
"""Beside what the process has: H.264 of 3840x2160 with all the pictures that it may refer to takes 250 MB."""
_STACK_BYTES = 2 * 8 * 2**20
"""Of the threads for each core; it counts though little of it is used."""
_DATA_FIELD = 5  # of statm: private memory and stacks, in pages


def check_size(capture: cv2.VideoCapture, name: str) -> None:
    """Refuses an open video or stream that states pictures over `MAX_PIXELS`.

    Raises:
        BadImage: it does; `name` is what the message calls it.
    """
    width_px = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height_px = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if width_px * height_px > MAX_PIXELS:
        capture.release()
        raise BadImage(f"{name}: pictures of {too_large(width_px, height_px)}; choose a smaller size")


def stay_within_room() -> None:
    """Keeps this process within a `MemoryRoom` from now on."""
    MemoryRoom().__enter__()


class MemoryRoom:
    """Keeps what this process takes in all its blocks together within `ROOM_BYTES`.

    A block is the moment in which FFmpeg decodes a picture; what the process takes between them does not
    count. It does nothing where the system has no such limit or does not say what is taken.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        self._before = (0, 0)
        self._page_bytes = 0
        self._taken_bytes = 0  # within the blocks so far
        self._outside_bytes = 0
        self._most_bytes = ROOM_BYTES + _STACK_BYTES * (os.cpu_count() or 1)
        if resource is not None:
            self._page_bytes = resource.getpagesize()
            with suppress(OSError):  # a system without /proc
                self._file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> None:
        if self._file is None or resource is None:
            return
        self._outside_bytes = self._private_bytes(self._file) - self._taken_bytes
        self._before = soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = self._outside_bytes + self._most_bytes
        if soft == resource.RLIM_INFINITY or wanted < soft:
            resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None or resource is None:
            return
        resource.setrlimit(resource.RLIMIT_DATA, self._before)
        self._taken_bytes = self._private_bytes(self._file) - self._outside_bytes

    def _private_bytes(self, file: int) -> int:
        return int(os.pread(file, 128, 0).split()[_DATA_FIELD]) * self._page_bytes

    def close(self) -> None:
        """Closes what it reads."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __del__(self) -> None:
        self.close()
