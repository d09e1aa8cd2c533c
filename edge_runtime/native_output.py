"""Holds back what native libraries write straight to stderr, past Python's logging."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_stderr_held() -> Iterator[None]:
    """Keeps file descriptor 2 silent; when the block fails, what was held back is written after all.

    TensorFlow announces CPU features and missing GPUs through a logger that writes before its own log level
    is read, so no setting stops it. An interruption is no failure. Not for use while another thread writes to
    stderr.
    """
    sys.stderr.flush()
    real = os.dup(2)
    try:
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield
            except Exception:
                held.seek(0)
                os.write(real, held.read())
                raise
            finally:
                os.dup2(real, 2)
    finally:
        os.close(real)
