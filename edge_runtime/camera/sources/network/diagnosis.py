"""Finds out why a network camera gives no video, and says it with what to do."""

import socket
import ssl
from http.client import HTTPException
from urllib.parse import urlsplit

from ....errors import EdgeclsError, Unavailable
from ..address import masked
from .connection import Endpoint, proxy_in_environment
from .tls import speaks_tls, why_no_tls

PROBE_S = 1.5
"""Timeout of a connection that only finds out what a port speaks."""
_PROTOCOLS = {b"RTSP/": "rtsp", b"HTTP/": "http"}
_STRANGE = (400, 426, 501, 503, 505)
"""What servers of other protocols answer."""
_STATUSES = {
    400: "does not understand the request; check the path",
    403: "access forbidden; check the user's rights and the path",
    404: "no such path; check it in the camera's manual",
    405: "allows no such request; check the path",
    407: "a proxy stands before the camera; use the camera's own address",
    410: "the path is gone; check it in the camera's manual",
    429: "the camera is asked too often; close its other viewers",
    453: "the camera has no bandwidth left; close its other viewers",
    461: "the camera refuses this way of sending; check its RTSP settings",
    500: "HTTP status 500; check the path and the camera",
    502: "a server before the camera does not reach it; check that the camera is on",
    503: "the camera is busy; close its other viewers",
    504: "a server before the camera does not reach it; check that the camera is on",
}


def why_no_answer(url: str, error: Exception) -> EdgeclsError:
    """Returns the error to raise where connecting to a URL, or requesting it, failed with `error`."""
    return Unavailable(f"{masked(url)}: {_why_no_answer(Endpoint.of(url), error)}")


def _why_no_answer(endpoint: Endpoint, error: Exception) -> str:
    is_untrusted = isinstance(error, ssl.SSLCertVerificationError)  # a ValueError too
    if isinstance(error, socket.gaierror | ValueError) and not is_untrusted:  # not a valid DNS name
        return _why_no_address(endpoint.host, error)
    is_strange = isinstance(error, HTTPException | ConnectionResetError | ssl.SSLError)
    spoken = what_it_speaks(endpoint) if is_strange and not is_untrusted else ""
    if spoken and spoken != endpoint.scheme:
        return wrong_scheme(spoken)
    if isinstance(error, ssl.SSLError):
        return why_no_tls(error, (endpoint.host, endpoint.port), PROBE_S)
    if not isinstance(error, OSError):
        return "does not speak HTTP; check scheme and port"
    if isinstance(error, ConnectionResetError):
        return "closed the connection; check that the camera is on"
    why = (error.strerror or str(error)).lower()
    if isinstance(error, TimeoutError):
        why = "no answer"
    return f"{why}; check address and port, and that the camera is on" + _proxy()


def _why_no_address(host: str, error: Exception) -> str:
    if getattr(error, "errno", None) == socket.EAI_AGAIN:
        return f"no answer from DNS for {host}; check the network"
    local = "; for a .local name, install libnss-mdns or use the address" if host.endswith(".local") else ""
    return f"unknown host {host}; check the address and the network{local}"


def _proxy() -> str:
    name = proxy_in_environment()
    return f" (edgecls connects directly, without {name})" if name else ""


def what_it_speaks(endpoint: Endpoint) -> str:
    """Returns the scheme that a port understands; empty if that is none, or the port does not answer."""
    address = endpoint.host, endpoint.port
    for request in (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        try:
            with socket.create_connection(address, PROBE_S) as connection:
                connection.sendall(request)
                answer = connection.recv(5)
                # Some web servers answer what is no HTTP with a page, and no header.
                spoken = "http" if answer.startswith(b"<") else _PROTOCOLS.get(answer, "")
        except OSError:
            spoken = ""
        # Some web servers answer anything by HTTP, encrypted ones too.
        if spoken and not (spoken == "http" and speaks_tls(address, PROBE_S)):
            return spoken
    if not speaks_tls(address, PROBE_S):
        return ""
    return "rtsps" if endpoint.scheme.startswith("rtsp") else "https"


def wrong_scheme(spoken: str) -> str:
    """Returns what to do about a port that speaks another protocol, by its scheme."""
    name = {"http": "HTTP", "rtsp": "RTSP", "https": "HTTPS", "rtsps": "RTSP over TLS"}[spoken]
    return f"speaks {name} on this port; write {spoken}:// in place of the scheme, or check the port"


def why_refused(url: str, status: int, *, has_login: bool, final_url: str = "") -> EdgeclsError:
    """Returns the error to raise for a URL that was answered with another HTTP or RTSP status than 200.

    Args:
        url: as the user gave it.
        status: the number.
        has_login: whether a user and a password were sent.
        final_url: where redirections led to; empty if there were none.
    """
    parts = urlsplit(url)
    moved = f"redirects to {masked(final_url)}, which " if final_url and final_url != url else ""
    if status == 401 and has_login:
        why = "login refused; check user and password"
    elif status == 401 and moved:
        why = "needs a user and a password of its own; use that URL, with them"
    elif status == 401:
        why = f"needs a user and a password; write {parts.scheme}://user:password@{parts.hostname}..."
    elif status in _STRANGE and (spoken := what_it_speaks(Endpoint.of(url))) not in ("", parts.scheme):
        why = wrong_scheme(spoken)
    else:
        name = parts.scheme.removesuffix("s").upper()
        why = _STATUSES.get(status, f"{name} status {status}; check the path and the camera")
        moved = f"redirects to {masked(final_url)}: " if moved else ""
    return Unavailable(f"{masked(url)}: {moved}{why}")
