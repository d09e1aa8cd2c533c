"""The pipe that a measuring process answers through."""

import os
import sys
from typing import TextIO


def take_stdout() -> TextIO:
    """A line-buffered stdout of our own; what libraries print to theirs goes to stderr from now on."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "w", buffering=1, encoding="utf-8")
