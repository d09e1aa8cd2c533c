"""Reads an event log back, with what was rotated away, past lines that a power cut broke."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import MissingInput, reading_failed
from ..printable import printable
from .event_line import LoggedEvent, parse_event_line

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
