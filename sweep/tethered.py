"""Runs a command that ends with its parent: `python -m edgecls.sweep.tethered PARENT_ID ARGUMENTS...`.

A worker that Ray kills, or the system when memory is short, cannot end its training any more. Left alone,
that would go on for hours, beside the one that is started in its place.

ARGUMENTS are given to a Python of their own that takes the place of this one. Where the system is not Linux,
the training is not tied to its parent.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""<sys/prctl.h>. The signal comes when the thread that started us ends, and that waits. Kept by `exec`."""


def main() -> None:
    """Ties this process to its parent and becomes the command."""
    parent, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it died before it could be watched
            sys.exit(1)
    # -P: a folder `numpy` or `keras` where the command runs must not be imported.
    os.execv(sys.executable, [sys.executable, "-P", *arguments])  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main()
