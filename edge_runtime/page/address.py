"""Where the page is served: `HOST:PORT` from the command line, and the socket behind it."""

import errno
import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from urllib.parse import quote

from ..errors import BadConfiguration, EdgeclsError, PermissionRefused, UsageError

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
