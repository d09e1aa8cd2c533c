"""Connections of the page: waitress, with places, time limits and a budget for strangers; see `visitors.py`.

waitress is pure Python without dependencies: it limits headers (431) and bodies (413), and reads and writes
all connections in one thread, so that a slow client holds a buffer and no thread. Where the page has a token,
that thread also answers those who have not shown it, one at a time, as long as the budget lasts; only viewers
get a thread of their own.
"""

import logging
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from .access import AccessControl
from .app import WsgiApp
from .channel import Channel
from .visitors import (
    ACCEPTING_SHARE,
    MAX_FROM_ONE,
    MAX_KNOWN,
    OPEN_SHARE,
    STRANGERS_SHARE,
    Budget,
    Visitor,
    is_overdue,
    origin_of,
    to_close_for,
)

THREADS = 8
"""One for each viewer that waits for a picture, and some for those who open the page."""
_MAX_HEADER_BYTES = 16 * 1024
_MAX_BODY_BYTES = 1024  # of the form that asks for the token
_BACKLOG = 1024
"""Connections that wait to be accepted: when they are too many, the system drops new ones, a viewer's too."""
_ACCEPTED_AT_ONCE, _ANSWERED_AT_ONCE = 64, 8
_POLL_S, _LOOK_S = 1.0, 0.25
"""Longest wait for something to do; time between two looks at who is overdue."""
_CLOSE_TIMEOUT_S = 0.5
"""Twice at the end, and SIGTERM must end the loop within 3 s."""


class PageServer:
    """Serves a WSGI application on a socket, from the start until `close`.

    Args:
        app: see PEP 3333; called in several threads. Finds its `Visitor` in the environment.
        listening: closed by `close`.
        access: tells who is known. Where there is no token, those who watch are.
    """

    def __init__(self, app: WsgiApp, listening: socket.socket, access: AccessControl) -> None:
        logging.getLogger("waitress").addHandler(logging.NullHandler())  # viewers that leave are not errors
        self._connections: dict[int, Any] = {}
        self._server = Server(app, self._connections, listening, access)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Has what is new sent to those who read a stream; from any thread."""
        self._server.pull_trigger()

    def close(self) -> None:
        """Closes every connection. May be called twice."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.pull_trigger()
        self._thread.join(_CLOSE_TIMEOUT_S)
        wasyncore.close_all(self._connections, ignore_all=True)
        self._server.task_dispatcher.shutdown(timeout=_CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._server.step()
            except OSError:  # such as too little memory for poll(): the page must outlive it
                self._ended.wait(_POLL_S)


# Any: their stubs lack much of what these classes have.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
_AnyServer: Any = TcpWSGIServer


class Server(_AnyServer):
    """Accepts connections, and has their requests answered.

    Args:
        app: see PEP 3333.
        connections: the open sockets by descriptor, this server's among them.
        listening: the socket to accept from.
        access: see `PageServer`.
    """

    active_channels: dict[int, Channel]

    def __init__(
        self, app: WsgiApp, connections: dict[int, Any], listening: socket.socket, access: AccessControl
    ) -> None:
        self.budget = Budget(STRANGERS_SHARE if access.needs_token else OPEN_SHARE)
        self.accepting_budget = Budget(ACCEPTING_SHARE)
        self.now_s = time.monotonic()
        self.is_paused = False
        """The budget for strangers is used up."""
        self._accepts_none = self._has_arrivals = False
        self.for_others_s = 0.0
        """Processor time of this step that was not for what strangers ask."""
        self.answers_strangers_itself = access.needs_token
        self._access = access
        self._strangers: deque[Channel] = deque()  # whose requests wait for an answer
        self._accepts_again_at_s = self._looks_again_at_s = 0.0
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(THREADS)
        adjustments = Adjustments(
            sockets=[listening],
            threads=THREADS,
            ident="edgecls",
            max_request_header_size=_MAX_HEADER_BYTES,
            max_request_body_size=_MAX_BODY_BYTES,
            outbuf_overflow=16 * 1024 * 1024,  # in memory below this: an SD card wears out
            backlog=_BACKLOG,
            log_socket_errors=False,
        )
        if hasattr(socket, "TCP_DEFER_ACCEPT"):  # Linux: those who say nothing stay with the system
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
        super().__init__(
            app,
            connections,
            _sock=listening,
            dispatcher=dispatcher,
            adj=adjustments,
            bind_socket=False,
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
        )

    def step(self) -> None:
        """Waits for something to do, and does it."""
        before_s, self.for_others_s = time.thread_time(), 0.0
        pauses_s = self.budget.pause_s, self.accepting_budget.pause_s
        self.is_paused, self._accepts_none = pauses_s[0] > 0, pauses_s[1] > 0
        self.now_s = time.monotonic()
        wasyncore.loop(self._wait_s(*pauses_s), use_poll=True, map=self._map, count=1)
        self.now_s = time.monotonic()
        for _ in range(min(len(self._strangers), 0 if self.is_paused else _ANSWERED_AT_ONCE)):
            self._strangers.popleft().service()
        if self._has_arrivals:
            self._accept_those_who_wait()
        self._send_news()
        if self.now_s >= self._looks_again_at_s:
            self._looks_again_at_s = self.now_s + _LOOK_S
            self._close_overdue()
        self.budget.spend(time.thread_time() - before_s - self.for_others_s)

    def _send_news(self) -> None:
        before_s = time.thread_time()
        for channel in list(self.active_channels.values()):
            channel.send_news()
        self.for_others_s += time.thread_time() - before_s

    def _wait_s(self, *pauses_s: float) -> float:
        if self._strangers and not self.is_paused:
            return 0.0
        pauses = [pause_s for pause_s in pauses_s if pause_s]
        return min([*pauses, _LOOK_S if self.active_channels else _POLL_S])

    def readable(self) -> bool:
        """Whether connections are accepted; waitress's own clean-up goes by the wall clock."""
        return self.accepting and not self._accepts_none and self.now_s >= self._accepts_again_at_s

    def handle_accept(self) -> None:
        """Notes that somebody waits; those who are here are read from before others take their places."""
        self._has_arrivals = True

    def _accept_those_who_wait(self) -> None:
        """Accepts those who wait, and looks for the token in what each has sent already."""
        self._has_arrivals = False
        before_s = time.thread_time()
        strangers: dict[str, deque[tuple[socket.socket, Any]]] = {}
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted = self.accept()
            except OSError:  # such as no descriptor left
                self._accepts_again_at_s = self.now_s + _LOOK_S
                break
            if accepted is None:
                break
            connection, address = accepted
            head = _first_bytes(connection)
            origin = origin_of(str(address[0]))
            if head is None:
                connection.close()
            elif self._access.needs_token and self._access.is_shown_in(head):
                self._open(connection, address, Visitor(origin, self.now_s, is_known=True))
            else:
                newest = strangers.setdefault(origin, deque())
                if _is_whole(head):
                    newest.append(accepted)
                else:
                    newest.appendleft(accepted)  # it goes first where there are too many
                if len(newest) > MAX_FROM_ONE:
                    newest.popleft()[0].close()
        for origin, newest in strangers.items():
            for connection, address in newest:
                self._make_room(origin)
                self._open(connection, address, Visitor(origin, self.now_s))
        spent_s = time.thread_time() - before_s
        self.accepting_budget.spend(spent_s)
        self.for_others_s += spent_s

    def _open(self, connection: socket.socket, address: Any, visitor: Visitor) -> None:
        with suppress(OSError):  # it has gone already
            Channel(self, connection, address, visitor)

    def _make_room(self, origin: str) -> None:
        by_visitor = {channel.visitor: channel for channel in self.active_channels.values()}
        if leaver := to_close_for(origin, by_visitor):
            by_visitor[leaver].handle_close()

    def add_task(self, task: Channel) -> None:
        """Has the next request of a connection answered: a viewer's by a thread, a stranger's in turn."""
        request, visitor = task.requests[0], task.visitor
        visitor.is_served = True
        if self._access.needs_token:
            headers = request.headers.get("COOKIE", ""), request.headers.get("AUTHORIZATION", "")
            shown = self._access.shown(*headers, getattr(request, "query", ""))
            visitor.is_known = not request.error and shown == "right"
        if visitor.is_known or not self._access.needs_token:
            self.task_dispatcher.add_task(task)
        else:
            self._strangers.append(task)

    def _close_overdue(self) -> None:
        """Closes connections that have had their time, and known ones that are too many."""
        channels = list(self.active_channels.values())
        for channel in channels:
            if is_overdue(channel.visitor, self.now_s, is_sending=channel.request is not None):
                channel.handle_close()
        known = [channel for channel in channels if channel.visitor.is_known and channel.connected]
        known.sort(key=lambda channel: (channel.visitor.is_served, channel.visitor.since_s))
        for channel in known[: max(0, len(known) - MAX_KNOWN)]:
            channel.handle_close()


def _first_bytes(connection: socket.socket) -> bytes | None:
    """What a client has sent already, without taking it; None where it has gone again."""
    try:
        connection.setblocking(False)
        return connection.recv(_MAX_HEADER_BYTES, socket.MSG_PEEK) or None
    except BlockingIOError:
        return b""
    except OSError:
        return None


def _is_whole(head: bytes) -> bool:
    """Whether the first bytes of a connection are a request that needs no more of them."""
    return head.startswith((b"GET ", b"HEAD ")) and b"\r\n\r\n" in head
