"""A page on a free port, and what is asked of it, byte for byte."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from edgecls.edge_runtime.page.server import PageSink


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes


def send(port: int, request: bytes) -> Reply:
    """One request on a connection of its own; the reply is read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with suppress(ConnectionError):  # it may have refused before it read all
            connection.sendall(request)
        taken = bytearray()
        with suppress(ConnectionResetError):
            while part := connection.recv(65536):
                taken += part
    head, _, content = bytes(taken).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Reply(int(first.split()[1]), {name.lower(): value for name, value in headers.items()}, content)


def port_of(page: PageSink) -> int:
    port = urlsplit(page.link).port
    assert port
    return port


@pytest.fixture
def page() -> Iterator[PageSink]:
    sink = PageSink("127.0.0.1:0")
    yield sink
    sink.close()


@pytest.fixture
def get(page: PageSink) -> Callable[..., Reply]:
    def ask(target: str = "/", method: str = "GET", **headers: str) -> Reply:
        return get_from(page, target, method, **headers)

    return ask


def get_from(page: PageSink, target: str = "/", method: str = "GET", **headers: str) -> Reply:
    """Asks; `Sec_Fetch_Site` is written with hyphens."""
    lines = {"Host": f"127.0.0.1:{port_of(page)}", "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return send(port_of(page), f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
