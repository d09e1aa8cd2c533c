"""Event log: a file of JSON lines, on a disk that may be full, unplugged or read-only by now."""

import errno
import os
import stat
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import BadConfiguration, UsageError, can_waiting_help, writing_failed
from ..files import FolderThatReturns
from ..locks import LockedFile
from .answer import Answer, Sink
from .event import Event, OnEvent, ignore
from .event_lines import event_line, last_sequence, rotated

MAX_MB = 10.0
"""About 50,000 events: months of a working camera."""
MAX_WAITING = 1000
"""Events kept in memory while the log cannot be written."""
RETRY_S = 2.0
"""Between two attempts while the log cannot be written."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class EventLog(Sink):
    """Writes each event as one line, in one write, as soon as it happens.

    The file is looked up by name for each line: events are rare, and so the file may be removed or rotated by
    others at any time. While it cannot be written, the loop continues: the newest `MAX_WAITING` events wait
    and are written with a later event or answer. A lock keeps other processes from numbering lines, too.

    Lines reach the disk when the kernel writes them, within half a minute; they are flushed only on `close`
    and before a rotation. An SD card erases megabytes for each flush, and a power cut takes only the end of
    the log, which could not mention the power cut anyway.

    Args:
        path: the log. At half of `max_bytes` it is renamed to `<path>.1`, which replaces the one before.
        max_bytes: limit of both files together. A log written under a larger limit shrinks when it rotates.
        on_event: called when the log cannot be written: once, until it can be again.
        wall_clock: UTC; recorded for people, and nothing is decided by it.
        retry_s: see `RETRY_S`.
        waits: whether a disk that cannot be written at the start, or at the end, is an event and no error, as
            for a camera that nobody watches. At the start, a full one is never an error.

    Raises:
        UsageError: `path` is not a file.
        BadConfiguration: another process writes to it.
        OutputFailed, PermissionRefused: it cannot be written.
    """

    name = "the event log"

    def __init__(
        self,
        path: Path,
        max_bytes: int = int(MAX_MB * 1e6),
        on_event: OnEvent = ignore,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        retry_s: float = RETRY_S,
        *,
        waits: bool = False,
    ) -> None:
        self._path = path
        self._file = LockedFile(path)
        self._waits = waits
        self._part_bytes = max_bytes // 2
        self._on_event = on_event
        self._wall_clock = wall_clock
        self._retry_s = retry_s
        self._retry_at_s = 0.0
        self._failing = self._has_stopped = False
        self._backlog = EventBacklog()
        self._sequence: int | None = None  # not known before the log can be read
        try:
            self._prepare()
        except BlockingIOError as error:
            raise BadConfiguration(
                f"{path}: another edgecls writes its events there; name another file with --events, or end it"
            ) from error
        except OSError as error:
            if error.errno not in _DISK_FULL and not (waits and can_waiting_help(error)):
                raise writing_failed(path, error) from error
            self._note_failure(error)
        self._folder = FolderThatReturns(path.parent)

    def event(self, event: Event) -> None:
        """Writes an event, or keeps it until it can be written."""
        self._has_stopped |= event.kind == "stopped"
        self._backlog.add(WaitingEvent(event, self._wall_clock()))
        if not self._failing or time.monotonic() >= self._retry_at_s:
            self._write_waiting()

    def write(self, answer: Answer) -> None:  # noqa: ARG002 - answers are not logged
        """See `Sink.write`."""
        self.idle()

    def idle(self) -> None:
        """Retries what could not be written."""
        if self._failing and time.monotonic() >= self._retry_at_s:
            self._write_waiting()

    def close(self) -> None:
        """Flushes the lines to the disk. A later event is still written.

        Raises:
            OutputFailed, PermissionRefused: the log cannot be written; the waiting events are lost.
        """
        error = self._write_waiting()
        try:
            if error is None and self._path.exists():
                os.fsync(self._file.descriptor())
        except OSError as failed:
            error = failed
        self._file.close()
        if error and self._waits:
            if self._has_stopped:
                text = f"{self._backlog.count:,} events were lost: {self._path} could not be written"
                self._on_event(Event("events_dropped", text, facts={"dropped": self._backlog.count}))
        elif error:
            raise writing_failed(self._path, error) from error

    def _prepare(self) -> None:
        """Finds out early whether the log can be written."""
        path = self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path}: not a file; name a file for the events, such as events.jsonl")
        self._last_number()

    def _last_number(self) -> int:
        """Returns the number of the last line; the log is open, and ours, when it is read."""
        if self._sequence is None:
            self._file.descriptor()
            self._sequence = last_sequence(self._path)
        return self._sequence

    def _write_waiting(self) -> OSError | None:
        """Writes the waiting events, oldest first; returns the error that stopped it, if any."""
        try:
            if self._failing:
                self._folder.make()
            while waiting := self._backlog.first():
                number = self._last_number() + 1
                self._append(event_line(waiting.event, waiting.at, number))
                self._sequence = number
                self._backlog.remove_first()
        except OSError as error:
            self._note_failure(error)
            return error
        self._failing = False
        return None

    def _append(self, line: bytes) -> None:
        """Appends a line in one write, after rotating the file if it has no room.

        Raises:
            OSError: the line was not written, not even in part.
        """
        descriptor = self._file.descriptor()
        size_bytes = os.fstat(descriptor).st_size
        if size_bytes and _last_byte(descriptor) != b"\n":  # cut off by a power cut
            line = b"\n" + line
        if not size_bytes or size_bytes + len(line) <= self._part_bytes:
            _write_all_or_nothing(descriptor, line, size_bytes)
            return
        os.fsync(descriptor)
        if sys.platform == "win32":  # which renames no open file, and has no lock to lose
            self._file.close()
        self._path.replace(rotated(self._path))
        self._append(line.lstrip(b"\n"))

    def _note_failure(self, error: OSError) -> None:
        self._retry_at_s = time.monotonic() + self._retry_s
        if self._failing:
            return
        self._failing = True
        full = error.errno in _DISK_FULL
        reason = "the disk is full" if full else os.strerror(error.errno or 0).lower()
        waiting = self._backlog.first()
        event = Event(
            "disk_full" if full else "log_failed",
            f"cannot write {self._path}: {reason}; events wait in memory",
            at_s=waiting.event.at_s if waiting else time.monotonic(),  # it is written before that one
        )
        self._backlog.add_notice(WaitingEvent(event, self._wall_clock()))
        self._on_event(event)


@dataclass(frozen=True)
class WaitingEvent:
    """An event that waits to be written."""

    event: Event
    at: datetime
    """Wall clock when it happened, UTC."""


class EventBacklog:
    """The events that could not be written yet, in order. Old ones are dropped and counted.

    Args:
        max_waiting: the most events that are kept.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._notice: WaitingEvent | None = None
        self._waiting: deque[WaitingEvent] = deque()
        self._dropped = 0

    @property
    def count(self) -> int:
        """How many events wait or were dropped."""
        return len(self._waiting) + self._dropped

    def add(self, waiting: WaitingEvent) -> None:
        """Adds an event at the end."""
        if len(self._waiting) == self._max_waiting:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(waiting)

    def add_notice(self, waiting: WaitingEvent) -> None:
        """Puts an event before all others, where it is never dropped: the reason why they wait."""
        self._notice = waiting

    def first(self) -> WaitingEvent | None:
        """Returns the event to write next; the number of dropped ones comes before those that are left."""
        if self._notice:
            return self._notice
        if self._dropped:
            oldest = self._waiting[0]
            events = "event was" if self._dropped == 1 else "events were"
            text = f"{self._dropped:,} older {events} lost: the log could not be written"
            facts = {"dropped": self._dropped}
            return WaitingEvent(Event("events_dropped", text, oldest.event.at_s, facts), oldest.at)
        return self._waiting[0] if self._waiting else None

    def remove_first(self) -> None:
        """Removes what `first` returned."""
        if self._notice:
            self._notice = None
        elif self._dropped:
            self._dropped = 0
        else:
            self._waiting.popleft()


def _last_byte(descriptor: int) -> bytes:
    os.lseek(descriptor, -1, os.SEEK_END)  # what is written goes to the end all the same
    return os.read(descriptor, 1)


def _write_all_or_nothing(descriptor: int, line: bytes, size_bytes: int) -> None:
    """Appends a line; a disk that is nearly full takes a part of it, which is removed again."""
    written = os.write(descriptor, line)
    if written < len(line):
        os.ftruncate(descriptor, size_bytes)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
