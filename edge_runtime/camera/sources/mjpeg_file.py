"""Motion JPEG in files: JPEGs in a row, as `rpicam-vid --codec mjpeg -o` writes them, or in AVI, MKV or MOV.

`JpegRun` and `JpegPackets` have the part of `cv2.VideoCapture` that `Video` uses. FFmpeg would decode these
files too, but conceals damage.
"""

import re
from pathlib import Path

import numpy as np

from ...errors import BadImage, reading_failed
from ...images.decode import decode
from ...images.jpeg_header import MAX_PIXELS, read_header, scan_start
from ...images.opencv import cv2

RATE_FPS = 25.0
"""The file states none; FFmpeg assumes the same."""
_MJPEG_CODES = frozenset(cv2.VideoWriter.fourcc(*code) for code in ("MJPG", "mjpg", "jpeg", "JPEG"))
_UNDECODED = -1
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
        pixels = _decoded(self._picture)
        if pixels is None:
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


class JpegPackets:
    """The JPEGs of a video whose container FFmpeg reads.

    Args:
        capture: opened with `CAP_PROP_FORMAT` -1, which gives them undecoded.
    """

    is_truncated = False

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture

    @classmethod
    def open(cls, path: str, decoded: cv2.VideoCapture) -> "JpegPackets | None":
        """Opens a video again, without decoding; None if FFmpeg has more to do with it than to decode JPEGs.

        Args:
            path: see `path_for_cv2`.
            decoded: the same video, open.
        """
        is_turned = decoded.get(cv2.CAP_PROP_ORIENTATION_META) != 0
        if int(decoded.get(cv2.CAP_PROP_FOURCC)) not in _MJPEG_CODES or is_turned:
            return None
        trial, capture = (
            cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, _UNDECODED]) for _ in range(2)
        )
        given, packet = trial.read()
        trial.release()
        header = read_header(packet.tobytes()) if given else None
        size_px = decoded.get(cv2.CAP_PROP_FRAME_WIDTH), decoded.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if header is None or (header.width_px, header.height_px) != size_px:  # interlaced: two of half height
            capture.release()
            return None
        return cls(capture)

    def isOpened(self) -> bool:  # noqa: N802 - as in OpenCV
        """Whether the container was opened."""
        return self._capture.isOpened()

    def get(self, what: int) -> float:
        """Returns one of `cv2.CAP_PROP_*`."""
        return self._capture.get(what)

    def grab(self) -> bool:
        """Goes to the next picture; returns whether there is one."""
        return self._capture.grab()

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        """Decodes the picture; (True, None) if it is damaged."""
        given, packet = self._capture.retrieve()
        return given, _decoded(packet.tobytes()) if given else None

    def release(self) -> None:
        """Closes the file."""
        self._capture.release()


def _decoded(jpeg: bytes) -> np.ndarray | None:
    try:
        return decode(jpeg, "frame")
    except BadImage:
        return None
