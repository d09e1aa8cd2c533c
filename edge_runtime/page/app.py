"""The page as a WSGI application: its files, `/live` for their script, and `/leave` for its end."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ..errors import BadImage
from .guard import Environ, Guard, Refusal
from .live import Live
from .reply import live_reply
from .seats import Seats

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
