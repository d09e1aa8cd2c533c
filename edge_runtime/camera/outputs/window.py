"""Preview window: shows frames with their answers, on machines with a screen, from a process of its own."""

import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from ...errors import Unavailable
from ...images.opencv import cv2
from ..answer import Answer, Sink
from ..control import StopRequest
from ..event import Event, OnEvent, ignore
from ..pace import growing_pause_s
from .background import BackgroundOutput
from .overlay import annotate
from .window_child import CLOSED, HEADER, READY

STILL_S = 2.0
"""At the end, a still image stays for this time, or until a key is pressed."""
_OPENING_S = 10.0
"""How long the end waits for a window that has not shown its last picture yet."""
# -P: modules in the current folder are not imported in place of ours.
CHILD = [sys.executable, "-P", "-m", f"{__package__}.window_child"]
_END_S = 1.0
_PROBE_S = 10.0
_PROBE = "import cv2; cv2.namedWindow('edgecls'); cv2.destroyAllWindows()"


class PreviewWindow(Sink):
    """Shows frames with their answers; `q`, Esc or closing the window stops the loop.

    The window takes the newest picture whenever it has drawn the one before; the loop never waits for it.
    Where the screen goes away, or has not come yet, it is opened again after growing pauses.

    Args:
        stop: requested when the user closes the window.
        keeps_trying: whether a screen that goes away is an event; otherwise it is an error.
        on_event: gets `output_failed` and `output_works`.
        clock: monotonic seconds.
    """

    name = "the window"

    def __init__(
        self,
        stop: StopRequest,
        *,
        keeps_trying: bool = False,
        on_event: OnEvent = ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stop = stop
        self._keeps_trying = keeps_trying
        self._on_event = on_event
        self._clock = clock
        self._window: _WindowProcess | None = None
        self._failures = 0
        self._retry_at_s = -math.inf
        self._newest: Answer | None = None  # not shown yet
        self._shows_still = False

    def write(self, answer: Answer) -> None:
        """See `Sink.write`.

        Raises:
            Unavailable: the screen has gone, and is not to be waited for.
        """
        self._newest = answer
        self._shows_still = bool(answer.frame.name)
        if self._window is None and self._clock() >= self._retry_at_s:
            self._window = _WindowProcess(self._stop)
        self.idle()

    def idle(self) -> None:
        """Hears what the window says, and gives it the newest picture; see `Sink.idle`."""
        window = self._window
        if window is None:
            return
        window.listen(0)
        if window.is_closed:
            self._stop.request()
        elif window.has_ended:
            self._note_end(window)
        elif window.is_ready:
            if self._failures:
                self._failures = 0
                self._on_event(Event("output_works", f"{self.name} is open again"))
            if self._newest:
                shown, self._newest = self._newest, None
                window.show(annotate(shown.frame.pixels, shown.decision.shown, shown.timing))

    def close(self) -> None:
        """See `Sink.close`."""
        if self._shows_still:
            self._wait(_OPENING_S, lambda: self._newest is None)
            self._wait(STILL_S, lambda: False)
        if self._window:
            self._window.end()
        self._window = None

    def _wait(self, limit_s: float, happened: Callable[[], bool]) -> None:
        ends_at_s = time.monotonic() + limit_s
        while self._window and not self._stop.requested and not happened() and time.monotonic() < ends_at_s:
            self._window.listen(0.05)
            self.idle()

    def _note_end(self, window: "_WindowProcess") -> None:
        window.end()
        self._window = None
        if not self._keeps_trying:
            raise Unavailable("the window has lost its screen; start again, or leave --show out")
        self._failures += 1
        pause_s = growing_pause_s(self._failures)
        self._retry_at_s = self._clock() + pause_s
        if self._failures == 1:
            self._on_event(
                Event("output_failed", f"{self.name} has no screen; trying again in {pause_s:g} s")
            )


class _WindowProcess:
    """A process with the window, which starts at once; see `window_child.py`."""

    def __init__(self, stop: StopRequest) -> None:
        self.is_ready = self.is_closed = self.has_ended = False
        """It takes a picture; the user has closed it; it has ended, most likely for want of a screen."""
        self._process = subprocess.Popen(
            CHILD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # Qt complains about missing fonts
            process_group=0 if os.name == "posix" else None,  # Ctrl-C goes to our group
        )
        pictures, words = self._process.stdin, self._process.stdout
        assert pictures  # noqa: S101 - for the type: both are pipes
        assert words  # noqa: S101
        self._output = BackgroundOutput(pictures.fileno(), stop, may_drop=True)
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._hearing = threading.Thread(target=self._hear, args=(words.fileno(),), daemon=True)
        self._hearing.start()

    def _hear(self, words: int) -> None:
        """Hears the process until it ends, in a thread: not every system can wait for a pipe with a limit."""
        said = b"?"
        while said:
            try:
                said = os.read(words, 1)
            except OSError:  # closed by `end`
                said = b""
            self._said.put(said)

    def listen(self, timeout_s: float) -> None:
        """Waits for a word of the process, and notes it."""
        with suppress(queue.Empty):
            while not self.has_ended:
                said = self._said.get(timeout=timeout_s) if timeout_s else self._said.get_nowait()
                self.is_closed |= said == CLOSED
                self.is_ready |= said == READY
                self.has_ended = not said
                timeout_s = 0.0

    def show(self, picture: np.ndarray) -> None:
        """Gives it a picture, uint8 (H, W, 3) BGR, without waiting until it has all of it."""
        self.is_ready = False
        with suppress(OSError):  # it has ended, which is heard next
            self._output.put(b"".join([HEADER.pack(*picture.shape[:2]), np.ascontiguousarray(picture).data]))

    def end(self) -> None:
        """Ends it; its window closes."""
        self._process.kill()
        self._process.wait()
        self._output.close()
        self._hearing.join(_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe:
                    pipe.close()


def why_no_window() -> str | None:
    """Returns the reason why no window can be opened here now, in words; None if one can."""
    return why_never_a_window() or _why_no_screen()


def why_never_a_window() -> str | None:
    """Returns the reason why no window can be opened here, however long one waits; None if one might."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    if _gui() == "NONE":
        return "this OpenCV has no windows (opencv-python-headless is installed)"
    return None


def _why_no_screen() -> str | None:
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
