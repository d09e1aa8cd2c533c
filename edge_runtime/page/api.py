"""The page's answers for programs: the state as JSON, the picture, and events as they happen.

    /api/state           JSON, see `state_json`
    /api/snapshot.jpg    the newest picture
    /api/events          server-sent events (HTML Living Standard, 9.2): the state, then each event

Names and meanings stay; names may be added.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..errors import BadImage
from ..text import printable
from .access import Refusal
from .history import NumberedEvent
from .live import LiveState, Status

HEARTBEAT_S = 15.0
"""A stream of events says so often that it lives: less than the time after which idle viewers are closed."""
_RECONNECT_MS = 3000
_WAIT_S = 1.0
_NO_PICTURE = Refusal(
    "503 Service Unavailable", "The camera gives no picture now; try again soon.", (("Retry-After", "5"),)
)


def state_json(status: Status) -> dict[str, Any]:
    """Returns what the camera is and sees, as JSON values; what is not known, or not true now, is null."""
    newest = status.newest if status.has_picture else None
    decision = newest.decision if newest else None
    ages = newest.timing.recent_ages if newest else None
    return {
        "run": status.run,
        "version": status.seen.version if status.seen else None,
        "model": status.seen.name if status.seen else None,
        "health": status.health,
        "label": decision.shown.label if decision else None,
        "confidence": round(decision.shown.confidence, 4) if decision else None,
        "ranking": [
            {"label": label, "confidence": round(confidence, 4)}
            for label, confidence in (decision.shown.ranking if decision else ())
        ],
        "held_s": round(newest.frame.time_s - newest.decision.since_s, 1) if newest else None,
        "fps": round(status.fps, 1),
        "age_ms": round(newest.timing.age_ms, 1) if newest else None,
        "age_p95_ms": round(ages.p95_ms, 1) if ages else None,
        "silent_s": None if status.silent_s is None else round(status.silent_s, 1),
        "running_s": round(status.running_s, 1),
        "temperature_c": status.temperature_c,
        "answers": status.totals.answers,
        "last_event": status.last_event,
    }


def event_json(numbered: NumberedEvent, run: str) -> dict[str, Any]:
    """Returns an event as JSON values, by the names that it has on MQTT."""
    event = numbered.event
    at = datetime.now(UTC) - timedelta(seconds=time.monotonic() - event.at_s)
    return {
        "event_type": event.kind,
        "number": numbered.number,
        "run": run,
        "time": at.isoformat(timespec="milliseconds"),
        "text": printable(event.text),
        **event.facts,
    }


def snapshot(live: LiveState) -> bytes | Refusal:
    """Returns the newest picture as JPEG; refused while the last one is not true any more."""
    if not live.status().has_picture:
        return _NO_PICTURE
    try:
        shot = live.shot_after(0, _WAIT_S)
    except BadImage:  # its part that was classified is whole, the rest is not
        shot = None
    return shot.jpeg if shot else _NO_PICTURE


class EventStream:
    """One reader of `/api/events`: asked again and again for what is new, by the thread that sends it.

    Args:
        live: what is told.
        last_id: `Last-Event-ID` of a reader that was here before, `RUN-NUMBER`: it gets what it missed, as
            far as that is kept; of another run, all that is kept. Empty: only what comes.
    """

    def __init__(self, live: LiveState, last_id: str) -> None:
        self._live = live
        status = live.status()
        run, _, number = last_id.partition("-")
        is_known = run == live.run and number.isdecimal() and len(number) < 20
        self._number = int(number) if is_known else 0 if last_id else status.last_event
        self._sent_at_s = time.monotonic()
        self.start = f"retry: {_RECONNECT_MS}\n".encode() + _message(state_json(status), "state")

    def more(self, now_s: float) -> bytes:
        """Returns what is to be sent now; empty where nothing is."""
        events = self._live.events_after(self._number)
        if not events and now_s - self._sent_at_s < HEARTBEAT_S:
            return b""
        self._sent_at_s = now_s
        self._number = events[-1].number if events else self._number
        return b"".join(self._event(numbered) for numbered in events) or b":\n\n"

    def _event(self, numbered: NumberedEvent) -> bytes:
        identifier = f"{self._live.run}-{numbered.number}"
        return _message(event_json(numbered, self._live.run), "", identifier)


def _message(values: dict[str, Any], name: str, identifier: str = "") -> bytes:
    lines = [f"event: {name}"] if name else []
    lines += [f"id: {identifier}"] if identifier else []
    return "\n".join([*lines, f"data: {to_json(values).decode()}", "", ""]).encode()


def to_json(values: dict[str, Any]) -> bytes:
    """Returns values as one line of JSON in ASCII."""
    return json.dumps(values, separators=(",", ":"), default=str).encode()


def error_json(refusal: Refusal) -> bytes:
    """Returns a refusal as programs read it."""
    return to_json({"error": refusal.text, "status": int(refusal.status.partition(" ")[0])})
