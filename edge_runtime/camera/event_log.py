"""The event log: JSON lines on a disk that may be full, pulled, rotated or read-only by now."""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ..errors import UsageError, writing_failed
from .answer import Answer
from .event import Event, OnEvent, ignore
from .event_backlog import Dated, EventBacklog
from .event_line import event_line
from .event_reader import last_sequence, rotated
from .sink import Sink

MAX_MB = 10.0
"""About 50,000 events: of a camera that works, months."""
RETRY_S = 2.0
"""Between two attempts while the log cannot be written."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class EventLog(Sink):
    """Writes each event as one line, in one write, as soon as it happens.

    The file is opened by its name for each line: events are rare, and so it does not matter who removed or
    rotated it meanwhile. Where it cannot be written, the loop goes on: the newest 1,000 events wait, and are
    tried again with the next event or answer.

    Lines reach the disk when the kernel writes them, within half a minute, and at once only on `close` and
    before a rotation: an SD card erases some megabytes for each flush, and what a power cut takes is the end
    of a log that says nothing of the power cut anyway.

    Args:
        path: the log. When it has half of `max_bytes`, it becomes `<path>.1` in place of the one before.
        max_bytes: of both together. A log that was written under a larger limit shrinks as it is rotated.
        on_event: told when it cannot be written: once, until it can again.
        wall_clock: UTC, for people; nothing is decided by it.

    Raises:
        UsageError: `path` is not a file.
        OutputFailed, PermissionRefused: it cannot be written; a full disk may be free again later.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int = int(MAX_MB * 1e6),
        on_event: OnEvent = ignore,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        retry_s: float = RETRY_S,
    ) -> None:
        self._path = path
        self._part_bytes = max_bytes // 2
        self._on_event = on_event
        self._wall_clock = wall_clock
        self._retry_s = retry_s
        self._retry_at_s = 0.0
        self._failing = False
        self._backlog = EventBacklog()
        self._sequence = _prepare(path)

    def event(self, event: Event) -> None:
        """Writes an event, or keeps it until that is possible."""
        self._backlog.add(Dated(event, self._wall_clock()))
        if not self._failing or time.monotonic() >= self._retry_at_s:
            self._write_waiting()

    def write(self, answer: Answer) -> None:  # noqa: ARG002 - see `idle`
        """See `Sink.write`."""
        self.idle()

    def idle(self) -> None:
        """Tries again what could not be written."""
        if self._failing and time.monotonic() >= self._retry_at_s:
            self._write_waiting()

    def close(self) -> None:
        """Flushes the lines to the disk; an event that comes later is written too.

        Raises:
            OutputFailed, PermissionRefused: it cannot be written, and the events that wait are lost with us.
        """
        error = self._write_waiting()
        try:
            if error is None and self._path.exists():
                with _opened(self._path) as descriptor:
                    os.fsync(descriptor)
        except OSError as failed:
            error = failed
        if error:
            raise writing_failed(self._path, error) from error

    def _write_waiting(self) -> OSError | None:
        """Writes what waits, oldest first, until that fails; returns why."""
        try:
            while dated := self._backlog.first():
                self._append(event_line(dated, self._sequence + 1))
                self._sequence += 1
                self._backlog.remove_first()
        except OSError as error:
            self._note_failure(error)
            return error
        self._failing = False
        return None

    def _append(self, line: bytes) -> None:
        """One write for one line, at the beginning of a line, in a file that has room for it.

        Raises:
            OSError: it is not in the file, nor is a part of it.
        """
        with _opened(self._path) as descriptor:
            size_bytes = os.fstat(descriptor).st_size
            if size_bytes and os.pread(descriptor, 1, size_bytes - 1) != b"\n":  # cut off by a power cut
                line = b"\n" + line
            if not size_bytes or size_bytes + len(line) <= self._part_bytes:
                _write_whole_line(descriptor, line, size_bytes)
                return
            os.fsync(descriptor)
        self._path.replace(rotated(self._path))
        self._append(line.lstrip(b"\n"))

    def _note_failure(self, error: OSError) -> None:
        self._retry_at_s = time.monotonic() + self._retry_s
        if self._failing:
            return
        self._failing = True
        full = error.errno in _FULL
        reason = "the disk is full" if full else os.strerror(error.errno or 0).lower()
        waiting = self._backlog.first()
        event = Event(
            "disk_full" if full else "log_failed",
            f"cannot write {self._path}: {reason}; events wait in memory",
            at_s=waiting.event.at_s if waiting else time.monotonic(),  # it stands before that one
        )
        self._backlog.add_notice(Dated(event, self._wall_clock()))
        self._on_event(event)


def _prepare(path: Path) -> int:
    """Finds out early whether the log can be written; returns the number of its last line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path}: not a file; name a file for the events, such as events.jsonl")
        with _opened(path):
            pass
        return last_sequence(path)
    except OSError as error:
        if error.errno in _FULL:
            return last_sequence(path)
        raise writing_failed(path, error) from error


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write_whole_line(descriptor: int, line: bytes, size_bytes: int) -> None:
    """Writes it all or takes it back: a disk that fills takes a part, and says so only the next time."""
    written = os.write(descriptor, line)
    if written < len(line):
        os.ftruncate(descriptor, size_bytes)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
