"""Connections to network cameras: always direct, also where the environment names a proxy."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..address import masked
from ..capture_process import ANY_AUTHORITY, CaptureNotice, Notify, Trust
from .tls import wrapped

_PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
_ENCRYPTED = ("https", "rtsps")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
"""In the environment, in small letters or capitals."""


def no_notice(notice: CaptureNotice) -> None:
    """A `Notify` that does nothing."""


@dataclass(frozen=True)
class Endpoint:
    """Where a URL leads to."""

    scheme: str
    host: str
    """A name or an address; an IPv6 address without brackets, with its zone as the system writes it."""
    port: int

    @classmethod
    def of(cls, url: str) -> "Endpoint":
        """Returns the endpoint of a URL whose scheme is one of `address.SCHEMES`."""
        parts = urlsplit(url)
        host = (parts.hostname or "").replace("%25", "%", 1)  # RFC 6874: fe80::1%25eth0
        return cls(parts.scheme, host, parts.port or _PORTS[parts.scheme])

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return self.scheme in _ENCRYPTED

    @property
    def host_header(self) -> str:
        """As in HTTP's `Host`: without the zone, which only this computer knows, and the usual port."""
        host = self.host.partition("%")[0]
        host = host if host.isascii() else host.encode("idna").decode()
        host = f"[{host}]" if ":" in host else host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def connect(
    url: str, timeout_s: float, trust: Trust = ANY_AUTHORITY, notify: Notify = no_notice
) -> socket.socket:
    """Connects to the host and port of a URL; `timeout_s` holds for each wait, later ones included.

    Raises:
        OSError, UnicodeError: no such host, nothing listens there, or no trusted TLS; see `why_no_answer`.
        Unavailable: its certificate is not the pinned one.
    """
    endpoint, shown = Endpoint.of(url), masked(url)
    check = "check the address and the network"
    notify(CaptureNotice("step", f"{shown}: no answer from DNS for {endpoint.host}; {check}"))
    found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    check = "check the address, and that the camera is on"
    notify(CaptureNotice("step", f"{shown}: no answer; {check}"))
    connection = _connected(found, timeout_s)
    notify(CaptureNotice("step"))
    if not endpoint.is_encrypted:
        return connection
    try:
        return wrapped(connection, endpoint.host.partition("%")[0], trust)
    except BaseException:
        connection.close()
        raise


def _connected(
    found: Sequence[tuple[int, int, int, str, tuple[Any, ...]]], timeout_s: float
) -> socket.socket:
    """Connects to the first address of a host that accepts.

    Raises:
        OSError: none does; the error is that of the last one.
    """
    failure = OSError("no address")
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout_s)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def proxy_in_environment() -> str:
    """Returns the name of a variable that sets a proxy; empty if none does."""
    names = [spelled for name in PROXIES for spelled in (name, name.upper())]
    return next((name for name in names if os.environ.get(name)), "")


def ignore_proxies() -> None:
    """Keeps FFmpeg, which reads them from the environment, from using proxies."""
    for name in PROXIES:
        for spelled in (name, name.upper()):
            os.environ.pop(spelled, None)


def reach(url: str, timeout_s: float) -> None:
    """Connects to the host and port of a URL, without TLS, and disconnects; raises as `connect`."""
    endpoint = Endpoint.of(url)
    socket.create_connection((endpoint.host, endpoint.port), timeout_s).close()
