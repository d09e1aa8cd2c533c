"""The page as a server, with raw requests: addresses, tokens, foreign hosts, broken or huge requests."""

import errno
import ipaddress
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.errors import BadConfiguration, PermissionRefused, Unavailable, UsageError
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.page.server import PageSink, ServeAddress, link, listen, parse_address
from edgecls.edge_runtime.prediction import Prediction
from tests.edge_runtime.page.conftest import Reply, get_from, port_of, send
from tests.fakes import FakeSink, FakeSource, answer, fake_classifier, frames, picture

SESAME = "sesame-open-12345"
ANYWHERE = "0.0.0.0"  # noqa: S104
EVIL = "</script><img src=x onerror=alert(1)>"


def show(page: PageSink, sequence: int = 1, label: str = "cat", value: int = 128) -> None:
    ranking = ((label, 0.9), ("dog", 0.1))
    page.write(answer(Frame(picture(value=value), sequence, time.monotonic()), Prediction(ranking, label)))


def read_live(reply: Reply) -> tuple[dict, bytes]:
    assert reply.status == 200
    line, _, jpeg = reply.content.partition(b"\n")
    return json.loads(line), jpeg


def test_the_loop_does_not_wait_for_those_who_watch(page):
    """The median of many frames, which are microseconds of work: no load of the machine makes it so long."""
    watching, done = threading.Event(), threading.Event()

    def watch() -> None:
        shot = 0
        while not done.is_set():
            state, _ = read_live(get_from(page, f"/live?viewer=a&shot={shot}"))
            shot = (state["shot"] or {"number": 0})["number"]
            watching.set()

    class StaysOpen(FakeSink):
        def write(self, answer: Answer) -> None:
            page.write(answer)

    def moments() -> Iterator[Frame]:
        yield from frames(1)
        while not watching.wait(0.05):
            assert viewer.is_alive()
        for frame in frames(200):
            began_s.append(time.perf_counter())
            yield frame
        began_s.append(time.perf_counter())

    began_s: list[float] = []
    viewer = threading.Thread(target=watch)
    viewer.start()
    try:
        Loop(fake_classifier((0.9, 0.06, 0.04)), [StaysOpen()]).run(FakeSource(moments()))
    finally:
        done.set()
        show(page)  # ends its wait
        viewer.join()
    assert median(after - before for before, after in pairwise(began_s)) < 0.01


def test_the_page_comes_with_all_its_files_and_none_of_others(get):
    page = get("/").content.decode()
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert named
    for path in named:
        assert not path.startswith(("/", "http")), "a proxy may show the page below a path of its own"
        assert get(f"/{path}").status == 200
    for path in Path(__file__).parents[3].glob("edge_runtime/page/*.*"):
        if path.suffix in (".html", ".js", ".css"):
            assert not re.search(r"https?://(?!www\.w3\.org)|//cdn", path.read_text())


def test_an_answer_comes_with_the_picture_it_is_about(page, get):
    show(page, label="cat", value=200)
    page.event(Event("opened", "opened camera"))
    state, jpeg = read_live(get("/live?viewer=a"))
    assert state["shot"]["label"] == "cat"
    assert state["shot"]["ranking"] == [["cat", 0.9], ["dog", 0.1]]
    assert [event["text"] for event in state["events"]] == ["opened camera"]
    assert decode(jpeg, "page").mean() == pytest.approx(200, abs=2)


def test_a_viewer_who_has_seen_it_gets_only_what_is_new(page, get):
    show(page)
    page.event(Event("opened", "first"))
    state, _ = read_live(get("/live?viewer=a"))
    page.event(Event("stalled", "second"))
    state, jpeg = read_live(get(f"/live?viewer=a&run={state['run']}&shot=1&event=1"))
    assert state["shot"] is None
    assert jpeg == b""
    assert [event["text"] for event in state["events"]] == ["second"]


def test_numbers_of_a_run_before_mean_nothing(page, get):
    show(page)
    state, _ = read_live(get("/live?viewer=a&run=before&shot=99&event=99"))
    assert state["shot"]["number"] == 1


@pytest.mark.parametrize("query", ["", "?viewer=", "?viewer=a&shot=x", f"?viewer={'a' * 41}"])
def test_what_our_page_does_not_ask_is_a_bad_request(get, query):
    assert get(f"/live{query}").status == 400


def test_the_fifth_viewer_is_told_to_wait(page, get):
    show(page)
    assert [get(f"/live?viewer={viewer}").status for viewer in "abcde"] == [200] * 4 + [503]
    assert get("/leave?viewer=b").status == 200
    assert get("/live?viewer=e").status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80"])
def test_a_foreign_host_is_refused(get, host):
    for target in ("/", "/live?viewer=a", "/nothing"):
        assert get(target, Host=host).status == 403


def test_a_request_without_a_host_is_refused(page):
    assert send(port_of(page), b"GET / HTTP/1.0\r\n\r\n").status in (400, 403)


@pytest.mark.parametrize(
    "target",
    [
        "/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/page.html",
        "/sink.py",
        "/..%5csink.py",
        "/page.css/",
    ],
)
def test_no_other_path_exists(get, target):
    assert get(target).status == 404


def test_a_header_of_a_megabyte_is_too_large_and_the_server_lives(page, get):
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n"
    assert send(port_of(page), request).status == 431
    assert get("/").status == 200


@pytest.mark.parametrize(
    "request_bytes", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET\r\n\r\n"]
)
def test_what_is_not_http_is_a_bad_request_and_the_server_lives(page, get, request_bytes):
    assert send(port_of(page), request_bytes).status == 400
    assert get("/").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_reading_is_allowed(get, method):
    reply = get("/", method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_its_content(get):
    assert (get("/", "HEAD").headers["content-length"], get("/", "HEAD").content) == (
        str(len(get("/").content)),
        b"",
    )


@pytest.mark.parametrize("target", ["/", "/page.js", "/nothing", "/live?viewer=a"])
def test_every_reply_forbids_what_we_do_not_need(page, get, target):
    show(page)  # a viewer would wait for it
    headers = get(target).headers
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_a_label_is_never_markup(page, get):
    show(page, label=EVIL)
    reply = get("/live?viewer=a")
    state, _ = read_live(reply)
    assert state["shot"]["label"] == EVIL
    assert reply.headers["content-type"] == "application/octet-stream"


def test_another_site_cannot_take_pictures(get):
    assert get("/live?viewer=a", Sec_Fetch_Site="cross-site").status == 403


def test_a_browser_without_the_token_is_asked_for_it():
    page = PageSink("127.0.0.1:0", SESAME)
    html = {"Accept": "text/html,application/xhtml+xml"}
    try:
        asked = get_from(page, "/", **html)
        assert (asked.status, asked.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert b'<form method="post" action="./">' in asked.content
        assert "form-action 'self'" in asked.headers["content-security-policy"]
        assert b"not the token" not in asked.content
        for target, headers in (("/", {}), ("/live?viewer=a", html), ("/page.js", html)):
            reply = get_from(page, target, **headers)
            assert (reply.status, reply.headers["content-type"]) == (401, "text/plain; charset=utf-8")
        wrong = log_in(page, "wrong-token-1", **html)
        assert (wrong.status, b"not the token" in wrong.content) == (401, True)
        right = log_in(page, SESAME, **html)
        assert (right.status, right.headers["location"]) == (303, "./")
        cookie = right.headers["set-cookie"].partition(";")[0]
        assert get_from(page, "/", Cookie=cookie).status == 200
        assert SESAME not in f"{right.headers} {right.content}"
    finally:
        page.close()


def test_a_form_that_is_too_long_or_not_for_us_is_refused():
    page = PageSink("127.0.0.1:0", SESAME)
    try:
        assert log_in(page, "x" * 5000).status == 413
        assert log_in(page, SESAME, target="/live").status == 405
        assert log_in(page, SESAME, Origin="https://evil.example").status == 403
        assert log_in(page, SESAME, Host="evil.example").status == 403
    finally:
        page.close()


def test_another_name_is_served_where_it_was_given():
    page = PageSink("127.0.0.1:0", names="cam.example.com")
    try:
        assert get_from(page, "/", Host="cam.example.com").status == 200
        assert get_from(page, "/", Host="evil.example").status == 403
    finally:
        page.close()


def log_in(page: PageSink, token: str, target: str = "/", **headers: str) -> Reply:
    """Sends the form."""
    form = f"token={token}".encode()
    lines = {
        "Host": f"127.0.0.1:{port_of(page)}",
        "Connection": "close",
        "Content-Length": str(len(form)),
    } | {"Content-Type": "application/x-www-form-urlencoded", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return send(port_of(page), f"POST {target} HTTP/1.1\r\n{head}\r\n".encode() + form)


def test_beyond_loopback_a_token_is_needed():
    with pytest.raises(BadConfiguration, match="--token"):
        PageSink("0.0.0.0:0")


def test_with_a_token_only_those_who_know_it_get_in():
    page = PageSink("127.0.0.1:0", SESAME)
    try:
        show(page)  # a viewer would wait for it
        for target in ("/", "/page.js", "/live?viewer=a", "/?token=wrong"):
            assert get_from(page, target).status == 401
        assert get_from(page, "/nothing").status == 404
        welcome = get_from(page, f"/?token={SESAME}")
        assert welcome.status == 200
        cookie = welcome.headers["set-cookie"].partition(";")[0]
        assert get_from(page, "/live?viewer=a", Cookie=cookie).status == 200
        assert SESAME in page.link_with_token
        assert SESAME not in page.link
    finally:
        page.close()


def test_a_program_may_bring_the_token_as_a_bearer():
    """As Prometheus does; it gets no cookie, and a proxy's own scheme is no guess at our token."""
    token = "a+b%20c/d=~12345"  # noqa: S105 - signs that mean something else in an address
    page = PageSink("127.0.0.1:0", token)
    try:
        show(page)  # a viewer would wait for it
        let_in = get_from(page, "/live?viewer=a", Authorization=f"Bearer {token}")
        assert (let_in.status, let_in.headers.get("set-cookie")) == (200, None)
        for authorization in ("Bearer wrong-wrong-wrong-1", "Bearer", f"Basic {token}", f"Bearer {token}x"):
            assert get_from(page, "/live?viewer=a", Authorization=authorization).status == 401
        foreign = get_from(page, "/", Host="evil.example", Authorization=f"Bearer {token}")
        assert foreign.status == 403
    finally:
        page.close()


def test_a_page_on_a_port_in_use_is_refused(page):
    port = port_of(page)
    with pytest.raises(Unavailable, match=f"port {port} is in use"):
        PageSink(f":{port}")


def wait_for_event(page: PageSink, events: list[Event], count: int) -> None:
    deadline_s = time.monotonic() + 60
    while len(events) < count:
        assert time.monotonic() < deadline_s, "no event came"
        page.idle()  # the loop's thread, in which events are told
        time.sleep(0.02)


def test_a_page_that_keeps_trying_comes_up_when_its_port_is_free():
    """Row 49."""
    events: list[Event] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        page = PageSink(f":{port}", keeps_trying=True, on_event=events.append)
        assert page.link == ""
        assert events == []  # not in the middle of the start
        wait_for_event(page, events, 1)
    try:
        wait_for_event(page, events, 2)
        assert [(event.kind, event.text) for event in events] == [
            ("output_failed", f"page: port {port} is in use; trying again in 1 s"),
            ("output_works", f"page: http://127.0.0.1:{port}/"),
        ]
        assert get_from(page, "/").status == 200
    finally:
        page.close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_a_page_at_an_address_that_is_not_there_yet_keeps_trying_and_closes_at_once(host, within):
    events: list[Event] = []
    page = PageSink(f"{host}:0", SESAME, keeps_trying=True, on_event=events.append)
    wait_for_event(page, events, 1)
    assert host in events[0].text
    opening = [thread for thread in threading.enumerate() if thread.name == "page opening"]
    with within(3):
        page.close()
    for thread in opening:
        thread.join(60)
        assert not thread.is_alive()


def test_a_name_that_turns_out_to_be_everybodys_is_not_served_without_a_token(monkeypatch):
    found = [socket.gaierror(-3, "not yet"), [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ANYWHERE, 0))]]

    def resolve(*_: object, **__: object):
        result = found[0] if len(found) == 1 else found.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    events: list[Event] = []
    page = PageSink("later.example:0", keeps_trying=True, on_event=events.append)
    wait_for_event(page, events, 2)
    assert "anyone on the network could watch" in events[1].text
    assert page.link == ""
    page.close()


@pytest.mark.parametrize("keeps_trying", [True, False])
def test_a_name_that_takes_long_to_resolve_does_not_hold_up_a_request_to_stop(
    monkeypatch, within, keeps_trying: bool
):
    may_answer, stop = threading.Event(), StopRequest()

    def resolve(*_: object, **__: object):
        may_answer.wait(60)
        raise socket.gaierror(-3, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    stop.request()
    with within(3):
        page = PageSink("slow.example:0", keeps_trying=keeps_trying, stop=stop)
        page.close()
    may_answer.set()
    assert page.link == ""


def test_what_waiting_cannot_help_is_an_error_at_once_also_where_it_keeps_trying():
    with pytest.raises(BadConfiguration, match="--token"):
        PageSink(f"{ANYWHERE}:0", keeps_trying=True)


def test_closing_frees_the_port_at_once_even_while_somebody_watches(page, within):
    port = port_of(page)
    with socket.create_connection(("127.0.0.1", port)) as viewer:
        viewer.sendall(b"GET /live?viewer=a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with within(3):
            page.close()
    page.close()
    PageSink(f"127.0.0.1:{port}").close()
    started_s = time.monotonic()
    assert page._live.shot_after(0, 300) is None  # nobody waits for a picture any more
    assert time.monotonic() - started_s < 100


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        (":9000", "127.0.0.1", 9000),
        ("9000", "127.0.0.1", 9000),
        ("65535", "127.0.0.1", 65535),
        ("localhost", "localhost", 8080),
        (f"{ANYWHERE}:80", ANYWHERE, 80),
        ("[::1]:9000", "::1", 9000),
        ("raspberrypi.local:0", "raspberrypi.local", 0),
    ],
)
def test_an_address_is_read(text, host, port):
    assert parse_address(text) == ServeAddress(host, port)


@pytest.mark.parametrize("text", ["a:b", "::1", "http://host:80", "a b:80", "٣٣"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match="not HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize("text", ["host:65536", "99999", "[::1]:700000"])
def test_a_port_that_is_too_large_is_named_as_it_was_typed(text):
    with pytest.raises(UsageError, match=f"^--serve {re.escape(text)}: ports end at 65535; write"):
        parse_address(text)


@pytest.mark.parametrize("host", [ANYWHERE, "::", "192.0.2.1"])
def test_beyond_this_machine_only_with_a_token(host):
    with pytest.raises(BadConfiguration, match=r"set EDGECLS_TOKEN \(or --token\)"):
        listen(ServeAddress(host, 0), has_token=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.7"])
def test_this_machine_needs_none(host):
    listen(ServeAddress(host, 0), has_token=False).close()


def test_a_port_that_is_roots_alone_is_named(monkeypatch):
    class NotRoots(socket.socket):
        def bind(self, _: object) -> None:
            raise PermissionError(errno.EACCES, "")

    monkeypatch.setattr(socket, "socket", NotRoots)
    with pytest.raises(PermissionRefused, match="port 80: permission denied; choose one above 1023"):
        listen(ServeAddress("127.0.0.1", 80), has_token=False)


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            Unavailable, match=f"^port {port} is in use; choose another with --serve HOST:PORT$"
        ):
            listen(ServeAddress("127.0.0.1", port), has_token=False)


@pytest.mark.parametrize(
    ("host", "kind"),
    [("nowhere.invalid", Unavailable), ("192.0.2.1", Unavailable), ("a" * 70, BadConfiguration)],
)
def test_an_address_that_is_not_ours_is_named(host, kind):
    with pytest.raises(kind, match=f"{host}.*of this machine"):
        listen(ServeAddress(host, 0), has_token=True)


def test_a_connection_that_takes_nothing_is_closed_by_the_system():
    with (
        listen(ServeAddress("127.0.0.1", 0), has_token=False) as listening,
        socket.create_connection(listening.getsockname()),
    ):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000


def test_the_link_has_this_machines_address_and_carries_the_token():
    where = ServeAddress(ANYWHERE, 0)
    with listen(where, has_token=True) as listening:
        port = listening.getsockname()[1]
        machine, rest = link(listening, where, "a&b=c/d12").removeprefix("http://").split(":", 1)
        assert rest == f"{port}/?token=a%26b%3Dc%2Fd12"
        if machine != f"{socket.gethostname()}.local":  # that is what there is without a network
            assert not ipaddress.ip_address(machine).is_unspecified
