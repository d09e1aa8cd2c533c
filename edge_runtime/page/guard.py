"""Who may ask the page for what: by the request's method, host, origin and token."""

import hashlib
import hmac
import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from ..errors import BadConfiguration

SHORTEST_TOKEN = 8
_YEAR_S = 365 * 24 * 3600
Environ = Mapping[str, Any]
"""A request as WSGI has it (PEP 3333)."""


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered."""

    status: str
    text: str
    headers: tuple[tuple[str, str], ...] = ()


class Guard:
    """Judges requests.

    A page of another site must not read ours through a name of its own that points here (DNS rebinding), so
    the host that a browser asked for must be an IP address or one of our names.

    Args:
        host: what `--serve` named.
        port: where we listen.
        token: asked for with every request, unless it is empty.
    """

    def __init__(self, host: str, port: int, token: str = "") -> None:
        own = socket.gethostname().lower()
        self._names = {"localhost", host.lower(), own, f"{own.partition('.')[0]}.local"}
        self._token = token.encode()
        self._cookie = f"edgecls-{port}"  # browsers keep cookies by host, whatever the port
        # Made from the token, so that a page that is open outlives a restart; not the token itself, which
        # opens the page from everywhere.
        self._ticket = hmac.new(self._token, b"edgecls page", hashlib.sha256).hexdigest()

    def refusal(self, request: Environ) -> Refusal | None:
        """What is wrong with a request, whatever it asks for; None where nothing is."""
        if not self._is_our_name(request.get("HTTP_HOST", "")):
            return Refusal("403 Forbidden", "This name is not ours: open the page by its IP address.")
        if request["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return Refusal("405 Method Not Allowed", "Only GET and HEAD.", (("Allow", "GET, HEAD"),))
        return None

    def refusal_of_content(self, request: Environ, *, is_document: bool) -> Refusal | None:
        """What is wrong with a request for something of ours; None where nothing is.

        Args:
            request: as `refusal` let it through.
            is_document: it may be opened by a link on another site, as everything else may not.
        """
        site = request.get("HTTP_SEC_FETCH_SITE", "none")
        if not is_document and site not in ("none", "same-origin"):
            return Refusal("403 Forbidden", "Only for our own page.")
        if self._token and not (self._has_ticket(request) or self.brings_token(request)):
            return Refusal("401 Unauthorized", "Open the page by the link that has its token: /?token=...")
        return None

    def brings_token(self, request: Environ) -> bool:
        """Whether the request's address carries the right token."""
        given = parse_qs(request.get("QUERY_STRING", "")).get("token", [""])[0]
        return bool(self._token) and hmac.compare_digest(given.encode(), self._token)

    @property
    def cookie(self) -> tuple[str, str]:
        """The header that lets a browser in from now on: out of scripts' reach, and for our own page only."""
        limits = f"Path=/; Max-Age={_YEAR_S}; HttpOnly; SameSite=Strict"
        return "Set-Cookie", f"{self._cookie}={self._ticket}; {limits}"

    def _has_ticket(self, request: Environ) -> bool:
        try:
            given = SimpleCookie(request.get("HTTP_COOKIE", "")).get(self._cookie)
        except CookieError:
            return False
        return given is not None and hmac.compare_digest(given.value.encode(), self._ticket.encode())

    def _is_our_name(self, host: str) -> bool:
        found = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]+)(:\d+)?", host)
        if not found:
            return False
        name = found[1].strip("[]").lower().removesuffix(".")
        return name in self._names or _is_ip_address(name)


def checked_token(token: str) -> str:
    """The token, if it is hard enough to guess and survives a URL.

    Raises:
        BadConfiguration: it is neither.
    """
    if len(token) < SHORTEST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        raise BadConfiguration(
            f"--token: at least {SHORTEST_TOKEN} letters and digits; make one with `openssl rand -hex 16`"
        )
    return token


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
