"""The web server: waitress, in threads of this process.

waitress is pure Python without dependencies, made for strangers on the other side: it bounds headers (431),
bodies (413), connections and idle time by itself, and reads and writes all connections in one thread, so that
slow ones hold a buffer and no thread.
"""

import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.server import create_server

THREADS = 8
"""One for each viewer who waits for the next picture, and some for those who open the page."""
_LONGEST_HEADER = 16 * 1024
_LONGEST_BODY = 1024  # none is expected
_MOST_CONNECTIONS = 100
_IDLE_S = 60
_TURN_S = 1.0
_END_S = 2


class PageServer:
    """Serves a WSGI application on a socket from when it is made until `close`.

    Args:
        app: see PEP 3333; called by several threads.
        listening: closed by `close`.
    """

    def __init__(self, app: Callable, listening: socket.socket) -> None:
        logging.getLogger("waitress").addHandler(logging.NullHandler())  # a viewer who left is no news
        self._connections: dict = {}
        # Typed as any of its servers, as one socket has the one that we need.
        self._server: Any = create_server(
            app,
            map=self._connections,
            sockets=[listening],
            threads=THREADS,
            ident="edgecls",
            max_request_header_size=_LONGEST_HEADER,
            max_request_body_size=_LONGEST_BODY,
            outbuf_overflow=16 * 1024 * 1024,  # below that it stays in memory: an SD card wears out
            connection_limit=_MOST_CONNECTIONS,
            channel_timeout=_IDLE_S,
            cleanup_interval=10,
            log_socket_errors=False,
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Breaks every connection. Calling it twice is allowed."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.pull_trigger()
        self._thread.join(_END_S)
        wasyncore.close_all(self._connections, ignore_all=True)
        self._server.task_dispatcher.shutdown(timeout=_END_S)

    def _run(self) -> None:
        """What `run` of waitress does, with an end."""
        while not self._ended.is_set():
            # By poll(), as select() knows no descriptor above 1023.
            wasyncore.loop(_TURN_S, use_poll=True, map=self._connections, count=1)
