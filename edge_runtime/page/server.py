"""The sink that shows answers on the page, and the address where the page is served."""

import errno
import ipaddress
import math
import os
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from ..camera.answer import Answer, Deliveries, Sink
from ..camera.control import POLL_S, StopRequest
from ..camera.event import Event, OnEvent, ignore
from ..camera.option_values import DEFAULT_SERVE
from ..camera.pace import growing_pause_s
from ..camera.status import Seen
from ..errors import BadConfiguration, EdgeclsError, PermissionRefused, Unavailable, UsageError
from ..hardware import temperature_c
from .access import AccessControl, checked_token, parse_names
from .app import PageApp, Seats
from .connections import PageServer
from .live import LiveState

DEFAULT_HOST, _, _DEFAULT_PORT = DEFAULT_SERVE.rpartition(":")


FIRST_TRY_S = 2.0
"""How long the start waits for the page: a name may take half a minute to be resolved, or not to be."""


class PageSink(Sink):
    """Shows answers and events on a web page, which is served until `close`.

    Args:
        address: `HOST:PORT`; see `parse_address`.
        token: required of every viewer; without a token, only this machine is served.
        names: further host names that viewers may use; see `parse_names`.
        keeps_trying: whether an address that is not there yet, an unknown name and a port in use are events,
            and are tried again after growing pauses, in a thread; otherwise they are errors.
        stop: the loop's; ends the wait for a name to be resolved.
        on_event: called in `write` and `idle`, so in the loop's thread.

    Raises:
        UsageError: not an address, or not a name.
        BadConfiguration: no token where one is needed.
        PermissionRefused: a port that the system reserves for root.
        Unavailable: an address that is not there, or a port in use.
    """

    name = "the page"

    def __init__(
        self,
        address: str,
        token: str | None = None,
        *,
        names: str | None = None,
        keeps_trying: bool = False,
        stop: StopRequest | None = None,
        on_event: OnEvent = ignore,
    ) -> None:
        self._names = parse_names(names)
        self._token = "" if token is None else checked_token(token)
        self._where = parse_address(address)
        self.link = self.link_with_token = ""
        """The URL of the page, without and with the token, which lets in everybody who has it: that is for a
        terminal, not for a log. Empty until the page is served."""
        self._on_event = on_event
        self._news: deque[Event] = deque()
        self._said = ""
        self._is_late = False
        self._live = LiveState(temperature_c)
        self._server: PageServer | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._open(stop or StopRequest(), keeps_trying=keeps_trying)

    def _open(self, stop: StopRequest, *, keeps_trying: bool) -> None:
        """Opens the page in a thread; raises what waiting cannot help, where that is known soon."""
        tried = threading.Event()
        refused: list[EdgeclsError] = []

        def try_until_served() -> None:
            failures = 0
            while not self._closing.is_set() and not self._server:
                try:
                    self._serve(listen(self._where, has_token=bool(self._token)))
                except EdgeclsError as error:
                    failures += 1
                    if not keeps_trying or (not tried.is_set() and not error.may_pass):
                        refused.append(error)
                        self._closing.set()
                    self._note(error, failures)
                tried.set()
                if not self._server:
                    self._closing.wait(growing_pause_s(failures))

        threading.Thread(target=try_until_served, name="page opening", daemon=True).start()
        give_up_at_s = time.monotonic() + FIRST_TRY_S if keeps_trying else math.inf
        while not (tried.wait(POLL_S) or stop.requested or time.monotonic() >= give_up_at_s):
            pass
        self._is_late = not tried.is_set()
        if refused:
            raise refused[0]

    def _serve(self, listening: socket.socket) -> None:
        with self._lock:
            if self._closing.is_set():
                listening.close()
                return
            self.link_with_token = link(listening, self._where, self._token)
            self.link = link(listening, self._where)
            access = AccessControl(self._where.host, listening.getsockname()[1], self._token, self._names)
            self._server = PageServer(PageApp(self._live, access, Seats()), listening, access)
        if self._said or self._is_late:
            self._news.append(Event("output_works", f"page: {self.link_for_log}"))

    @property
    def link_for_log(self) -> str:
        """The URL without the token, and whether the page asks for it."""
        return f"{self.link} (asks for the token)" if self._token else self.link

    def _note(self, error: EdgeclsError, failures: int) -> None:
        why = str(error).partition("; ")[0]
        if why != self._said:  # once for each reason
            self._said = why
            text = f"page: {why}; trying again in {growing_pause_s(failures):g} s"
            self._news.append(Event("output_failed", text))

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        self._live.add_answer(answer)
        self._tell()

    def idle(self) -> None:
        """See `Sink.idle`."""
        self._live.tick()
        self._tell()

    def _tell(self) -> None:
        while self._news:
            self._on_event(self._news.popleft())

    def introduce(self, seen: Seen, deliveries: Callable[[], tuple[Deliveries, ...]]) -> None:
        """Says what the camera is, and how its couriers are asked, for programs."""
        self._live.introduce(seen, deliveries)

    def event(self, event: Event) -> None:
        """Shows an event."""
        self._live.add_event(event)
        if self._server:
            self._server.wake()

    def close(self) -> None:
        """See `Sink.close`."""
        self._closing.set()
        self._live.close()
        with self._lock:
            if self._server:
                self._server.close()


_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[\w.-]*)(?::(?P<port>\d{1,9}))?", re.ASCII)
_LAST_PORT = 65535
_USER_TIMEOUT_S = 15
"""The system closes a connection whose client takes nothing of what is sent for this time."""
_LISTEN_BACKLOG = 64


@dataclass(frozen=True)
class ServeAddress:
    """Where the server listens."""

    host: str
    """A name or an IP address, without brackets."""
    port: int
    """0: the system chooses one."""

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"


def parse_address(text: str) -> ServeAddress:
    """Parses `HOST:PORT`, `HOST`, `:PORT` or `PORT`; IPv6 addresses stand in brackets.

    Raises:
        UsageError: it has none of these forms.
    """
    match = _HOST_AND_PORT.fullmatch(f":{text}" if text.isascii() and text.isdigit() else text)
    if not match:
        raise UsageError(f"--serve {text}: not HOST:PORT; write for example --serve {DEFAULT_SERVE}")
    port = int(match["port"] or _DEFAULT_PORT)
    if port > _LAST_PORT:
        raise UsageError(
            f"--serve {text}: ports end at {_LAST_PORT}; write for example --serve {DEFAULT_SERVE}"
        )
    return ServeAddress(match["host"].strip("[]") or DEFAULT_HOST, port)


def listen(address: ServeAddress, *, has_token: bool) -> socket.socket:
    """Opens a listening socket; one that other machines reach only with a token.

    Raises:
        BadConfiguration: no token, or not a name.
        PermissionRefused: a port that the system reserves for root.
        Unavailable: an unknown name, an address that this machine does not have, or a port in use.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: not a valid DNS name
        kind = Unavailable if isinstance(error, OSError) else BadConfiguration
        raise kind(
            f"--serve: no such address: {address.host}; use one of this machine, such as {DEFAULT_HOST}"
        ) from error
    family, _, _, _, place = found[0]
    if not has_token and not is_loopback(str(place[0])):
        raise BadConfiguration(
            f"--serve {address}: anyone on the network could watch; set EDGECLS_TOKEN (or --token), "
            "or leave out the host"
        )
    try:
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:  # such as IPv6 where there is none
        raise _cannot_listen(address, error) from error
    try:
        # These options apply to every connection that is accepted.
        # Windows would let others take the port with SO_REUSEADDR.
        reuse = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        listening.setsockopt(socket.SOL_SOCKET, reuse, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_S * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(place)
        listening.listen(_LISTEN_BACKLOG)
    except OSError as error:
        listening.close()
        raise _cannot_listen(address, error) from error
    return listening


def _cannot_listen(address: ServeAddress, error: OSError) -> EdgeclsError:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(f"port {address.port} is in use; choose another with --serve HOST:PORT")
    if error.errno == errno.EACCES:
        return PermissionRefused(f"port {address.port}: permission denied; choose one above 1023")
    reason = os.strerror(error.errno or 0).lower()
    host = _bracketed(address.host)
    return Unavailable(f"--serve {host}: {reason}; use an address of this machine, such as {DEFAULT_HOST}")


def is_loopback(host: str) -> bool:
    """Whether an IP address is reached from this machine only."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def link(listening: socket.socket, address: ServeAddress, token: str = "") -> str:
    """Returns the URL of the page, with this machine's own address if the server listens on all of them."""
    host, port = listening.getsockname()[:2]
    name = _own_address() if ipaddress.ip_address(host).is_unspecified else address.host
    return f"http://{_bracketed(name)}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def _own_address() -> str:
    """Returns this machine's IP address in its network; its name if it has no network.

    An address needs no router or mDNS that knows a name. Nothing is sent: connecting a UDP socket only
    chooses a route.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # TEST-NET-1 of RFC 5737, which belongs to nobody
            return str(route.getsockname()[0])
        except OSError:
            return f"{socket.gethostname()}.local"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
