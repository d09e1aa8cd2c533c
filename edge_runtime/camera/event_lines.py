"""Lines of an event log: how an event becomes a line of JSON, and how a log is read back.

Reading skips lines that a power cut broke, and includes what was rotated away.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import MissingInput, reading_failed
from ..text import printable
from .event import Event

_TAIL_BYTES = 65_536
"""Enough for the last line of a log, unless another program wrote to it."""


@dataclass(frozen=True)
class LoggedEvent:
    """One line of an event log."""

    sequence: int
    """Counts the lines from 1, across rotations and restarts; a gap means lost lines."""
    at: datetime
    """Wall clock, UTC. It may have been set between two lines."""
    monotonic_s: float
    """`time.monotonic()`, for the time between two lines of the same boot."""
    kind: str
    text: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class EventHistory:
    """The content of an event log."""

    events: tuple[LoggedEvent, ...]
    """Oldest first."""
    skipped: tuple[str, ...]
    """A sentence for each line that is not a whole event."""


def event_line(event: Event, at: datetime, sequence: int) -> bytes:
    """Returns an event as one line of compact JSON with its newline.

    Args:
        event: its facts become keys of their own; they cannot replace the keys that every line has.
        at: wall clock, UTC.
        sequence: see `LoggedEvent.sequence`.
    """
    head = {
        "sequence": sequence,
        "at": at.isoformat(timespec="milliseconds"),
        "monotonic_s": round(event.at_s, 3),
        "kind": event.kind,
        "text": event.text,
    }
    values = head | dict(event.facts) | head  # the order of the keys, and the values of the last
    line = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=str)
    # A file name that is not UTF-8 becomes an escape, which is valid in JSON too.
    return f"{line}\n".encode(errors="backslashreplace")


def parse_event_line(line: bytes) -> LoggedEvent | None:
    """Parses a line of `event_line`; None for anything else, such as what a power cut leaves."""
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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def rotated(path: Path) -> Path:
    """Returns the path of the older half of an event log: `events.jsonl.1`."""
    return path.with_name(f"{path.name}.1")


def read_events(path: str | Path) -> EventHistory:
    """Reads an event log, starting with the rotated half.

        for event in read_events("events.jsonl").events:
            print(event.at, event.text)

    Raises:
        MissingInput, PermissionRefused, BadData: it cannot be read.
    """
    path = Path(path)
    parts = [part for part in (rotated(path), path) if part.exists()]
    if not parts:
        raise MissingInput(f"{path}: no such file; `edgecls camera --events {path}` writes one")
    events: list[LoggedEvent] = []
    skipped: list[str] = []
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
    """Returns the sequence number of the newest line of a log; 0 without a log.

    Raises:
        OSError: the log is there but cannot be read.
    """
    for part in (path, rotated(path)):
        for max_bytes in (_TAIL_BYTES, None):
            for line in reversed(_tail(part, max_bytes).splitlines()):
                event = parse_event_line(line)
                if event:
                    return event.sequence
    return 0


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\n")
    except OSError as error:
        raise reading_failed(path, error) from error


def _tail(path: Path, max_bytes: int | None) -> bytes:
    """Returns the last `max_bytes` of a file, or all of it; nothing if there is no file."""
    try:
        with path.open("rb") as file:
            size_bytes = path.stat().st_size
            file.seek(0 if max_bytes is None else max(0, size_bytes - max_bytes))
            return file.read()
    except FileNotFoundError:
        return b""
