"""Runs a command that ends with its parent: `python -m edgecls.sweep.tethered PARENT_ID ARGUMENTS...`.

A worker that is killed, by Ray or by the system when memory runs out, cannot end its training, which would go
on for hours beside the one that is started in its place.

This process becomes Python with ARGUMENTS. On systems other than Linux, the command is not tied to its
parent.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""<sys/prctl.h>. The signal comes when the starting thread ends, which waits for us. It survives `exec`."""


def main() -> None:
    """Ties this process to its parent and becomes the command."""
    parent, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # the parent died before the call
            sys.exit(1)
    # -P: a folder `numpy` or `keras` in the working folder must not be imported.
    os.execv(sys.executable, [sys.executable, "-P", *arguments])  # noqa: S606 - no shell is needed


if __name__ == "__main__":
    main()
