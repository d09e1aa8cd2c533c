"""Redirections of network cameras: where they lead to, and whether the password may go there."""

from collections.abc import Collection
from urllib.parse import urljoin, urlsplit

from ....errors import Unavailable
from ..address import masked
from .connection import Endpoint
from .http_login import Credentials

MAX_REDIRECTIONS = 8
"""Followed from one URL."""


def redirected(asked: str, url: str, location: str, schemes: Collection[str]) -> str:
    """Returns the URL that a `Location` header leads to.

    Args:
        asked: the URL that the user gave, for messages.
        url: the one that was answered with a redirection.
        location: the value of the header, which may be anything.
        schemes: those that can be followed.

    Raises:
        Unavailable: it is no address, or one of another scheme.
    """
    try:
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme
        is_address = scheme not in schemes or _has_host(Endpoint.of(target))
    except ValueError:  # also UnicodeError, for a host that is no name
        is_address, target, scheme = False, "", ""
    if not is_address:
        raise Unavailable(f"{masked(asked)}: redirects to an invalid address; check the camera")
    if scheme not in schemes:
        raise Unavailable(f"{masked(asked)}: redirects to {masked(target)}; use that URL")
    return target


def credentials_for(url: str, asked: str) -> Credentials | None:
    """Returns the user and password to send to a URL: its own, or those of the URL that the user gave.

    The latter go to the same scheme, host and port only: at another port or name there may be somebody else,
    and over http everybody on the way can read them.
    """
    return Credentials.of(url) or (Credentials.of(asked) if _origin(url) == _origin(asked) else None)


def _has_host(endpoint: Endpoint) -> bool:
    """Whether there is a host that may be looked up; raises ValueError where it cannot even be written."""
    host = endpoint.host_header
    return host.isprintable() and host != "" and " " not in host


def _origin(url: str) -> tuple[str, str, int]:
    endpoint = Endpoint.of(url)
    return endpoint.scheme, endpoint.host.lower().removesuffix("."), endpoint.port
