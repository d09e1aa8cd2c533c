"""The event log: JSON lines on a disk that may be full, pulled, rotated or read-only by now."""

import errno
import json
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import MissingInput, UsageError, reading_failed, writing_failed
from ..text import printable
from .answer import Answer, Sink
from .event import Event, OnEvent, ignore

# Events that could not be written yet.

KEEP = 1000


@dataclass(frozen=True)
class WaitingEvent:
    """An event with the wall clock's time, which is for people: nothing is decided by it."""

    event: Event
    at: datetime
    """UTC."""


class EventBacklog:
    """The newest `keep` events, in order; what had to go is counted, and told before the rest.

    Args:
        keep: how many wait.
    """

    def __init__(self, keep: int = KEEP) -> None:
        self._keep = keep
        self._notice: WaitingEvent | None = None
        self._waiting: deque[WaitingEvent] = deque()
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def dropped(self) -> int:
        """How many were lost and not told yet."""
        return self._dropped

    def add(self, dated: WaitingEvent) -> None:
        """Lets one more wait."""
        if len(self._waiting) == self._keep:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(dated)

    def add_notice(self, dated: WaitingEvent) -> None:
        """Lets one wait before all the others, whatever comes: the reason why they wait."""
        self._notice = dated

    def first(self) -> WaitingEvent | None:
        """The one to be written next."""
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
        """Forgets what `first` gave."""
        if self._notice:
            self._notice = None
        elif self._dropped:
            self._dropped = 0
        else:
            self._waiting.popleft()


# An event as one line of JSON, and back.


@dataclass(frozen=True)
class LoggedEvent:
    """One line of an event log."""

    sequence: int
    """Counts the log's lines from 1, over rotations and restarts: a gap means lines that are lost."""
    at: datetime
    """The wall clock, UTC: somebody may have set it since the line before."""
    monotonic_s: float
    """`time.monotonic()`: for the time between two lines of one boot of the machine."""
    kind: str
    text: str
    facts: dict[str, Any]


def event_line(dated: WaitingEvent, sequence: int) -> bytes:
    """The line, compact, with its newline. A fact cannot take the place of what every line has."""
    event = dated.event
    head = {
        "sequence": sequence,
        "at": dated.at.isoformat(timespec="milliseconds"),
        "monotonic_s": round(event.at_s, 3),
        "kind": event.kind,
        "text": event.text,
    }
    line = json.dumps(head | dict(event.facts) | head, ensure_ascii=False, separators=(",", ":"), default=str)
    # A file's name that is not UTF-8 gives an escape that is valid in JSON too.
    return f"{line}\n".encode(errors="backslashreplace")


def parse_event_line(line: bytes) -> LoggedEvent | None:
    """What `event_line` wrote, None for anything else: half of one, or zeros that a power cut left."""
    try:
        values = json.loads(line)
        return LoggedEvent(
            int(values.pop("sequence")),
            datetime.fromisoformat(values.pop("at")),
            float(values.pop("monotonic_s")),
            str(values.pop("kind")),
            str(values.pop("text")),
            values,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


# Reads an event log back, with what was rotated away, past lines that a power cut broke.

_TAIL_BYTES = 65_536
"""Enough for the last line of a log, unless somebody else wrote to it."""


@dataclass(frozen=True)
class EventHistory:
    """What an event log holds."""

    events: tuple[LoggedEvent, ...]
    """Oldest first."""
    skipped: tuple[str, ...]
    """A sentence for each line that is no whole event."""


def rotated(path: Path) -> Path:
    """Where the older half of an event log is: `events.jsonl.1`."""
    return path.with_name(f"{path.name}.1")


def read_events(path: str | Path) -> EventHistory:
    """Reads `path`, and before it what was rotated away.

        for event in read_events("events.jsonl").events:
            print(event.at, event.text)

    Raises:
        MissingInput, PermissionRefused, BadData: it cannot be read.
    """
    path = Path(path)
    events: list[LoggedEvent] = []
    skipped: list[str] = []
    parts = [part for part in (rotated(path), path) if part.exists()]
    if not parts:
        raise MissingInput(f"{path}: no such file; `edgecls camera --events {path}` writes one")
    for part in parts:
        for number, line in enumerate(_lines(part), 1):
            event = parse_event_line(line)
            if event:
                events.append(event)
            elif line.strip():
                start = printable(line[:40].decode(errors="replace"))
                skipped.append(f"{part}:{number}: not a whole event, skipped: {start}")
    return EventHistory(tuple(events), tuple(skipped))


def last_sequence(path: Path) -> int:
    """The number of the newest line of a log, from its end; 0 where there is none.

    Raises:
        OSError: it is there and cannot be read.
    """
    for part in (path, rotated(path)):
        for wanted_bytes in (_TAIL_BYTES, None):
            for line in reversed(_tail(part, wanted_bytes).splitlines()):
                event = parse_event_line(line)
                if event:
                    return event.sequence
    return 0


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except OSError as error:
        raise reading_failed(path, error) from error


def _tail(path: Path, wanted_bytes: int | None) -> bytes:
    """The end of a file, or all of it; nothing where there is no file."""
    try:
        with path.open("rb") as file:
            size_bytes = path.stat().st_size
            file.seek(0 if wanted_bytes is None else max(0, size_bytes - wanted_bytes))
            return file.read()
    except FileNotFoundError:
        return b""


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
        self._backlog.add(WaitingEvent(event, self._wall_clock()))
        if not self._failing or time.monotonic() >= self._retry_at_s:
            self._write_waiting()

    def write(self, answer: Answer) -> None:  # noqa: ARG002
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
        self._backlog.add_notice(WaitingEvent(event, self._wall_clock()))
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
