"""An event as one line of JSON, and back."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .event_backlog import Dated


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


def event_line(dated: Dated, sequence: int) -> bytes:
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
