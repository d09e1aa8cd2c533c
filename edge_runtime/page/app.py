"""The page as a WSGI application: its files, `/live` for their script, and `/leave` for its end."""

import hashlib
import hmac
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ..errors import BadConfiguration, BadImage
from .live import Live, live_reply

# Who may ask the page for what: by the request's method, host, origin and token.

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


# How many may watch at a time.

SEATS = 4
KEPT_S = 15.0
"""A viewer who asked for nothing for so long loses the place to one who waits for it."""


class Seats:
    """Hands out places to viewers, who keep theirs by asking again.

    Args:
        count: places.
        kept_s: see `KEPT_S`.
        clock: monotonic seconds.
    """

    def __init__(
        self, count: int = SEATS, kept_s: float = KEPT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._kept_s = kept_s
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at_s: dict[str, float] = {}
        self._busy: set[str] = set()

    def take(self, viewer: str) -> bool:
        """Whether this viewer has a place, which is then in use until `leave`."""
        with self._lock:
            if viewer in self._busy:  # a thread of ours each, so only one request of each
                return False
            if viewer not in self._asked_at_s and not self._make_room():
                return False
            self._busy.add(viewer)
            return True

    def leave(self, viewer: str) -> None:
        """The viewer was answered, and keeps the place for a while."""
        with self._lock:
            if viewer in self._busy:
                self._busy.discard(viewer)
                self._asked_at_s[viewer] = self._clock()

    def give_up(self, viewer: str) -> None:
        """The viewer closes the page: the place is free at once, also for the same page loaded again."""
        with self._lock:
            self._busy.discard(viewer)
            self._asked_at_s.pop(viewer, None)

    def _make_room(self) -> bool:
        """Gives the places of those who left to others, only when there is no other."""
        taken = self._asked_at_s.keys() | self._busy
        if len(taken) < self._count:
            return True
        gone = [
            viewer
            for viewer, asked_at_s in self._asked_at_s.items()
            if viewer not in self._busy and self._clock() - asked_at_s >= self._kept_s
        ]
        for viewer in gone:
            del self._asked_at_s[viewer]
        return bool(gone)


StartResponse = Callable[[str, list[tuple[str, str]]], Any]

WAIT_S = 1.0
"""A viewer hears so often that there is no new picture: events come no later."""

_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/show.js": ("show.js", "text/javascript; charset=utf-8"),
    "/chart.js": ("chart.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _CONTENT_POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),  # the token may stand in the page's address
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
]
_NOT_FOUND = Refusal("404 Not Found", "There is only one page here: /")
_NO_SEAT = Refusal(
    "503 Service Unavailable", "Every place is taken; try again soon.", (("Retry-After", "5"),)
)
_BAD_REQUEST = Refusal("400 Bad Request", "Not what our page asks.")
_LONGEST_NAME = 40


class PageApp:
    """Answers requests; each in a thread of the server's.

    Args:
        live: what is shown.
        guard: who may see it.
        seats: how many of them at a time.
    """

    def __init__(self, live: Live, guard: Guard, seats: Seats) -> None:
        self._live = live
        self._guard = guard
        self._seats = seats
        self._answers = {"/live": self._answer_live, "/leave": self._answer_leave}
        folder = Path(__file__).parent
        self._files = {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in _FILES.items()}

    def __call__(self, request: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        answered = self._answer(request)
        if isinstance(answered, Refusal):
            content, headers = f"{answered.text}\n".encode(), list(answered.headers)
            status, kind = answered.status, "text/plain; charset=utf-8"
        else:
            status, headers = "200 OK", []
            content, kind = answered
            if self._guard.brings_token(request):
                headers.append(self._guard.cookie)
        headers += [("Content-Type", kind), ("Content-Length", str(len(content))), *_ALWAYS]
        start_response(status, headers)
        return [] if request["REQUEST_METHOD"] == "HEAD" else [content]

    def _answer(self, request: Environ) -> tuple[bytes, str] | Refusal:
        path = request["PATH_INFO"]
        refusal = self._guard.refusal(request)
        if refusal is None and path not in (*self._files, *self._answers):
            refusal = _NOT_FOUND
        refusal = refusal or self._guard.refusal_of_content(request, is_document=path == "/")
        if refusal:
            return refusal
        return (
            self._files[path]
            if path in self._files
            else self._answers[path](parse_qs(request["QUERY_STRING"]))
        )

    def _answer_live(self, asked: dict[str, list[str]]) -> tuple[bytes, str] | Refusal:
        viewer = asked.get("viewer", [""])[0]
        is_same_run = asked.get("run", [""])[0] == self._live.run
        try:
            shot, point, event = (int(asked.get(name, ["0"])[0]) for name in ("shot", "point", "event"))
        except ValueError:
            return _BAD_REQUEST
        if not 0 < len(viewer) <= _LONGEST_NAME:
            return _BAD_REQUEST
        if not is_same_run:
            shot = point = event = 0
        if not self._seats.take(viewer):
            return _NO_SEAT
        try:
            return self._reply(shot, point, event), "application/octet-stream"
        finally:
            self._seats.leave(viewer)

    def _answer_leave(self, asked: dict[str, list[str]]) -> tuple[bytes, str]:
        self._seats.give_up(asked.get("viewer", [""])[0])
        return b"", "text/plain; charset=utf-8"

    def _reply(self, shot: int, point: int, event: int) -> bytes:
        try:
            newest = self._live.shot_after(shot, WAIT_S)
        except BadImage:  # classified from a part of it that is whole: the next picture may be
            newest = None
        return live_reply(self._live.run, newest, self._live.recent(point, event))
