"""The page among hostile clients: a viewer with the token is served, and each of the others costs little."""

import gc
import importlib.util
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import ModuleType, SimpleNamespace

import pytest

from edgecls.edge_runtime.page import app, channel, visitors
from edgecls.edge_runtime.page.access import AccessControl
from edgecls.edge_runtime.page.channel import MAX_HEADER_LINES
from edgecls.edge_runtime.page.server import PageSink
from tests.edge_runtime.page.conftest import get_from, port_of, send
from tests.edge_runtime.page.test_server import read_live, show
from tests.waiting import wait_until

SESAME = "sesame-open-12345"
HOST = b"Host: 127.0.0.1\r\n"


@pytest.fixture
def page() -> Iterator[PageSink]:
    """A page that wants the token."""
    sink = PageSink("127.0.0.1:0", SESAME)
    show(sink)
    yield sink
    sink.close()


def connect(page: PageSink, said: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port_of(page)), timeout=60)
    connection.sendall(said)
    return connection


def is_closed(connection: socket.socket) -> bool:
    """Whether the page has closed it, without a byte of an answer."""
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def assert_viewer_is_served(page: PageSink) -> None:
    welcome = get_from(page, f"/?token={SESAME}")
    assert welcome.status == 200
    cookie = welcome.headers["set-cookie"].partition(";")[0]
    state, picture = read_live(get_from(page, "/live?viewer=a", Cookie=cookie))
    assert state["shot"]
    assert picture.startswith(b"\xff\xd8")


@contextmanager
def dripping(page: PageSink, count: int) -> Iterator[list[socket.socket]]:
    """Clients that have sent a part of a request."""
    with ExitStack() as opened:
        yield [opened.enter_context(connect(page, b"GET / HTTP/1.1\r\n" + HOST)) for _ in range(count)]


def test_slow_clients_leave_room_for_a_viewer_with_the_token(page, monkeypatch):
    """Two hundred at once; later ones take the places of earlier ones, never that of a viewer."""
    monkeypatch.setattr(visitors, "STRANGER_S", 3600.0)
    with connect(page, f"GET /?token={SESAME} HTTP/1.1\r\n".encode() + HOST + b"\r\n") as viewer:
        assert viewer.recv(100).startswith(b"HTTP/1.1 200")
        with dripping(page, 200) as strangers:
            assert_viewer_is_served(page)
            wait_until(lambda: sum(not is_closed(each) for each in strangers) <= visitors.MAX_FROM_ONE)
        while not viewer.recv(65536).endswith(b"</html>\n"):
            pass
        viewer.sendall(f"GET /?token={SESAME} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
        assert viewer.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "said", [b"", b"GET / HT", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\ntoken="]
)
def test_a_stranger_that_does_not_come_to_an_end_is_closed(page, monkeypatch, said: bytes):
    monkeypatch.setattr(visitors, "STRANGER_S", 0.3)
    with connect(page, said) as slow:
        wait_until(lambda: is_closed(slow))
    assert_viewer_is_served(page)


def test_a_stranger_that_sends_a_byte_now_and_then_is_closed_too(page, monkeypatch):
    monkeypatch.setattr(visitors, "STRANGER_S", 0.3)
    with connect(page, b"GET / HTTP/1.1\r\nX: ") as slow:

        def is_cut_off() -> bool:
            with suppress(OSError):
                slow.sendall(b"x")
            return is_closed(slow)

        wait_until(is_cut_off)


def test_a_wrong_token_is_answered_late_and_a_right_one_at_once(page, monkeypatch):
    monkeypatch.setattr(visitors, "FIRST_DELAY_S", 0.2)
    cookie = f"edgecls-{port_of(page)}={'0' * 64}".encode()
    guesses = [
        b"GET /?token=wrong-wrong-wrong-1 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nCookie: " + cookie + b"\r\n" + HOST + b"\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\ntoken=none",
    ]
    for guess in guesses:
        with connect(page, guess) as guesser:
            began_s = time.monotonic()
            assert_viewer_is_served(page)
            served_s = time.monotonic() - began_s
            assert served_s >= 0.2 or not guesser_is_answered(guesser)
            guesser.settimeout(60)
            assert guesser.recv(100).startswith(b"HTTP/1.1 401")
            assert time.monotonic() - began_s >= 0.15  # it began before the page saw the request


def guesser_is_answered(guesser: socket.socket) -> bool:
    guesser.settimeout(0)
    try:
        return guesser.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return False


def test_who_brings_no_token_is_asked_for_it_at_once(page, monkeypatch):
    monkeypatch.setattr(visitors, "FIRST_DELAY_S", 3600.0)
    assert get_from(page, "/").status == 401


def read_all(connection: socket.socket) -> bytes:
    taken = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            taken += part
    return taken


def test_of_many_requests_in_one_packet_a_stranger_gets_one_answer(page):
    with connect(page, (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * 100) as stranger:
        assert read_all(stranger).count(b"HTTP/1.1 401") <= 1
    assert_viewer_is_served(page)


def test_nor_does_it_get_more_where_there_is_no_token(monkeypatch):
    """The thread that answers the first request may be done before the others are read."""
    parse = channel.Parser.parse_header

    def slowly(self: channel.Parser, header_plus: bytes) -> None:
        parse(self, header_plus)
        time.sleep(0.002)

    monkeypatch.setattr(channel.Parser, "parse_header", slowly)
    page = PageSink("127.0.0.1:0")
    try:
        with connect(page, (b"GET /page.js HTTP/1.1\r\n" + HOST + b"\r\n") * 100) as stranger:
            assert read_all(stranger).count(b"HTTP/1.1 200") <= 1
    finally:
        page.close()


def test_a_stranger_must_connect_again_after_a_refusal_and_a_viewer_need_not(page):
    asked = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    with connect(page, asked) as stranger:
        assert b"\r\nConnection: close\r\n" in read_all(stranger)


@pytest.mark.parametrize(("lines", "status"), [(MAX_HEADER_LINES - 4, 200), (2000, 400)])
def test_thousands_of_header_lines_are_not_parsed(page, lines: int, status: int):
    head = f"GET /?token={SESAME} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + "a:\r\n" * lines
    assert send(port_of(page), f"{head}\r\n".encode()).status == status


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="needs the clock of a thread")
def test_a_flood_gets_its_share_of_a_core_and_no_more(page):
    """In processor time, so however busy this machine is; a viewer is served meanwhile."""
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "page")
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    ended = threading.Event()

    def flood() -> None:
        while not ended.is_set():
            with suppress(OSError), connect(page, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") as stranger:
                stranger.settimeout(0.05)
                stranger.recv(1)

    flooders = [threading.Thread(target=flood) for _ in range(4)]
    for flooder in flooders:
        flooder.start()
    try:
        used_s, began_s = time.clock_gettime(clock), time.monotonic()
        assert_viewer_is_served(page)
        while (elapsed_s := time.monotonic() - began_s) < 2.0:
            time.sleep(0.05)
        used_s = time.clock_gettime(clock) - used_s
    finally:
        ended.set()
        for flooder in flooders:
            flooder.join()
    share = visitors.STRANGERS_SHARE + visitors.ACCEPTING_SHARE
    for_the_viewer_s = 0.02
    assert used_s <= elapsed_s * share + 2 * visitors.BURST_S + for_the_viewer_s


def cpu_s(work: Callable[[], object]) -> float:
    """The least processor time of a few tries."""

    def once() -> float:
        before_s = time.thread_time()
        work()
        return time.thread_time() - before_s

    return min(once() for _ in range(5))


@pytest.mark.parametrize(
    "cookie",
    [
        'edgecls-8080="' + "\\1" * 7500,
        'edgecls-8080="' + '\\"' * 7500 + '"',
        "edgecls-8080=1; " * 950,
        ";" * 15_000,
        "=" * 15_000,
        "edgecls-8080" + " " * 15_000 + "=",
    ],
)
def test_no_cookie_costs_a_stranger_nothing_and_us_much(cookie: str):
    """CVE-2024-7592: Python's own parser takes a second for some of these."""
    control = AccessControl("127.0.0.1", 8080, SESAME)
    assert control.shown(cookie, cookie, "") != "right"
    assert cpu_s(lambda: control.shown(cookie, cookie, "")) < 0.01
    head = f"GET / HTTP/1.1\r\nCookie: {cookie}\r\n\r\n".encode()
    assert cpu_s(lambda: control.is_shown_in(head)) < 0.01


@pytest.mark.parametrize(
    ("head", "is_shown"),
    [
        ("GET /?token={token} HTTP/1.1\r\nHost: a\r\n\r\n", True),
        ("GET /live?viewer=a&token={token} HTTP/1.1\r\n", True),
        ("GET / HTTP/1.1\r\nHost: a\r\ncookie: a=b; {cookie}; c=d\r\n\r\n", True),
        ("GET / HTTP/1.1\r\nHost: a\r\nX-Cookie: {cookie}\r\n\r\n", False),
        ("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n", True),
        ("GET / HTTP/1.1\r\nHost: a\r\nauthorization:bearer  {token} \r\n", True),
        ("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {token}\r\n\r\n", False),
        ("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer\r\n\r\n", False),
        ("GET /?token=wrong HTTP/1.1\r\nHost: a\r\n\r\n", False),
        ("GET / HTTP/1.1\r\n\r\n", False),
        ("", False),
        ("\0\xff", False),
    ],
)
def test_the_token_is_found_in_the_first_bytes(head: str, is_shown: bool):
    control = AccessControl("127.0.0.1", 8080, SESAME)
    cookie = control.cookie[1].partition(";")[0]
    assert control.is_shown_in(head.format(token=SESAME, cookie=cookie).encode("latin-1")) == is_shown


def test_a_request_leaks_nothing(page):
    """Every kind of answer, from those who have the token and those who have not."""
    cookie = get_from(page, f"/?token={SESAME}").headers["set-cookie"].partition(";")[0]

    def ask_all() -> None:
        assert get_from(page, "/", Cookie=cookie).status == 200
        read_live(get_from(page, "/live?viewer=a", Cookie=cookie))
        assert get_from(page, "/leave?viewer=a", Cookie=cookie).status == 200
        assert get_from(page, "/nothing").status == 404
        assert get_from(page, "/").status == 401
        assert get_from(page, "/", Host="evil.example").status == 403

    ask_all()
    tracemalloc.start()
    try:
        ask_all()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(3):
            ask_all()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 18 * 5_000  # eighteen requests


def without_wall_clock(module: ModuleType, monkeypatch) -> ModuleType:
    """A copy of a module that fails where it asks for the wall clock."""

    def refuse() -> float:
        raise AssertionError("the wall clock decides")

    assert module.__file__
    spec = importlib.util.spec_from_file_location(f"{module.__name__}_copy", module.__file__)
    assert spec
    assert spec.loader
    copy = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, copy)
    monkeypatch.setattr(time, "time", refuse)
    spec.loader.exec_module(copy)
    return copy


def test_seats_and_places_go_by_the_monotonic_clock(monkeypatch):
    """Row 20: a wall clock that jumps neither frees a seat nor keeps one."""
    seats = without_wall_clock(app, monkeypatch).Seats(count=1, reserved_s=0.0)
    assert seats.acquire("a")
    seats.release("a")
    assert seats.acquire("b")
    copy = without_wall_clock(visitors, monkeypatch)
    copy.Budget(0.1).spend(0.1)
    copy.WrongTokens().hold(copy.Visitor("a", 0.0))


def test_a_wall_clock_that_jumps_closes_no_connection(page, monkeypatch):
    asked = f"GET /page.js?token={SESAME} HTTP/1.1\r\n".encode() + HOST + b"\r\n"
    with connect(page, asked) as viewer:
        assert viewer.recv(100).startswith(b"HTTP/1.1 200")
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 3600)
        for _ in range(2):  # the page looks around between them
            monkeypatch.setattr(visitors, "STRANGER_S", 0.3)
            with connect(page, b"G") as slow:
                wait_until(lambda: is_closed(slow))
        viewer.settimeout(0.2)
        with suppress(TimeoutError):
            while viewer.recv(65536):
                pass
        viewer.settimeout(60)
        viewer.sendall(asked)
        assert viewer.recv(100).startswith(b"HTTP/1.1 200")


def test_what_strangers_send_is_left_with_the_system_while_their_share_is_used_up(page, monkeypatch):
    server = page._server._server
    with connect(page, b"G") as stranger:
        wait_until(lambda: bool(server.active_channels))
        (channel,) = server.active_channels.values()
        monkeypatch.setattr(server, "budget", SimpleNamespace(pause_s=1.0, spend=lambda _: None))
        wait_until(lambda: server.is_paused)
        stranger.sendall(b"ET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert_viewer_is_served(page)
        assert channel.socket.recv(100, socket.MSG_PEEK).endswith(HOST + b"\r\n")


def test_a_page_without_a_token_serves_those_who_watch_beside_slow_ones(monkeypatch):
    page = PageSink("127.0.0.1:0")
    try:
        show(page)
        with dripping(page, 100):
            state, _ = read_live(get_from(page, "/live?viewer=a"))
        assert state["shot"]
    finally:
        page.close()
