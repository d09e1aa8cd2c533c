"""TIFF log: what libtiff says of a TIFF, which it decodes to a picture although its data is damaged.

OpenCV writes it to its log, a C++ stream on file descriptor 2, which `decoder_messages.py` does not hear. So
descriptor 2 is a file while a TIFF, which cameras do not send, is decoded. What others write is passed on.
"""

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from ..descriptors import open_standard_descriptors, scratch_file
from ..text import printable_lines
from .jpeg_damage import is_damage
from .opencv import cv2

_LOG_LINE = re.compile(rb"\[ *(?:ERROR|WARN|INFO|DEBUG|FATAL):\d+@[^\]]*\][^\n]*\n?\n?")
_ERROR = re.compile(rb"TIFF_Error (?!TIFFReadDir|TIFFFetch|_TIFFVSetField|TIFFVGetField|MissingRequired)")
"""Of the data. Those of the directory are about tags, or leave no picture anyway."""
_JPEG_WARNING = re.compile(rb"JPEGLib: ([^\n]*)")
_one_at_a_time = threading.Lock()


def decode_tiff(decode: Callable[[], np.ndarray | None]) -> np.ndarray | None:
    """Calls what decodes a TIFF; returns None also where libtiff names damage in its data."""
    with _one_at_a_time:
        pixels, written = _with_log(decode)
    warnings = [found.decode(errors="replace") for found in _JPEG_WARNING.findall(written)]
    return None if _ERROR.search(written) or any(map(is_damage, warnings)) else pixels


def _with_log(decode: Callable[[], np.ndarray | None]) -> tuple[np.ndarray | None, bytes]:
    """Returns what `decode` returns, and what was written to file descriptor 2 meanwhile."""
    open_standard_descriptors()  # a library's user may have closed them
    level, real = cv2.utils.logging.getLogLevel(), os.dup(2)
    try:
        with scratch_file() as held:
            os.dup2(held.fileno(), 2)
            cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_WARNING)
            try:
                pixels = decode()
            finally:
                cv2.utils.logging.setLogLevel(level)
                os.dup2(real, 2)
                held.seek(0)
                written = held.read()
                _pass_on(_LOG_LINE.sub(b"", written))
    finally:
        os.close(real)
    return pixels, written


def _pass_on(text: bytes) -> None:
    if text.strip(b"\n"):
        with suppress(OSError):  # closed, or full
            os.write(2, printable_lines(text))
