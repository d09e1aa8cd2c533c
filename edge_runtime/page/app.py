"""The page as a WSGI application: its files, `/live` for its script, and `/leave` when it is closed.

Programs ask for `/api/...` (see `api.py`) and `/metrics` (see `metrics.py`) by the same rules.
"""

import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from weakref import WeakSet

from ..errors import BadImage
from .access import AccessControl, Environ, Refusal, brings_token
from .api import EventStream, error_json, snapshot, state_json, to_json
from .live import LiveState, live_reply
from .metrics import metrics
from .visitors import Visitor, WrongTokens

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

VISITOR = "edgecls.visitor"
"""In a request: the `Visitor` that it comes from."""
WAIT_S = 1.0
"""A request for the next picture is answered after this time even without one, so that events arrive."""

_HTML = "text/html; charset=utf-8"
_FILES = {
    "/": ("page.html", _HTML),
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
_HEADERS = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _CONTENT_POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),  # the page's address may hold the token
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
]
_LOGIN = (Path(__file__).parent / "login.html").read_bytes().partition(b"<!-- said -->")
_STYLE = re.search(rb"<style>(.*?)</style>", _LOGIN[0], re.DOTALL)
_STYLE_DIGEST = b64encode(sha256(_STYLE[1] if _STYLE else b"").digest()).decode()
_LOGIN_HEADERS = [
    *(header for header in _HEADERS if header[0] not in ("Content-Security-Policy", "Referrer-Policy")),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "same-origin"),  # otherwise the form's Origin would be null
]
_MAX_FORM_BYTES = 1024
MAX_STREAMS = 16
"""Readers of events at a time."""
_API = "/api/"
_WATCHED = ("/live", "/api/events")
"""Who has been answered there is a viewer, even where there is no token."""
_JSON = "application/json"
_PLAIN_TEXT = "text/plain; charset=utf-8"
_NOT_FOUND = Refusal("404 Not Found", "The page is at /")
_NO_SEAT = Refusal("503 Service Unavailable", "Too many viewers; try again soon.", (("Retry-After", "5"),))
_BAD_REQUEST = Refusal("400 Bad Request", "Invalid query.")
_NO_API = Refusal("404 Not Found", "There are /api/state, /api/snapshot.jpg and /api/events.")
_NO_STREAM = Refusal("505 HTTP Version Not Supported", "Events need HTTP/1.1.")
_MAX_VIEWER_LENGTH = 40


class PageApp:
    """Answers requests, each in a thread of the server.

    Args:
        live: what is shown.
        access: who may see it.
        seats: how many viewers at a time.
    """

    def __init__(self, live: LiveState, access: AccessControl, seats: "Seats") -> None:
        self._live = live
        self._access = access
        self._seats = seats
        self._wrong_tokens = WrongTokens()
        self._streams: WeakSet[EventStream] = WeakSet()
        self._answers: dict[str, Callable[[Environ, Visitor], tuple[bytes, str] | Refusal]] = {
            "/live": self._answer_live,
            "/leave": self._answer_leave,
            "/metrics": self._answer_metrics,
            "/api/state": self._answer_state,
            "/api/snapshot.jpg": self._answer_snapshot,
            "/api/events": self._answer_events,
        }
        folder = Path(__file__).parent
        self._files = {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in _FILES.items()}

    def __call__(self, request: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        visitor: Visitor = request.get(VISITOR) or Visitor("", 0.0)
        answer = self._answer(request, visitor)
        headers: list[tuple[str, str]] = []
        policy = _HEADERS
        if isinstance(answer, Refusal):
            status, kind, content = answer.status, _PLAIN_TEXT, f"{answer.text}\n".encode()
            if request["PATH_INFO"].startswith(_API):
                kind, content = _JSON, error_json(answer)
            headers += answer.headers
            visitor.is_refused = not visitor.is_known
            if answer.is_wrong_token:
                self._wrong_tokens.hold(visitor)
            if _wants_form(request, answer):
                kind, content, policy = _HTML, _login_form(request), _LOGIN_HEADERS
        else:
            status, (content, kind) = "200 OK", answer
            if self._access.has_token(request):
                headers.append(self._access.cookie)
        headers += [("Content-Type", kind), *policy]
        if visitor.stream is None:
            headers.append(("Content-Length", str(len(content))))
        start_response(status, headers)
        if visitor.stream is not None:
            return iter((content,))  # of a list, waitress takes the length for that of the answer
        return [] if request["REQUEST_METHOD"] == "HEAD" else [content]

    def _answer(self, request: Environ, visitor: Visitor) -> tuple[bytes, str] | Refusal:
        """Returns the content with its type, or the refusal."""
        path = request["PATH_INFO"]
        refusal = self._access.check_request(request)
        if refusal is None and path not in (*self._files, *self._answers):
            refusal = _NO_API if path.startswith(_API) else _NOT_FOUND
        if not self._access.is_login(request):
            refusal = refusal or self._access.check_content(request, is_document=path == "/")
        if refusal:
            return refusal
        if request["REQUEST_METHOD"] == "POST":
            return self._log_in(request)
        if path in self._files:
            return self._files[path]
        answer = self._answers[path](request, visitor)
        visitor.is_known |= path in _WATCHED and not isinstance(answer, Refusal)
        return answer

    def _log_in(self, request: Environ) -> Refusal:
        """Checks the token that the form brings; the page is opened without it in its address."""
        length = request.get("CONTENT_LENGTH") or "0"
        form = request["wsgi.input"].read(min(int(length), _MAX_FORM_BYTES)) if length.isdecimal() else b""
        # Relative, as a proxy may show the page below a path of its own.
        opened = Refusal("303 See Other", "Open the page.", (("Location", "./"), self._access.cookie))
        return self._access.check_login(request, form) or opened

    def _answer_live(self, request: Environ, _: Visitor) -> tuple[bytes, str] | Refusal:
        query = parse_qs(request["QUERY_STRING"])
        viewer = query.get("viewer", [""])[0]
        is_same_run = query.get("run", [""])[0] == self._live.run
        try:
            shot, point, event = (int(query.get(name, ["0"])[0]) for name in ("shot", "point", "event"))
        except ValueError:
            return _BAD_REQUEST
        if not 0 < len(viewer) <= _MAX_VIEWER_LENGTH:
            return _BAD_REQUEST
        if not is_same_run:
            shot = point = event = 0
        if not self._seats.acquire(viewer):
            return _NO_SEAT
        try:
            return self._live_reply(shot, point, event), "application/octet-stream"
        finally:
            self._seats.release(viewer)

    def _live_reply(self, shot: int, point: int, event: int) -> bytes:
        try:
            newest = self._live.shot_after(shot, WAIT_S)
        except BadImage:  # the part that was classified is whole, the rest is not: skip this picture
            newest = None
        return live_reply(self._live.run, newest, self._live.updates_after(point, event))

    def _answer_leave(self, request: Environ, _: Visitor) -> tuple[bytes, str]:
        query = parse_qs(request["QUERY_STRING"])
        self._seats.leave(query.get("viewer", [""])[0])
        return b"", _PLAIN_TEXT

    def _answer_state(self, _: Environ, __: Visitor) -> tuple[bytes, str]:
        return to_json(state_json(self._live.status())), _JSON

    def _answer_snapshot(self, _: Environ, __: Visitor) -> tuple[bytes, str] | Refusal:
        answer = snapshot(self._live)
        return answer if isinstance(answer, Refusal) else (answer, "image/jpeg")

    def _answer_events(self, request: Environ, visitor: Visitor) -> tuple[bytes, str] | Refusal:
        """Begins a stream; what comes later is sent by the thread of the connections."""
        if request.get("SERVER_PROTOCOL") == "HTTP/1.0":
            return _NO_STREAM
        if len(self._streams) >= MAX_STREAMS:
            return _NO_SEAT
        stream = EventStream(self._live, request.get("HTTP_LAST_EVENT_ID", ""))
        if request["REQUEST_METHOD"] != "HEAD":
            visitor.stream = stream
            self._streams.add(stream)
        return stream.start, "text/event-stream"

    def _answer_metrics(self, request: Environ, _: Visitor) -> tuple[bytes, str]:
        return metrics(self._live.status(), request.get("HTTP_ACCEPT", ""))


def _wants_form(request: Environ, refusal: Refusal) -> bool:
    """Whether a browser asks for the page without the token."""
    is_page = request["PATH_INFO"] == "/" and "text/html" in request.get("HTTP_ACCEPT", "")
    return is_page and refusal.status.startswith("401")


def _login_form(request: Environ) -> bytes:
    before, _, after = _LOGIN
    was_wrong = request["REQUEST_METHOD"] == "POST" or brings_token(request["QUERY_STRING"])
    said = "That is not the token." if was_wrong else ""
    return before + said.encode() + after


SEATS = 4
"""Viewers at a time."""
RESERVED_S = 15.0
"""A viewer that has asked for nothing for this long loses its seat to one that waits for it."""


class Seats:
    """Limits how many viewers watch at a time. A viewer keeps its seat by asking again.

    Args:
        count: number of seats.
        reserved_s: see `RESERVED_S`.
        clock: monotonic seconds.
    """

    def __init__(
        self, count: int = SEATS, reserved_s: float = RESERVED_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count = count
        self._reserved_s = reserved_s
        self._clock = clock
        self._lock = threading.Lock()
        self._released_at_s: dict[str, float] = {}
        self._busy: set[str] = set()

    def acquire(self, viewer: str) -> bool:
        """Takes a seat for one request of `viewer`; False where all are taken, or this viewer's is in use."""
        with self._lock:
            if viewer in self._busy:  # each request holds a thread of the server: one for each viewer
                return False
            if viewer not in self._released_at_s and not self._make_room():
                return False
            self._busy.add(viewer)
            return True

    def release(self, viewer: str) -> None:
        """Ends the request of `viewer`; the seat stays reserved for a while."""
        with self._lock:
            if viewer in self._busy:
                self._busy.discard(viewer)
                self._released_at_s[viewer] = self._clock()

    def leave(self, viewer: str) -> None:
        """Frees the seat of `viewer` at once: the page was closed or reloaded."""
        with self._lock:
            self._busy.discard(viewer)
            self._released_at_s.pop(viewer, None)

    def _make_room(self) -> bool:
        """Whether there is a free seat; if none is, frees those whose viewers have gone."""
        if len(self._released_at_s.keys() | self._busy) < self._count:
            return True
        gone = [
            viewer
            for viewer, released_at_s in self._released_at_s.items()
            if viewer not in self._busy and self._clock() - released_at_s >= self._reserved_s
        ]
        for viewer in gone:
            del self._released_at_s[viewer]
        return bool(gone)
