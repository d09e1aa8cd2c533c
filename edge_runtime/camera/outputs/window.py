"""Preview window: shows each frame with its answer, on machines with a screen."""

import os
import subprocess
import sys
import time

from ...descriptors import native_stderr_held
from ...images.opencv import cv2
from ..answer import Answer, Sink
from ..loop import StopRequest
from .overlay import annotate

TITLE = "edgecls"
STILL_S = 2.0
"""At the end, a still image stays for this time, or until a key is pressed."""
_KEYS = (ord("q"), 27)  # 27 is Esc
_PROBE = "import cv2; cv2.namedWindow('edgecls'); cv2.destroyAllWindows()"
_PROBE_S = 10.0


class PreviewWindow(Sink):
    """Shows each frame with its answer; `q`, Esc or closing the window stops the loop.

    To be used only where `why_no_window` returns None: Qt ends a process that has no screen.

    Args:
        stop: requested when the user closes the window.
    """

    name = "the window"

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop
        self._is_open = False
        self._shows_still = False

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        if not self._is_open:
            with native_stderr_held():  # Qt complains about missing fonts
                cv2.namedWindow(TITLE, cv2.WINDOW_AUTOSIZE)
            self._is_open = True
        cv2.imshow(TITLE, annotate(answer.frame.pixels, answer.decision.shown, answer.timing))
        self._shows_still = bool(answer.frame.name)
        self._handle_keys()

    def idle(self) -> None:
        """Keeps the window responsive while no frame comes; see `Sink.idle`."""
        if self._is_open:
            self._handle_keys()

    def close(self) -> None:
        """See `Sink.close`."""
        if not self._is_open:
            return
        ends_at_s = time.monotonic() + (STILL_S if self._shows_still else 0)
        while time.monotonic() < ends_at_s and not self._stop.requested:
            self._handle_keys(wait_ms=50)
        cv2.destroyAllWindows()
        self._is_open = False

    def _handle_keys(self, wait_ms: int = 1) -> None:
        key = cv2.waitKey(wait_ms)
        if key & 0xFF in _KEYS or cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            self._stop.request()


def why_no_window() -> str | None:
    """Returns the reason why no window can be opened here, in words; None if one can."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    if _gui() == "NONE":
        return "this OpenCV has no windows (opencv-python-headless is installed)"
    try:  # in a child process, which Qt may end
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], timeout=_PROBE_S, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        return "the screen does not answer"
    return f"the screen {os.environ.get('DISPLAY', '')} cannot be reached" if done.returncode else None


def _gui() -> str:
    """Returns the GUI that OpenCV was built with: `QT5`, `GTK3`, `NONE`, ..."""
    lines = cv2.getBuildInformation().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.strip().startswith("GUI:")), "NONE")
