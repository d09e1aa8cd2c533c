"""Starts this command again, in place of this process, one of whose threads cannot be ended."""

import os
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from ..edge_runtime.camera.pace import growing_pause_s

if TYPE_CHECKING:
    from ..edge_runtime.camera.control import StopRequest

_COUNT = "EDGECLS_STARTED_AGAIN"
"""How often in a row, for the new process; not for users."""
_HEALTHY_S = 600.0
"""After a run of this length, a start is the first in a row."""
_POLL_S = 0.2


def wait_before_this_start(stop: "StopRequest") -> None:
    """Waits longer before each start in a row; the first one does not wait."""
    starts = _starts_in_a_row()
    end_s = time.monotonic() + (growing_pause_s(starts) if starts else 0.0)
    while not stop.requested and (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(left_s, _POLL_S))


def start_again(lasted_s: float) -> NoReturn:
    """Replaces this process by a new one of the same command; its number and its standard streams stay.

    Args:
        lasted_s: how long this one ran.

    Raises:
        OSError: the system refuses.
    """
    os.environ[_COUNT] = str(_starts_in_a_row() + 1 if lasted_s < _HEALTHY_S else 1)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command


def _starts_in_a_row() -> int:
    text = os.environ.get(_COUNT, "")
    return int(text) if text.isdecimal() else 0
