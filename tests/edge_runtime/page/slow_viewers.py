"""Browsers on a bad network: they ask for pictures and take a few bytes at a time."""

import selectors
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Self

_TURN_S = 0.05
_PAUSE_S = 5.0  # what our page waits when every place is taken


class SlowViewers:
    """Connects while it is entered, in a thread; `statuses` says what each of them was answered.

    Args:
        port: on loopback.
        count: viewers.
        bytes_per_s: what each of them takes.
    """

    def __init__(self, port: int, count: int = 50, bytes_per_s: int = 10_000) -> None:
        self.statuses: dict[int, set[int]] = defaultdict(set)
        self.resets = 0
        self._port = port
        self._count = count
        self._part = int(bytes_per_s * _TURN_S)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @property
    def served(self) -> set[int]:
        return {viewer for viewer, statuses in self.statuses.items() if 200 in statuses}

    def wait_for(self, happened: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Waits until something about the viewers holds."""
        end_s = time.monotonic() + timeout_s
        while not happened():
            assert time.monotonic() < end_s, f"in vain; statuses: {dict(self.statuses)}"
            time.sleep(_TURN_S)

    def _run(self) -> None:
        viewers = [_Viewer(number, self._port) for number in range(self._count)]
        with selectors.DefaultSelector() as selector:
            for viewer in viewers:
                selector.register(viewer.connection, selectors.EVENT_READ, viewer)
            while not self._stopped.wait(_TURN_S):
                for key, _ in selector.select(0):
                    try:
                        key.data.take(self._part, self.statuses)
                    except ConnectionError:
                        self.resets += 1
                        selector.unregister(key.fileobj)
                        key.data.connection.close()
                        key.data.connect()  # as a browser does by itself
                        selector.register(key.data.connection, selectors.EVENT_READ, key.data)
                for viewer in viewers:
                    viewer.ask_when_due()
        for viewer in viewers:
            viewer.connection.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()


class _Viewer:
    def __init__(self, number: int, port: int) -> None:
        self._number = number
        self._port = port
        self.connect()

    def connect(self) -> None:
        self.connection = socket.socket()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # only before connecting
        self.connection.connect(("127.0.0.1", self._port))
        self._head = b""
        self._rest = 0
        self._asks_at_s = time.monotonic()

    def ask_when_due(self) -> None:
        if time.monotonic() >= self._asks_at_s:
            self._asks_at_s = float("inf")
            self._head = b""
            request = f"GET /live?viewer={self._number} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            with suppress(ConnectionError):  # seen again when it is read from
                self.connection.sendall(request.encode())

    def take(self, part: int, statuses: dict[int, set[int]]) -> None:
        content = self.connection.recv(part)
        if not content:
            raise ConnectionResetError("closed by the server")
        if b"\r\n\r\n" in self._head:
            self._rest -= len(content)
        else:
            self._head += content
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            statuses[self._number].add(int(head.split()[1]))
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
            self._rest = int(length.split()[1]) - len(body)
        if self._rest <= 0:
            is_refused = 503 in statuses[self._number]
            self._asks_at_s = time.monotonic() + (_PAUSE_S if is_refused else 0)
