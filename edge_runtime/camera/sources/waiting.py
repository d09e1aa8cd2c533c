"""Calls that may not return, made in a thread, so that who waits for them does it in Python.

FFmpeg may work on a hostile picture for long, or pass over many damaged ones in one call, and no signal
handler of Python's runs meanwhile in the thread that called it.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

_T = TypeVar("_T")


class NotYet(Exception):
    """The call has not returned; asked again, it is waited for again."""


class Waiting(Generic[_T]):
    """Makes one call at a time.

    Args:
        call: what may not return.
        wait_s: how long it is waited for at a time.
    """

    def __init__(self, call: Callable[[], _T], wait_s: float) -> None:
        self.is_busy = False
        """Whether a call has not returned: what it works on must not be closed."""
        self._wait_s = wait_s
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._returned: SimpleQueue[tuple[_T | None, BaseException | None]] = SimpleQueue()
        threading.Thread(target=_run, args=(call, self._asked, self._returned), daemon=True).start()

    def __call__(self) -> _T:
        """Returns what the call returns, or raises what it raises.

        Raises:
            NotYet: it has not returned.
        """
        if not self.is_busy:
            self._asked.put(True)
            self.is_busy = True
        try:
            result, error = self._returned.get(timeout=self._wait_s)
        except Empty:
            raise NotYet from None
        self.is_busy = False
        if error is not None:
            raise error
        return result  # pyright: ignore[reportReturnType] - None only beside an error

    def close(self) -> None:
        """Ends the thread, when the call has returned."""
        self._asked.put(False)


def _run(
    call: Callable[[], _T],
    asked: "SimpleQueue[bool]",
    returned: "SimpleQueue[tuple[_T | None, BaseException | None]]",
) -> None:
    while asked.get():
        try:
            returned.put((call(), None))
        except BaseException as error:  # whatever it is, it is raised where it was asked for
            returned.put((None, error))
