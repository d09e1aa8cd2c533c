"""Raw Motion JPEG: a file of JPEGs in a row, as `rpicam-vid --codec mjpeg -o` and network recorders write it.

`JpegRun` has the part of `cv2.VideoCapture` that `Video` uses. FFmpeg would play the file too, but conceals
damage.
"""

import re
from pathlib import Path

import numpy as np

from ...errors import BadImage, reading_failed
from ...images.decode import decode
from ...images.jpeg_header import MAX_PIXELS, scan_start
from ...images.opencv import cv2

RATE_FPS = 25.0
"""The file states none; FFmpeg assumes the same."""
_START = b"\xff\xd8\xff"
_END_OR_START = re.compile(rb"\xff\xd9|\xff\xd8\xff")
_PIECE_BYTES = 1 << 20
_MAX_BYTES = MAX_PIXELS
"""Of a picture; more is damage."""


class JpegRun:
    """The pictures of an open file, in order.

    Raises:
        MissingInput, PermissionRefused, BadData: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.is_truncated = False
        """Whether the last picture has no end; known when it was reached."""
        self._path = path
        self._buffer = bytearray()
        self._picture = b""
        self._grabbed = 0
        self._size_px: tuple[int, int] | None = None
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise reading_failed(path, error) from error

    def isOpened(self) -> bool:  # noqa: N802 - as in OpenCV
        """Returns True: whether it holds pictures is known before it is made."""
        return True

    def get(self, what: int) -> float:
        """Returns one of `cv2.CAP_PROP_*`; 0 for what the file does not state."""
        known = {
            cv2.CAP_PROP_FPS: RATE_FPS,
            cv2.CAP_PROP_POS_MSEC: (self._grabbed - 1) * 1000 / RATE_FPS,
        }
        return known.get(what, 0.0)

    def grab(self) -> bool:
        """Goes to the next picture; returns whether there is one."""
        buffer = self._buffer
        while (start := buffer.find(_START)) < 0:
            del buffer[: -len(_START)]
            if not self._read():
                return False
        del buffer[:start]
        searched = scan_at = 0
        while True:
            scan_at = scan_at or scan_start(buffer) or 0
            found = _END_OR_START.search(buffer, max(scan_at, searched)) if scan_at else None
            if found or len(buffer) > _MAX_BYTES:
                break
            searched = max(0, len(buffer) - len(_START) + 1)
            if not self._read():
                self.is_truncated = True
                return False
        is_whole = found is not None and found[0] != _START
        end = len(_START) if found is None else found.end() if is_whole else found.start()
        self._picture = bytes(buffer[:end])
        del buffer[:end]
        self._grabbed += 1
        return True

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        """Decodes the picture, scaled to the size of the first; (True, None) if it is damaged."""
        try:
            pixels = decode(self._picture, str(self._path))
        except BadImage:
            return True, None
        size_px = pixels.shape[1], pixels.shape[0]
        self._size_px = self._size_px or size_px
        return True, pixels if size_px == self._size_px else cv2.resize(pixels, self._size_px)

    def release(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self) -> bool:
        """Reads on; returns whether there was more."""
        try:
            piece = self._file.read(_PIECE_BYTES)
        except OSError as error:
            raise reading_failed(self._path, error) from error
        self._buffer += piece
        return bool(piece)
