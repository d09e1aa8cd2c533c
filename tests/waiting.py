"""Waits for what other threads and processes do, until it has happened, however busy the machine is."""

import time
from collections.abc import Callable

WITHIN_S = 60.0
"""Long enough for any machine: what has not happened by then never will."""


def wait_until(happened: Callable[[], object], meanwhile: Callable[[], object] | None = None) -> None:
    """Returns once something has happened.

    Args:
        happened: whether it has.
        meanwhile: to be called again and again until then.
    """
    until_s = time.monotonic() + WITHIN_S
    while not happened():
        assert time.monotonic() < until_s, "waited in vain"
        if meanwhile:
            meanwhile()
        time.sleep(0.005)
