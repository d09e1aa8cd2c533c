"""Notifies systemd of the state of a camera loop that runs as its service.

The protocol is sd_notify(3): datagrams with lines of `NAME=value`, sent to the socket in NOTIFY_SOCKET.
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
from ..status import NO_PICTURE
from .status_line import status_text

NOTIFY_S = 5.0
"""Between two datagrams: each wakes systemd and every program that watches the unit."""
CHANGE_S = 1.0
"""Between two datagrams when the camera is lost or back."""
SILENT_S = 300.0
"""Without an answer or an event of the source for this time, the loop is stuck. It is three times the longest
silence of a source that works: 30 s to start a process, 20 s to open, a pause of 30 s; each attempt is an
event."""

_WAITING: tuple[EventKind, ...] = (
    *NO_PICTURE,
    "frozen",
    "corrupt",
    "invalid_output",
)
"""After these events the last label is out of date."""
_OF_SOURCE: tuple[EventKind, ...] = (*_WAITING, "opened", "restarted", "resolution", "moving")
"""These show that the source is still supervised; others, such as `throttled`, come from the loop itself."""


@dataclass(frozen=True)
class ServiceManager:
    """The service manager that started this process."""

    address: str
    """Of its datagram socket: a path, or a name in Linux's abstract namespace after an @."""
    watchdog_s: float | None = None
    """After this time without a sign of life it kills and restarts the service; None: it does not."""


def service_manager(environ: MutableMapping[str, str]) -> ServiceManager | None:
    """Returns the service manager named in `environ`; None if there is none, as in a terminal.

    Its variables are removed from `environ`, as child processes are not the service.
    """
    address, watchdog_us, pid = (
        environ.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
    )
    if not address.startswith(("/", "@")):
        return None
    is_watched = watchdog_us.isdecimal() and int(watchdog_us) and pid in ("", str(os.getpid()))
    return ServiceManager(address, int(watchdog_us) / 1e6 if is_watched else None)


class ServiceSink(Sink):
    """Sends READY, STATUS, WATCHDOG and STOPPING to a service manager, always from the loop's own thread.

    The service is ready once the loop runs with its model loaded, even without a camera: the loop waits for a
    missing camera as long as it takes, and a restart would not help. WATCHDOG is sent while the loop runs and
    there was an answer or an event of the source within `SILENT_S`. A frozen camera may be silent for longer,
    as some show the same picture for a good reason, and so may one whose pictures do not hold the region. So
    a missing camera restarts nothing, and a loop that hangs is restarted.

    Args:
        manager: receives the datagrams.
        clock: monotonic seconds.
    """

    name = "systemd"

    def __init__(self, manager: ServiceManager, clock: Callable[[], float] = time.monotonic) -> None:
        is_abstract = manager.address.startswith("@")
        self._address = f"\0{manager.address[1:]}" if is_abstract else manager.address
        self._interval_s = min(NOTIFY_S, manager.watchdog_s / 3) if manager.watchdog_s else NOTIFY_S
        self._clock = clock
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # a busy manager must not delay the loop
        self._due_at_s: float | None = None  # None before the first datagram
        self._sent_at_s = 0.0
        self._active_at_s = clock()
        self._answer: Answer | None = None
        self._waiting = "waiting for the camera"
        self._may_be_silent = False

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        self._active_at_s = self._clock()
        if answer.frame.is_frozen:  # the event has said that the camera may be silent now
            self._notify_when_due()
            return
        if self._waiting:
            self._notify_soon()
        self._answer, self._waiting, self._may_be_silent = answer, "", False
        self._notify_when_due()

    def idle(self) -> None:
        """See `Sink.idle`."""
        self._notify_when_due()

    def event(self, event: Event) -> None:
        """Notes an event of the source for the next datagram."""
        if event.kind in ("paused", "resumed"):
            self._notify_soon()
            self._waiting = event.text if event.kind == "paused" else "waiting for the camera"
        elif event.kind not in _OF_SOURCE:
            return
        self._active_at_s = self._clock()
        is_left_out = event.kind == "resolution" and event.facts.get("classified", "") is None
        self._may_be_silent = event.kind in ("frozen", "paused") or is_left_out
        if event.kind in _WAITING or is_left_out:
            self._notify_soon()
            self._waiting = f"waiting for the camera: {event.text}"

    def close(self) -> None:
        """See `Sink.close`."""
        if self._socket.fileno() >= 0:
            self._send("STOPPING=1")
            self._socket.close()

    def _notify_soon(self) -> None:
        if self._due_at_s is not None:
            self._due_at_s = min(self._due_at_s, self._sent_at_s + CHANGE_S)

    def _notify_when_due(self) -> None:
        now_s = self._clock()
        if self._due_at_s is not None and now_s < self._due_at_s:
            return
        lines = ["READY=1"] if self._due_at_s is None else []
        self._sent_at_s, self._due_at_s = now_s, now_s + self._interval_s
        silent_s = now_s - self._active_at_s
        if self._may_be_silent or silent_s < SILENT_S:
            lines.append("WATCHDOG=1")
            status = self._status
        else:
            status = f"no frame and no event of the source for {silent_s:.0f} s"
        self._send(*lines, f"STATUS={printable(status)}")

    @property
    def _status(self) -> str:
        return self._waiting if self._waiting or not self._answer else status_text(self._answer)

    def _send(self, *lines: str) -> None:
        with suppress(OSError):  # it is busy or restarting; the next datagram says the same
            self._socket.sendto("\n".join(lines).encode(errors="backslashreplace"), self._address)
