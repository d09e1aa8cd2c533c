"""Window process: shows the pictures that come through stdin. `window.py` starts it with `python -m`.

A window needs a process of its own, as Qt ends the process whose screen goes away.
"""

import os
import queue
import signal
import struct
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from ...images.opencv import cv2

TITLE = "edgecls"
HEADER = struct.Struct("<II")
"""Height and width of a picture, before its uint8 (H, W, 3) BGR pixels."""
READY, CLOSED = b"r", b"q"
"""What it says on stdout: that it takes a picture, and that the user has closed the window."""
_POLL_S = 0.1
_KEYS = (ord("q"), 27)  # 27 is Esc


def main() -> None:
    """Shows pictures until stdin ends or the user closes the window."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they go to a whole group or service; our parent ends us
    pictures: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, pictures), daemon=True).start()
    cv2.namedWindow(TITLE, cv2.WINDOW_AUTOSIZE)
    _say(READY)
    picture = pictures.get()
    while picture is not None:
        cv2.imshow(TITLE, picture)
        picture = None
        if _is_closed():  # which also draws it
            break
        _say(READY)
        picture = _next(pictures)
    _say(CLOSED)


def _next(pictures: "queue.SimpleQueue[np.ndarray | None]") -> np.ndarray | None:
    """Returns the next picture; None when there is none any more, or the window is closed."""
    while True:
        try:
            return pictures.get(timeout=_POLL_S)
        except queue.Empty:
            if _is_closed():
                return None


def _is_closed() -> bool:
    key = cv2.waitKey(1)
    return key & 0xFF in _KEYS or cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1


def _receive(stream: BinaryIO, pictures: "queue.SimpleQueue[np.ndarray | None]") -> None:
    for picture in _received(stream):
        pictures.put(picture)
    pictures.put(None)


def _received(stream: BinaryIO) -> Iterator[np.ndarray]:
    while len(header := stream.read(HEADER.size)) == HEADER.size:
        height_px, width_px = HEADER.unpack(header)
        content = stream.read(height_px * width_px * 3)
        if len(content) < height_px * width_px * 3:
            return
        yield np.frombuffer(content, np.uint8).reshape(height_px, width_px, 3)


def _say(word: bytes) -> None:
    os.write(1, word)


if __name__ == "__main__":
    main()
