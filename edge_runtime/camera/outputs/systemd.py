"""What systemd is told of a camera loop that it runs: that it turns, and what it sees.

The protocol is sd_notify(3): datagrams with lines of `NAME=value`, to the socket that NOTIFY_SOCKET names.
"""

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass

from ...text import printable
from ..answer import Answer, Sink
from ..event import Event, EventKind
from .status_line import status_text

TELL_S = 5.0
"""Each datagram wakes systemd and whoever watches the unit; more often, nobody looks at a service."""
CHANGE_S = 1.0
"""But that it has begun or ceased to see is told so soon."""
UNHEARD_S = 300.0
"""Three times the longest that a supervised source is quiet: a process that starts for 30 s, opens for 20 s,
and a pause of 30 s; each attempt is an event. A loop that idles for longer turns, but gets nowhere."""

_WAITING: tuple[EventKind, ...] = (
    "unavailable",
    "stalled",
    "ended",
    "died",
    "degraded",
    "frozen",
    "corrupt",
    "invalid_output",
)
"""After these the last label no longer holds, until there is another."""
_HEARD: tuple[EventKind, ...] = (*_WAITING, "opened", "restarted", "resolution", "moving")
"""What a source that is supervised says; the rest are the loop's own events, such as those of heat."""


@dataclass(frozen=True)
class ServiceManager:
    """Who runs us and wants to be told how we are."""

    address: str
    """Of its datagram socket: a path, or with an @ before it a name in Linux's abstract namespace."""
    watchdog_s: float | None = None
    """Without a sign of life for so long, it kills us and starts another; None: it does not."""


def service_manager(environ: MutableMapping[str, str]) -> ServiceManager | None:
    """The service manager that `environ` tells of; it is removed there, as children are not the service.

    None where there is none, as in a terminal.
    """
    address, watchdog_us, pid = (
        environ.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
    )
    if not address.startswith(("/", "@")):
        return None
    is_watched = watchdog_us.isdecimal() and int(watchdog_us) and pid in ("", str(os.getpid()))
    return ServiceManager(address, int(watchdog_us) / 1e6 if is_watched else None)


class ServiceSink(Sink):
    """Tells a service manager READY, STATUS, WATCHDOG and STOPPING, always from the loop's own thread.

    Ready is a loop that turns, with its model loaded, also while the camera is absent: that is waited for as
    long as it takes, and another process would wait no better. A sign of life needs the loop to turn, and an
    answer or an event of the source within the last `UNHEARD_S`; only a frozen camera may be quiet for
    longer, as some show the same picture for good reason. So a camera that is away restarts nothing, and a
    loop that hangs is replaced.

    Args:
        manager: who is told.
        clock: monotonic seconds.
    """

    def __init__(self, manager: ServiceManager, clock: Callable[[], float] = time.monotonic) -> None:
        is_abstract = manager.address.startswith("@")
        self._address = f"\0{manager.address[1:]}" if is_abstract else manager.address
        self._every_s = min(TELL_S, manager.watchdog_s / 3) if manager.watchdog_s else TELL_S
        self._clock = clock
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # a manager that is busy shall not hold the loop up
        self._tell_at_s: float | None = None  # until the loop has turned once
        self._told_at_s = 0.0
        self._heard_at_s = clock()
        self._answer: Answer | None = None
        self._waiting = "waiting for the camera"
        self._is_frozen = False

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        self._heard_at_s = self._clock()
        if self._waiting:
            self._tell_soon()
        self._answer, self._waiting, self._is_frozen = answer, "", False
        self._tell_when_due()

    def idle(self) -> None:
        """See `Sink.idle`."""
        self._tell_when_due()

    def event(self, event: Event) -> None:
        """Notes what happened to the source, to be told with the next sign of life."""
        if event.kind not in _HEARD:
            return
        self._heard_at_s = self._clock()
        self._is_frozen = event.kind == "frozen"
        if event.kind in _WAITING:
            self._tell_soon()
            self._waiting = f"waiting for the camera: {event.text}"

    def close(self) -> None:
        """See `Sink.close`."""
        if self._socket.fileno() >= 0:
            self._send("STOPPING=1")
            self._socket.close()

    def _tell_soon(self) -> None:
        if self._tell_at_s is not None:
            self._tell_at_s = min(self._tell_at_s, self._told_at_s + CHANGE_S)

    def _tell_when_due(self) -> None:
        now_s = self._clock()
        if self._tell_at_s is not None and now_s < self._tell_at_s:
            return
        lines = ["READY=1"] if self._tell_at_s is None else []
        self._told_at_s, self._tell_at_s = now_s, now_s + self._every_s
        unheard_s = now_s - self._heard_at_s
        if self._is_frozen or unheard_s < UNHEARD_S:
            lines.append("WATCHDOG=1")
            status = self._status
        else:
            status = f"neither a frame nor a word of the source for {unheard_s:.0f} s"
        self._send(*lines, f"STATUS={printable(status)}")

    @property
    def _status(self) -> str:
        return self._waiting if self._waiting or not self._answer else status_text(self._answer)

    def _send(self, *lines: str) -> None:
        with suppress(OSError):  # it is busy or restarts itself: the next datagram says the same
            self._socket.sendto("\n".join(lines).encode(), self._address)
