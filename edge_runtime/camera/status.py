"""Status: what a camera says of itself to those who watch it: MQTT, programs, Prometheus."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from .answer import Answer
from .event import Event, EventKind

HealthState = Literal["ok", "throttled", "no_picture", "frozen", "paused"]
HEALTH: tuple[HealthState, ...] = get_args(HealthState)
"""What the health of a camera may be."""
NO_PICTURE: tuple[EventKind, ...] = ("unavailable", "stalled", "ended", "died", "degraded")
"""After these events no picture comes, until the next answer."""


@dataclass(frozen=True)
class Seen:
    """What a camera says of itself before it sees anything."""

    name: str
    """Of the model."""
    version: str
    """Of edgecls."""
    labels: tuple[str, ...] = field(repr=False)
    """Those that can be announced."""


class Health:
    """Follows events and answers of one camera; of what applies, the last of `HEALTH` is told."""

    def __init__(self) -> None:
        self._trouble: HealthState | None = None
        self._is_throttled = self._is_paused = False

    @property
    def state(self) -> HealthState:
        """What it is now."""
        if self._is_paused:
            return "paused"
        return self._trouble or ("throttled" if self._is_throttled else "ok")

    @property
    def has_picture(self) -> bool:
        """Whether what was seen last is true: pictures come, and they change."""
        return self._trouble is None and not self._is_paused

    def note_event(self, event: Event) -> bool:
        """Notes what an event says of it; returns whether it says anything."""
        if event.kind in ("throttled", "cooled"):
            self._is_throttled = event.kind == "throttled"
        elif event.kind in ("paused", "resumed"):
            self._is_paused = event.kind == "paused"
        elif event.kind == "frozen":
            self._trouble = "frozen"
        elif event.kind in NO_PICTURE:
            self._trouble = "no_picture"
        else:
            return False
        return True

    def note_answer(self, answer: Answer) -> bool:
        """Notes that a picture came; returns whether there was none before."""
        if answer.frame.is_frozen or self._trouble is None:
            return False
        self._trouble = None
        return True
