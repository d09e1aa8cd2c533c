"""The web server: waitress, in threads of this process.

waitress is pure Python without dependencies, made for strangers on the other side: it bounds headers (431),
bodies (413), connections and idle time by itself, and reads and writes all connections in one thread, so that
slow ones hold a buffer and no thread.
"""

import errno
import ipaddress
import logging
import os
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from waitress import wasyncore
from waitress.server import create_server

from ..camera.answer import Answer, Sink
from ..camera.event import Event
from ..errors import BadConfiguration, EdgeclsError, PermissionRefused, UsageError
from ..hardware import temperature_c
from .access import AccessControl, checked_token
from .app import PageApp, Seats
from .live import LiveState

THREADS = 8
"""One for each viewer who waits for the next picture, and some for those who open the page."""
_LONGEST_HEADER = 16 * 1024
_LONGEST_BODY = 1024  # none is expected
_MOST_CONNECTIONS = 100
_IDLE_S = 60
_TURN_S = 1.0
_END_S = 2


class PageServer:
    """Serves a WSGI application on a socket from when it is made until `close`.

    Args:
        app: see PEP 3333; called by several threads.
        listening: closed by `close`.
    """

    def __init__(self, app: Callable, listening: socket.socket) -> None:
        logging.getLogger("waitress").addHandler(logging.NullHandler())  # a viewer who left is no news
        self._connections: dict = {}
        # Typed as any of its servers, as one socket has the one that we need.
        self._server: Any = create_server(
            app,
            map=self._connections,
            sockets=[listening],
            threads=THREADS,
            ident="edgecls",
            max_request_header_size=_LONGEST_HEADER,
            max_request_body_size=_LONGEST_BODY,
            outbuf_overflow=16 * 1024 * 1024,  # below that it stays in memory: an SD card wears out
            connection_limit=_MOST_CONNECTIONS,
            channel_timeout=_IDLE_S,
            cleanup_interval=10,
            log_socket_errors=False,
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Breaks every connection. Calling it twice is allowed."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.pull_trigger()
        self._thread.join(_END_S)
        wasyncore.close_all(self._connections, ignore_all=True)
        self._server.task_dispatcher.shutdown(timeout=_END_S)

    def _run(self) -> None:
        """What `run` of waitress does, with an end."""
        while not self._ended.is_set():
            # By poll(), as select() knows no descriptor above 1023.
            wasyncore.loop(_TURN_S, use_poll=True, map=self._connections, count=1)


# Where the page is served: `HOST:PORT` from the command line, and the socket behind it.

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
DEFAULT = f"{DEFAULT_HOST}:{DEFAULT_PORT}"

_FORM = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[\w.-]*)(?::(?P<port>\d{1,5}))?", re.ASCII)
_GONE_S = 15
"""So long a viewer may take nothing of what is sent, until the system closes its connection."""
_BACKLOG = 64


@dataclass(frozen=True)
class ServeAddress:
    """Where to listen."""

    host: str
    """A name or an IP address, without brackets."""
    port: int
    """0: the system chooses one."""

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"


def parse_address(text: str) -> ServeAddress:
    """Reads `HOST:PORT`, `HOST`, `:PORT` or `PORT`; IPv6 addresses stand in brackets.

    Raises:
        UsageError: it is none of these.
    """
    if text.isascii() and text.isdigit():
        text = f":{text}"
    found = _FORM.fullmatch(text)
    port = int(found["port"] or DEFAULT_PORT) if found else -1
    if not found or not 0 <= port <= 65535:
        raise UsageError(f"--serve: not HOST:PORT: {text}; write for example --serve {DEFAULT}")
    return ServeAddress(found["host"].strip("[]") or DEFAULT_HOST, port)


def listen(address: ServeAddress, *, has_token: bool) -> socket.socket:
    """Opens a listening socket, beyond this machine only where there is a token.

    Raises:
        BadConfiguration: no token, an unknown name, or a port in use.
        PermissionRefused: a port that the system keeps for root.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # the latter for a name that no server could have
        raise BadConfiguration(
            f"--serve: no such address: {address.host}; use one of this machine, such as {DEFAULT_HOST}"
        ) from error
    family, _, _, _, place = found[0]
    if not has_token and not is_loopback(str(place[0])):
        raise BadConfiguration(
            f"--serve {address}: others could watch; add --token or set EDGECLS_TOKEN, or leave out the host"
        )
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # What is set here holds for every connection that it accepts.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE_S * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(place)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _cannot_listen(address, error) from error
    return listening


def is_loopback(host: str) -> bool:
    """Whether an IP address is reached from this machine only."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def link(listening: socket.socket, address: ServeAddress, token: str = "") -> str:
    """What a person opens: the URL, by the machine's own address where it listens on every one."""
    host, port = listening.getsockname()[:2]
    name = _own_address() if ipaddress.ip_address(host).is_unspecified else address.host
    return f"http://{_bracketed(name)}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def _own_address() -> str:
    """The IP address by which others reach us; our name where we are in no network.

    Names need a router or mDNS that knows them. Nothing is sent: a UDP socket that connects only chooses a
    route.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # TEST-NET-1 of RFC 5737: nobody's
            return str(route.getsockname()[0])
        except OSError:
            return f"{socket.gethostname()}.local"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _cannot_listen(address: ServeAddress, error: OSError) -> EdgeclsError:
    if error.errno == errno.EADDRINUSE:
        return BadConfiguration(f"port {address.port} is in use; choose another with --serve HOST:PORT")
    if error.errno == errno.EACCES:
        return PermissionRefused(f"port {address.port}: permission denied; choose one above 1023")
    reason = os.strerror(error.errno or 0).lower()
    return BadConfiguration(
        f"--serve {address}: {reason}; use an address of this machine, such as {DEFAULT_HOST}"
    )


# The sink that shows answers and events on a page.


class PageSink(Sink):
    """Serves the page from when it is made.

    Args:
        address: `HOST:PORT`; see `parse_address`.
        token: asked of every viewer; without one, only this machine is served.

    Raises:
        UsageError: not an address.
        BadConfiguration: no token where one is needed, or a port in use.
        PermissionRefused: a port that the system keeps for root.
    """

    def __init__(self, address: str, token: str | None = None) -> None:
        token = "" if token is None else checked_token(token)
        where = parse_address(address)
        listening = listen(where, has_token=bool(token))
        self.link = link(listening, where)
        """What a person opens."""
        self.link_with_token = link(listening, where, token)
        """The same, and it lets whoever has it in: for a terminal, not for a log."""
        self._live = LiveState(temperature_c)
        access = AccessControl(where.host, listening.getsockname()[1], token)
        self._server = PageServer(PageApp(self._live, access, Seats()), listening)

    def write(self, answer: Answer) -> None:
        """See `Sink.write`."""
        self._live.add_answer(answer)

    def idle(self) -> None:
        """See `Sink.idle`."""
        self._live.tick()

    def event(self, event: Event) -> None:
        """Shows an event."""
        self._live.add_event(event)

    def close(self) -> None:
        """See `Sink.close`."""
        self._live.close()
        self._server.close()
