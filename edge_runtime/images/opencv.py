"""OpenCV, imported with the settings that it reads only at import.

Every module imports `cv2` from here: `from .opencv import cv2`.
"""

import os
from pathlib import Path
from typing import Any

from ..errors import Unavailable
from .jpeg_header import MAX_PIXELS

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))
_is_silent = os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT") == "SILENT"
"""Its lines, as about a damaged TIFF, would mix with edgecls's."""
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET

try:
    import cv2
except ImportError as error:  # the desktop wheel links against libGL, which a minimal system lacks
    raise Unavailable(
        f"OpenCV cannot be loaded: {error}; run `sudo apt install libgl1 libglib2.0-0`, or `edgecls doctor`"
    ) from error

if _is_silent:  # it reads the variable only once, and a program may have imported it before
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

__all__ = ["cv2", "path_for_cv2"]


def path_for_cv2(path: str | Path) -> Any:
    """Returns a path for OpenCV, which crashes at a name whose bytes are no text, but takes the bytes.

    In the C locale every name with other characters than ASCII is such a name.
    """
    name = str(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name
