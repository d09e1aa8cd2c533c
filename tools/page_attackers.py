"""Clients that mean harm to the page: `python -m tools.page_attackers KIND PORT`, until stdin ends.

They run in a process of their own with the lowest priority, as they would stand on another machine.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_TIMEOUT_S = 30.0
_DRIP_S = 0.5
"""Between two bytes of a slow client."""

Attack = Callable[[int], None]
"""Attacks the page on this port once; called again and again, in several threads."""


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), _TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _ask(port: int, *headers: str, target: str = "/", times: int = 1) -> None:
    """Sends a request, and reads until the page closes the connection or is silent."""
    lines = "".join(f"{header}\r\n" for header in headers)
    lines += "Connection: close\r\n" if times == 1 else ""
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode("latin-1")
    with _connected(port) as connection:
        connection.sendall(request * times)
        while connection.recv(65536):
            pass


def _cookies(port: int) -> None:
    """15 kB for which Python's own parser of cookies takes a second."""
    _ask(port, 'Cookie: a="' + '\\"' * 7500 + '"')


def _many_cookies(port: int) -> None:
    """A right name, hundreds of times."""
    _ask(port, "Cookie: " + f"edgecls-{port}={'0' * 64}; " * 180)


def _many_headers(port: int) -> None:
    """Thousands of short lines."""
    _ask(port, *(f"a{number}:" for number in range(1900)))


def _guesses(port: int) -> None:
    """A new token in each request."""
    _ask(port, target=f"/?token={os.urandom(8).hex()}")


def _impatient_guesses(port: int) -> None:
    """Guesses whose answer nobody waits for."""
    with _connected(port) as connection:
        connection.sendall(f"GET /?token={os.urandom(8).hex()} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        connection.settimeout(0.01)
        connection.recv(1)


def _pipelined(port: int) -> None:
    """Two hundred requests in one packet."""
    _ask(port, times=200)


def _huge_headers(port: int) -> None:
    """A header of a megabyte."""
    _ask(port, "X: " + "x" * 1_000_000)


def _connections(port: int) -> None:
    """A connection that is closed at once."""
    _connected(port).close()


def _silent(port: int) -> None:
    """A connection that says nothing."""
    with _connected(port) as connection:
        connection.settimeout(None)
        connection.recv(1)


def _dripping(port: int, begin: str) -> None:
    with _connected(port) as connection:
        connection.sendall(f"{begin} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode())
        while True:
            time.sleep(_DRIP_S)
            connection.sendall(b"x")


def _slow_headers(port: int) -> None:
    """A header, byte by byte."""
    _dripping(port, "GET /")


def _slow_bodies(port: int) -> None:
    """A form, byte by byte."""
    with _connected(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n")
        while True:
            time.sleep(_DRIP_S)
            connection.sendall(b"x")


def _slow_readers(port: int) -> None:
    """Requests whose answers nobody reads."""
    with _connected(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.settimeout(None)
        while True:
            connection.sendall(
                f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html\r\n\r\n".encode()
            )
            time.sleep(_DRIP_S)


ATTACKS: dict[str, tuple[int, Attack]] = {
    "15 kB cookies": (8, _cookies),
    "180 cookies": (8, _many_cookies),
    "1,900 headers": (8, _many_headers),
    "token guesses": (16, _guesses),
    "impatient guesses": (16, _impatient_guesses),
    "200 requests a packet": (8, _pipelined),
    "headers of 1 MB": (8, _huge_headers),
    "connections": (16, _connections),
    "silent": (200, _silent),
    "slow headers": (200, _slow_headers),
    "slow bodies": (200, _slow_bodies),
    "slow readers": (200, _slow_readers),
}
"""How many clients at a time, and what each of them does."""


def main() -> None:
    """Attacks as the command line says until stdin ends; then says how often it did."""
    kind, port = sys.argv[1], int(sys.argv[2])
    os.nice(19)
    clients, attack = ATTACKS[kind]
    done = [0] * clients

    def go_on(client: int) -> None:
        while True:
            with suppress(OSError):
                attack(port)
            done[client] += 1

    for client in range(clients):
        threading.Thread(target=go_on, args=(client,), daemon=True).start()
    sys.stdin.read()
    print(sum(done), flush=True)
    os._exit(0)  # the clients still wait


if __name__ == "__main__":
    main()
