"""The processes that measure: how they are started, heard, and ended."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import IO, cast

from ..edge_runtime.errors import BadModel


class Child:
    """A program of this folder in a process of its own, and the file that it works on."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes], path: str) -> None:
        # `started` gives both pipes, which the type cannot say.
        self.requests, self._replies = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        self._process, self._stderr, self._path = process, stderr, path

    @property
    def process_id(self) -> int:
        """The process's number in the system."""
        return self._process.pid

    def read_line(self, limit_s: float) -> bytes:
        """The next line that it writes.

        Raises:
            BadModel: it ended or hung. An engine may crash on a file; that must not end the benchmark.
        """
        overdue = Timer(limit_s, self._process.kill)
        overdue.start()
        try:
            line = self._replies.readline()
        finally:
            in_time = overdue.is_alive()
            overdue.cancel()
        if line.endswith(b"\n"):
            return line
        code = self._process.wait()
        why = self._last_words(code) if in_time else f"gave no answer in {limit_s:g} s"
        raise BadModel(f"{self._path}: its process {why}; export it again")

    def _last_words(self, code: int) -> str:
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
        return f"ended with exit code {code} ({last[:200]})"


@contextmanager
def started(program: str, path: str, *arguments: str, threads: int) -> Iterator[Child]:
    """Runs `python -m edgecls.benchmarks.PROGRAM PATH ARGUMENTS... THREADS`, until the block ends."""
    # -P: a folder `numpy` or `keras` where the user stands must not be imported.
    command = [sys.executable, "-P", "-m", f"{__package__}.{program}", path, *arguments, str(threads)]
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | _tensorflow_threads(threads),
        )
        try:
            yield Child(process, stderr, path)
        finally:
            process.kill()  # it has nothing to save
            with suppress(BrokenPipeError), process:  # closes the pipes and waits
                pass


def _tensorflow_threads(threads: int) -> dict[str, str]:
    """TensorFlow takes every core unless told otherwise, and is slower for it: 0.72 ms against 0.38 ms."""
    return {"TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": "1"}
