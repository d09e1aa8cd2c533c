"""Who may open the page: checks a request's host, method, origin and token."""

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus, urlsplit

from ..errors import BadConfiguration, UsageError

Environ = Mapping[str, Any]
"""A request in WSGI form (PEP 3333)."""

MIN_TOKEN_LENGTH = 16
_YEAR_S = 365 * 24 * 3600
_NO_TOKEN = "Open the page by the link with the token: /?token=..."  # noqa: S105 - none
_COOKIE = re.compile(rb"\r\ncookie:([^\r\n]*)", re.IGNORECASE)
_AUTHORIZATION = re.compile(rb"\r\nauthorization:([^\r\n]*)", re.IGNORECASE)
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*")


@dataclass(frozen=True)
class Refusal:
    """An HTTP error response."""

    status: str
    text: str
    headers: tuple[tuple[str, str], ...] = ()
    is_wrong_token: bool = False
    """A token was brought, and it is not ours."""


Shown = Literal["right", "wrong", "none"]
"""What a request brings by way of a token."""


class AccessControl:
    """Decides which requests are answered.

    The host that the browser asked for must be an IP address or one of this machine's names. Otherwise a page
    of another site could read ours through a name of its own that resolves to this machine (DNS rebinding).

    Args:
        host: the host given to `--serve`.
        port: the port of the listening socket.
        token: required with every request, unless it is empty.
        names: further names that viewers may use, such as a proxy's.
    """

    def __init__(self, host: str, port: int, token: str = "", names: Iterable[str] = ()) -> None:
        hostname = socket.gethostname().lower()
        self._names = {"localhost", host.lower(), hostname, f"{hostname.partition('.')[0]}.local", *names}
        self._token = token.encode()
        self._cookie_name = f"edgecls-{port}"  # browsers keep cookies by host, whatever the port
        # Derived from the token, so that an open page survives a restart. Not the token itself, which would
        # open the page from anywhere.
        self._cookie_value = hmac.new(self._token, b"edgecls page", hashlib.sha256).hexdigest()

    def check_request(self, request: Environ) -> Refusal | None:
        """Checks host and method; None if both are allowed."""
        if not self._is_our_name(request.get("HTTP_HOST", "")):
            return Refusal(
                "403 Forbidden", "Unknown host name: open the page by its IP address, or see --serve-name."
            )
        if request["REQUEST_METHOD"] not in ("GET", "HEAD") and not self.is_login(request):
            return Refusal("405 Method Not Allowed", "Only GET and HEAD.", (("Allow", "GET, HEAD"),))
        return None

    def is_login(self, request: Environ) -> bool:
        """Whether a request brings the token from the form that asked for it."""
        return bool(self._token) and request["REQUEST_METHOD"] == "POST" and request.get("PATH_INFO") == "/"

    def check_login(self, request: Environ, form: bytes) -> Refusal | None:
        """Checks the token that a form brings; None if it is the right one.

        Args:
            request: one that `is_login`.
            form: its content, as `application/x-www-form-urlencoded`.
        """
        site: str | None = request.get("HTTP_SEC_FETCH_SITE")
        origin: str | None = request.get("HTTP_ORIGIN")
        is_ours = site in ("none", "same-origin")
        if site is None:  # an older browser, or a program
            is_ours = not origin or self._is_our_name(urlsplit(origin).netloc)
        if not is_ours:
            return Refusal("403 Forbidden", "Not available to other sites.")
        if self._is_token(_value_of("token", form.decode("latin-1"), "&")):
            return None
        return Refusal("401 Unauthorized", "That is not the token.", is_wrong_token=True)

    def check_content(self, request: Environ, *, is_document: bool) -> Refusal | None:
        """Checks origin and token; None if the content may be sent.

        Args:
            request: one that passed `check_request`.
            is_document: the content is the page itself, which other sites may link to; nothing else is.
        """
        site = request.get("HTTP_SEC_FETCH_SITE", "none")
        if not is_document and site not in ("none", "same-origin"):
            return Refusal("403 Forbidden", "Not available to other sites.")
        headers = request.get("HTTP_COOKIE", ""), request.get("HTTP_AUTHORIZATION", "")
        shown = self.shown(*headers, request.get("QUERY_STRING", ""))
        if self._token and shown != "right":
            return Refusal("401 Unauthorized", _NO_TOKEN, is_wrong_token=shown == "wrong")
        return None

    @property
    def needs_token(self) -> bool:
        """Whether viewers must show a token."""
        return bool(self._token)

    def shown(self, cookie: str, authorization: str, query: str) -> Shown:
        """Returns what a request brings: a cookie, a bearer token, or a token in its address; one suffices.

        Args:
            cookie: the value of its `Cookie` header.
            authorization: that of its `Authorization` header, whose other schemes are a proxy's.
            query: its query string.
        """
        brought = _value_of(self._cookie_name, cookie, ";")
        if brought and hmac.compare_digest(brought.encode(), self._cookie_value.encode()):
            return "right"
        bearer = _bearer_of(authorization)
        if self._token and hmac.compare_digest(bearer.encode(), self._token):
            return "right"
        if self._is_token(_value_of("token", query, "&")):
            return "right"
        return "wrong" if brought or bearer or brings_token(query) else "none"

    def is_shown_in(self, head: bytes) -> bool:
        """Whether the first bytes of a connection show the token: cheap, and before anything is parsed."""
        target = head.partition(b"\r\n")[0].partition(b" ")[2].partition(b" ")[0]
        found = _COOKIE.search(head), _AUTHORIZATION.search(head)
        cookie, authorization = (each[1].decode("latin-1") if each else "" for each in found)
        query = target.partition(b"?")[2].decode("latin-1")
        return self.shown(cookie, authorization, query) == "right"

    def has_token(self, request: Environ) -> bool:
        """Whether the request's query string holds the right token."""
        return self._is_token(_value_of("token", request.get("QUERY_STRING", ""), "&"))

    def _is_token(self, text: str) -> bool:
        return bool(self._token) and hmac.compare_digest(unquote_plus(text).encode(), self._token)

    @property
    def cookie(self) -> tuple[str, str]:
        """The header that authorises a browser from now on: hidden from scripts, sent to our page only."""
        limits = f"Path=/; Max-Age={_YEAR_S}; HttpOnly; SameSite=Strict"
        return "Set-Cookie", f"{self._cookie_name}={self._cookie_value}; {limits}"

    def _is_our_name(self, host: str) -> bool:
        match = re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]+)(:\d+)?", host)
        if not match:
            return False
        name = match[1].strip("[]").lower().removesuffix(".")
        return name in self._names or _is_ip_address(name)


def brings_token(query: str) -> bool:
    """Whether a query string holds a token, be it right or wrong."""
    return _value_of("token", query, "&") != ""


def _bearer_of(authorization: str) -> str:
    """Returns the token of an `Authorization` header (RFC 6750); empty where it is of another scheme."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _value_of(name: str, text: str, separator: str) -> str:
    """Returns the first value of a name in `a=1&b=2` or `a=1; b=2`; empty where there is none.

    In time that grows with the text's length and no faster, as anybody may send it: Python's own parser of
    cookies takes a second for what fits into one header.
    """
    for part in text.split(separator):
        found, _, value = part.partition("=")
        if found.strip() == name:
            return value.strip().strip('"')
    return ""


def parse_names(text: str | None) -> tuple[str, ...]:
    """Parses `--serve-name`: host names with commas between them, such as `cam.example.com,door.lan`.

    Raises:
        UsageError: one is no host name.
    """
    names = tuple(name.strip().lower().removesuffix(".") for name in (text or "").split(",") if text)
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"--serve-name: not a host name: {name}; write a name without scheme and port, such as "
                "cam.example.com"
            )
    return names


def checked_token(token: str) -> str:
    """Returns `token` if it is long enough and can be part of a URL.

    Raises:
        BadConfiguration: it is too short to be safe from guessing, or has characters other than printable
            ASCII.
    """
    if len(token) < MIN_TOKEN_LENGTH or not (token.isascii() and token.isprintable()) or " " in token:
        raise BadConfiguration(
            f"--token: needs at least {MIN_TOKEN_LENGTH} letters, digits or signs and no blank, "
            f"as others may guess; a new one: {secrets.token_hex(16)}"
        )
    return token


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
