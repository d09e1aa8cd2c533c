"""Background output: lines to a pipe or terminal that may stop taking them, for which the loop never waits.

A pipe that nobody reads, and a terminal after Ctrl-S, block whoever writes. So what does not fit at once is
left to a thread, and the loop only adds to its queue. The descriptors stay as they are: `O_NONBLOCK` would
hold for all who share the pipe or terminal, such as the shell. What is written at once goes through another
description of the same pipe or terminal, which is ours alone.
"""

import atexit
import io
import os
import select
import stat
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from typing import TextIO

from ...text import for_terminal
from ..control import POLL_S, StopRequest

MAX_WAITING_BYTES = 1 << 20
"""Lines that wait for a reader: half a minute of a camera's answers, on top of the 64 kB in a pipe."""
GRACE_S = 0.5
"""At the end of a loop that is to stop, what waits is given up after this time; once for each output."""
_ATOMIC_BYTES = 4096
"""PIPE_BUF of Linux: so much goes into a pipe whole or not at all, however the process ends."""


class BackgroundOutput:
    """Writes lines in their order: at once where they fit, in a thread where the reader must take some first.

    Args:
        descriptor: open for writing.
        stop: the loop's; ends every wait for the reader.
        may_drop: whether the oldest lines are dropped where the reader is too slow, as an unattended loop has
            to go on; otherwise `put` waits for the reader, so that a run that ends gives every line.
    """

    def __init__(self, descriptor: int, stop: StopRequest, *, may_drop: bool) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._may_drop = may_drop
        self._may_block = may_block(descriptor)
        self._at_once = _reopened(descriptor) if self._may_block else None
        if self._at_once is not None:
            weakref.finalize(self, os.close, self._at_once)
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._rest = b""  # of a line of which a part is written
        self._waiting_bytes = self._in_hand = 0
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None
        self._is_torn = self._has_given_up = self._is_closed = False
        self.is_broken = False
        """The reader has gone, for good."""

    def put(self, line: bytes) -> int:
        """Adds a line and returns how many were dropped for want of a reader.

        Raises:
            BrokenPipeError: the reader has gone.
            OSError: this line, or one before it, could not be written.
        """
        if not self._may_block:
            self._write(line)
            return 0
        with self._changed:
            self._raise_failure()
            if self._was_written_at_once(line):
                return 0
            if not self._may_drop and not self._waited_for_room(len(line)):
                return 1
            self._waiting.append(line)
            self._waiting_bytes += len(line)
            dropped = 0
            while self._waiting_bytes > MAX_WAITING_BYTES and len(self._waiting) > 1:
                self._waiting_bytes -= len(self._waiting.popleft())
                dropped += 1
            self._start_thread()
            self._changed.notify_all()
        return dropped

    def drain(self) -> int:
        """Waits until everything is written; returns how many lines were given up.

        A run that may not drop lines waits as long as its reader takes, unless it was asked to stop.

        Raises:
            OSError: see `put`.
        """
        give_up_at_s: float | None = None
        with self._changed:
            while (self._waiting or self._rest or self._in_hand) and not self._failure:
                if give_up_at_s is None and (self._may_drop or self._stop.requested):
                    give_up_at_s = time.monotonic() + (0 if self._has_given_up else GRACE_S)
                if give_up_at_s is not None and time.monotonic() >= give_up_at_s:
                    self._has_given_up = True
                    break
                self._changed.wait(POLL_S)
            self._raise_failure()
            given_up = len(self._waiting) + bool(self._rest) + self._in_hand
            self._forget()
        return given_up

    def close(self) -> None:
        """Ends the thread, before the descriptor is closed; its other end must be closed, or be read."""
        with self._changed:
            self._is_closed = True
            self._forget()
            self._changed.notify_all()
        if self._thread:
            self._thread.join(GRACE_S)

    def _was_written_at_once(self, line: bytes) -> bool:
        """Writes a line where there is room; leaves the rest of one that does not fit to the thread."""
        if self._at_once is None or self._waiting or self._rest or self._in_hand:
            return False
        line = self._ended(line)
        try:
            written = os.write(self._at_once, line)
        except BlockingIOError:
            return False
        except BrokenPipeError:
            self.is_broken = True
            raise
        if written == len(line):
            return True
        self._rest = line[written:]
        self._start_thread()
        self._changed.notify_all()
        return True

    def _ended(self, content: bytes) -> bytes:
        """Begins a new line where a full disk or the like took half of the one before."""
        is_torn, self._is_torn = self._is_torn, False
        return b"\n" + content if is_torn else content

    def _forget(self) -> None:
        self._waiting.clear()
        self._waiting_bytes, self._rest = 0, b""

    def _start_thread(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._write_waiting, name="output", daemon=True)
            with suppress(RuntimeError):  # the system has no room for a thread; the next line tries again
                thread.start()
                self._thread = thread

    def _waited_for_room(self, size_bytes: int) -> bool:
        while self._waiting and self._waiting_bytes + size_bytes > MAX_WAITING_BYTES:
            if self._stop.requested:
                return False
            self._changed.wait(POLL_S)
            self._raise_failure()
        return True

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if self.is_broken:
            self._forget()
            raise BrokenPipeError
        if failure:
            raise failure

    def _write_waiting(self) -> None:
        while True:
            with self._changed:
                self._in_hand = 0
                self._changed.notify_all()
                while not (self._waiting or self._rest):
                    if self._is_closed:
                        return
                    self._changed.wait()
                content = self._taken()
            try:
                self._write(content)
            except OSError as error:
                with self._changed:
                    self._failure, self.is_broken = error, isinstance(error, BrokenPipeError)

    def _taken(self) -> bytes:
        """Takes the oldest line, and those after it that go into a pipe with it in one piece."""
        if self._rest:
            content, self._rest, self._in_hand = self._rest, b"", 1
            return content
        lines = [self._waiting.popleft()]
        size_bytes = len(lines[0])
        while self._waiting and size_bytes + len(self._waiting[0]) <= _ATOMIC_BYTES:
            lines.append(self._waiting.popleft())
            size_bytes += len(lines[-1])
        self._waiting_bytes -= size_bytes
        self._in_hand = len(lines)
        return b"".join(lines)

    def _write(self, content: bytes) -> None:
        content, written = self._ended(content), 0
        try:
            while written < len(content):
                try:
                    written += os.write(self._descriptor, content[written:])
                except BlockingIOError:  # whoever made the pipe set O_NONBLOCK
                    _wait_for_room(self._descriptor)
        except OSError:
            if written:
                self._is_torn = not content[:written].endswith(b"\n")
            raise


def may_block(descriptor: int) -> bool:
    """Whether a write may wait for a reader: a pipe, a socket or a terminal."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:  # it is closed: a write says so at once
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)


def _reopened(descriptor: int) -> int | None:
    """Returns a descriptor of our own that never blocks, of the same pipe or terminal; None if there is none.

    Linux gives it by /proc, but not of a socket, and not of another user's pipe.
    """
    if sys.platform != "linux":
        return None
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, AttributeError):  # Windows has not even the flags
        return None


def _wait_for_room(descriptor: int) -> None:
    if not hasattr(select, "poll"):
        time.sleep(POLL_S)
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    poll.poll()


class BackgroundText(io.TextIOBase):
    """A text stream over a `BackgroundOutput`, in the place of `sys.stderr`.

    Args:
        stream: the stream that it replaces, which says whether it is a terminal, and how text is encoded.
        output: takes what is written, at each end of a line and each `flush`.
    """

    def __init__(self, stream: TextIO, output: BackgroundOutput) -> None:
        self._stream = stream
        self.output = output
        self._part: list[str] = []
        self.dropped = 0
        """Lines that nobody took."""

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the stream."""
        return self._stream.encoding

    def fileno(self) -> int:
        """The stream's descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str, /) -> int:
        """See `io.TextIOBase.write`."""
        self._part.append(for_terminal(text) if self.isatty() else text)
        if text.endswith("\n"):
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Passes on what has been written; never waits for it unless lines may not be dropped.

        What cannot be written is no error: a reader that has gone, or a full disk, is nobody's to tell.
        """
        text = "".join(self._part)
        self._part.clear()
        if not text:
            return
        try:
            self.dropped += self.output.put(text.encode(self.encoding, self._stream.errors or "strict"))
        except OSError:
            self.dropped += 1

    def drain(self) -> None:
        """Waits for what is left, as the process ends; see `BackgroundOutput.drain`."""
        with suppress(OSError, KeyboardInterrupt):
            self.flush()
            self.dropped += self.output.drain()


def use_background_stderr(stop: StopRequest, *, may_drop: bool) -> None:
    """Puts a `BackgroundText` in the place of `sys.stderr`, until the process ends; arguments as there.

    With `may_drop`, what native libraries write past Python does not block either, where the system can give
    another description of the pipe or terminal.
    """
    stream = sys.stderr
    if sys.platform == "win32" and stream.isatty():  # a console of Windows takes text, and bytes garbled
        return
    try:
        descriptor = stream.fileno()
        # Of our own, as `native_stderr_held` puts another file in the place of the number for a moment.
        kept = os.dup(descriptor)
    except OSError:  # a test's
        return
    text = BackgroundText(stream, BackgroundOutput(kept, stop, may_drop=may_drop))
    sys.stderr = text
    atexit.register(text.drain)
    if may_drop and may_block(descriptor) and (another := _reopened(descriptor)) is not None:
        os.dup2(another, descriptor)
        os.close(another)


def output_to(descriptor: int, stop: StopRequest, *, may_drop: bool) -> BackgroundOutput:
    """Returns an output to a descriptor: stderr's where both are one file, so that lines keep their order."""
    if isinstance(sys.stderr, BackgroundText):
        with suppress(OSError):
            if os.path.sameopenfile(sys.stderr.fileno(), descriptor):
                return sys.stderr.output
    return BackgroundOutput(descriptor, stop, may_drop=may_drop)
