"""Ctrl-C that is not lost where Python drops the exception: in a `__del__`, in the garbage collector."""

import signal
import sys
import threading
from types import FrameType
from typing import Any, Self


class Interrupts:
    """A context manager, within which an interrupt raises KeyboardInterrupt at once, and again at `check`."""

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None
        self._tell_dropped: Any = None

    def check(self) -> None:
        """Raises KeyboardInterrupt if there was an interrupt, whoever swallowed it."""
        if self._asked:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            self._before = signal.signal(signal.SIGINT, self._interrupt)
            self._tell_dropped, sys.unraisablehook = sys.unraisablehook, self._dropped
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            sys.unraisablehook = self._tell_dropped

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True
        raise KeyboardInterrupt

    def _dropped(self, what: Any) -> None:
        if not issubclass(what.exc_type, KeyboardInterrupt):  # that is not lost, so there is nothing to tell
            self._tell_dropped(what)
