"""Redirections: a password goes to the server that it was given for, and to no other."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from edgecls.edge_runtime.camera.sources.capture_process import ANY_AUTHORITY
from edgecls.edge_runtime.camera.sources.network.connection import no_notice
from edgecls.edge_runtime.camera.sources.network.http_client import HttpClient
from edgecls.edge_runtime.camera.sources.network.redirection import credentials_for, redirected
from edgecls.edge_runtime.camera.sources.network.rtsp import url_to_play
from edgecls.edge_runtime.errors import Unavailable

TIMEOUT_S = 60.0
PAGE = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ASKS = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'


@contextmanager
def server(answer: Callable[[str], str]) -> Iterator[tuple[int, list[str]]]:
    """Answers each request on a port of its own; gives the port, and the requests."""
    seen: list[str] = []

    def serve(connection: socket.socket) -> None:
        taken = b""
        with connection, suppress(OSError):
            while piece := connection.recv(4096):
                taken += piece
                while b"\r\n\r\n" in taken:
                    request, _, taken = taken.partition(b"\r\n\r\n")
                    seen.append(request.decode("latin-1"))
                    connection.sendall(answer(seen[-1]).encode("latin-1"))

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1], seen


def asking_first(location: str) -> Callable[[str], str]:
    """Asks for the password, and then redirects."""
    there = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    return lambda request: there if "Authorization" in request else ASKS


@pytest.mark.parametrize(
    ("asked", "url", "is_sent"),
    [
        ("http://u:p@cam/", "http://cam/b", True),
        ("http://u:p@cam/", "http://CAM.:80/b", True),
        ("https://u:p@cam/", "https://cam:443/", True),
        ("http://u:p@cam/", "http://cam:8080/", False),
        ("http://u:p@cam/", "https://cam/", False),
        ("https://u:p@cam/", "http://cam/", False),
        ("https://u:p@cam/", "http://cam:443/", False),
        ("http://u:p@cam/", "http://evil/", False),
        ("http://u:p@cam/", "http://cam.evil/", False),
        ("rtsp://u:p@cam/", "rtsp://cam:554/b", True),
        ("rtsp://u:p@cam/", "rtsps://cam/", False),
        ("rtsp://u:p@cam/", "http://cam:554/", False),
    ],
)
def test_a_password_stays_with_its_scheme_host_and_port(asked: str, url: str, is_sent: bool):
    assert (credentials_for(url, asked) is not None) == is_sent


def test_an_address_may_bring_a_password_of_its_own():
    own = credentials_for("http://a:b@evil/", "http://u:p@cam/")
    assert own
    assert (own.user, own.password) == ("a", "b")


def test_a_password_does_not_follow_a_redirection_through_a_third_server_either():
    """Of two redirections, the second may lead from a stranger to the stranger's own https."""
    with server(lambda _: ASKS) as (last, seen_last):
        between = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{last}/\r\nContent-Length: 0\r\n\r\n"
        with (
            server(lambda _: between) as (middle, seen),
            server(asking_first(f"http://127.0.0.1:{middle}/")) as (first, seen_first),
            pytest.raises(Unavailable, match="needs a user and a password of its own"),
        ):
            HttpClient(f"http://admin:hunter@127.0.0.1:{first}/", TIMEOUT_S).get()
    assert "Authorization: Basic" in seen_first[1]
    assert seen
    assert seen_last
    assert "Authorization" not in "".join(seen + seen_last)


@pytest.mark.parametrize(
    "location",
    ["http://[", "http://a:b/", "http://a:99999/", "http://\xe9..a/", "http://a b/", "http://a\x00/",
     "http://%/", "http://u:p@[/", "http://a:-1/", "//[::1"],
)  # fmt: skip
def test_what_is_no_address_is_one_line(location: str):
    answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    with server(lambda _: answer) as (port, _), pytest.raises(Unavailable) as caught:
        HttpClient(f"http://admin:hunter@127.0.0.1:{port}/", TIMEOUT_S).get()
    text = f"http://admin:***@127.0.0.1:{port}/: redirects to an invalid address; check the camera"
    assert str(caught.value) == text


def test_another_scheme_is_not_followed():
    with pytest.raises(Unavailable, match=r"redirects to ftp://cam/a; use that URL"):
        redirected("http://cam/", "http://cam/", "ftp://cam/a", ("http", "https"))


def test_a_redirection_to_nowhere_names_where_it_leads():
    answer = "HTTP/1.1 302 Found\r\nLocation: http://nowhere.invalid/\r\nContent-Length: 0\r\n\r\n"
    with server(lambda _: answer) as (port, _):
        refused = pytest.raises(
            Unavailable, match=r"redirects to http://nowhere.invalid/: (unknown|no answer)"
        )
        with refused:
            HttpClient(f"http://127.0.0.1:{port}/", TIMEOUT_S).get()


def rtsp(status: str, *headers: str) -> Callable[[str], str]:
    def answer(request: str) -> str:
        number = next(line for line in request.split("\r\n") if line.startswith("CSeq"))
        first = "200 OK" if request.startswith("OPTIONS") else status
        return "\r\n".join([f"RTSP/1.0 {first}", number, *headers, "", ""])

    return answer


def test_a_password_does_not_follow_a_redirection_of_rtsp_to_another_port():
    """FFmpeg would send it there."""
    asks = rtsp("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')
    with server(asks) as (other, seen_there):
        moved = rtsp("302 Moved", f"Location: rtsp://127.0.0.1:{other}/live")
        with server(lambda request: (moved if "Authorization" in request else asks)(request)) as (port, seen):
            url = f"rtsp://admin:hunter@127.0.0.1:{port}/live"
            played = url_to_play(url, TIMEOUT_S, ANY_AUTHORITY, no_notice)
    assert played == f"rtsp://127.0.0.1:{other}/live"
    assert "Authorization: Basic" in seen[-1]
    assert seen_there
    assert "Authorization" not in "".join(seen_there)


def test_a_redirection_of_rtsp_on_the_same_server_keeps_the_password():
    moved = rtsp("302 Moved", "Location: /other")

    def answer(request: str) -> str:
        return (moved if "/live" in request else rtsp("200 OK"))(request)

    with server(answer) as (port, _):
        url = f"rtsp://admin:hun%2Fter@127.0.0.1:{port}/live"
        played = url_to_play(url, TIMEOUT_S, ANY_AUTHORITY, no_notice)
    assert played == f"rtsp://admin:hun%2Fter@127.0.0.1:{port}/other"


def test_a_password_that_rtsp_refuses_is_tried_once():
    refused = pytest.raises(Unavailable, match="login refused; check user and password")
    with server(rtsp("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')) as (port, seen), refused:
        url_to_play(f"rtsp://admin:hunter@127.0.0.1:{port}/", TIMEOUT_S, ANY_AUTHORITY, no_notice)
    assert sum("Authorization" in request for request in seen) == 1
