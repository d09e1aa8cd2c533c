"""One connection of the page, on waitress: when it is read from and answered; see `connections.py`."""

import socket
import time
from collections.abc import Callable
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import WSGITask

from .app import VISITOR
from .visitors import Visitor

MAX_HEADER_LINES = 100
_MOST_WAITING_BYTES = 256 * 1024
"""Of a stream whose reader does not keep up."""

# Any: their stubs lack much of what these classes have.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
_AnyChannel: Any = HTTPChannel
_AnyTask: Any = WSGITask


class Parser(HTTPRequestParser):
    """Refuses thousands of short header lines, which take waitress milliseconds to parse."""

    def parse_header(self, header_plus: bytes) -> None:
        """Parses the head of a request."""
        if header_plus.count(b"\n") > MAX_HEADER_LINES:
            raise ParsingError("Too many header lines.")
        super().parse_header(header_plus)


class Task(_AnyTask):
    """A request with its visitor; one that is refused is the last of its connection."""

    def get_environment(self) -> dict[str, Any]:
        """Returns the request in WSGI form."""
        environ: dict[str, Any] = super().get_environment()
        environ[VISITOR] = self.channel.visitor
        return environ

    def build_response_header(self) -> bytes:
        """Returns the head of the answer."""
        channel = self.channel
        with channel.requests_lock:  # until all that came in one packet are there
            if channel.visitor.stream is not None:
                del channel.requests[1:]
            if len(channel.requests) > 1 and not channel.visitor.is_known:
                channel.visitor.is_refused = True  # it waits for no answer: it gets one
        if channel.visitor.is_refused:
            self.set_close_on_finish()
        return bytes(super().build_response_header())

    def finish(self) -> None:
        """Ends the answer, unless it has no end."""
        if self.channel.visitor.stream is None:
            super().finish()
        else:  # it goes on in chunks
            self.close_on_finish = False


class Channel(_AnyChannel):
    """A connection; strangers are read from while the budget lasts, and guessers are answered late."""

    task_class = Task
    parser_class = Parser
    server: Any
    """The `Server` of connections.py, which makes these."""

    def __init__(self, server: Any, connection: socket.socket, address: Any, visitor: Visitor) -> None:
        self.visitor = visitor
        super().__init__(server, connection, address, server.adj, map=server._map)

    def readable(self) -> bool:
        """Whether it may be read from."""
        return (self.visitor.is_known or not self.server.is_paused) and super().readable()

    def writable(self) -> bool:
        """Whether what waits may be sent."""
        if self.will_close:
            return True
        visitor = self.visitor
        if not visitor.is_known and (self.server.is_paused or self.server.now_s < visitor.held_until_s):
            return False
        return bool(super().writable())

    def received(self, data: bytes) -> bool:
        """Takes what was sent; nothing is asked in a stream."""
        return self.visitor.stream is None and bool(super().received(data))

    def handle_close(self) -> None:
        """Closes it."""
        self.visitor.stream = None
        super().handle_close()

    def send_news(self) -> None:
        """Sends what is new of a stream; a reader that does not keep up is closed."""
        stream = self.visitor.stream
        if stream is None or self.requests:  # its start is being sent
            return
        if self.total_outbufs_len > _MOST_WAITING_BYTES:
            self.handle_close()
        elif news := stream.more(self.server.now_s):
            self.write_soon(b"%x\r\n%b\r\n" % (len(news), news))

    def handle_read_event(self) -> None:
        """Reads."""
        self._counted(super().handle_read_event)

    def handle_write_event(self) -> None:
        """Writes."""
        self._counted(super().handle_write_event)

    def _counted(self, handle: Callable[[], None]) -> None:
        """Handles an event; the time that it takes is no stranger's if this is none."""
        if not self.visitor.is_known:
            handle()
            return
        before_s = time.thread_time()
        handle()
        self.visitor.since_s = self.server.now_s
        self.server.for_others_s += time.thread_time() - before_s

    def service(self) -> None:
        """Answers one request, in the thread of the server or in one of its own."""
        before_s = time.thread_time()
        was_known = self.visitor.is_known
        super().service()
        has_more = bool(self.requests) or self.visitor.stream is not None
        self.visitor.since_s, self.visitor.is_served = time.monotonic(), has_more
        if not (was_known or self.server.answers_strangers_itself):
            self.server.budget.spend(time.thread_time() - before_s)

    def _flush_some(self, do_close: bool = True) -> bool:
        if time.monotonic() < self.visitor.held_until_s:
            return False
        return bool(super()._flush_some(do_close))
