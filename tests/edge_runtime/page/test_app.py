"""Who may open the page, and how many viewers at a time."""

import socket
from urllib.parse import quote

import pytest

from edgecls.edge_runtime.errors import BadConfiguration, UsageError
from edgecls.edge_runtime.page.access import AccessControl, checked_token, parse_names
from edgecls.edge_runtime.page.app import Seats
from tests.fakes import Clock


def ask(seats: Seats, viewer: str) -> bool:
    """A whole request."""
    given = seats.acquire(viewer)
    if given:
        seats.release(viewer)
    return given


def test_four_are_served_and_the_fifth_waits():
    seats = Seats()
    assert [ask(seats, viewer) for viewer in "abcde"] == [True] * 4 + [False]
    assert [ask(seats, viewer) for viewer in "abcde"] == [True] * 4 + [False]


def test_who_left_makes_room_after_a_while():
    clock = Clock()
    seats = Seats(count=2, reserved_s=15, clock=clock)
    assert ask(seats, "stays")
    assert ask(seats, "leaves")
    clock.now_s += 14
    assert ask(seats, "stays")
    assert not ask(seats, "new")
    clock.now_s += 1
    assert ask(seats, "new")
    assert not ask(seats, "leaves")


def test_nobody_loses_a_place_that_no_one_wants():
    clock = Clock()
    seats = Seats(count=2, reserved_s=15, clock=clock)
    ask(seats, "a")
    clock.now_s += 1000
    assert ask(seats, "a")


def test_who_says_goodbye_makes_room_at_once():
    seats = Seats(count=1)
    assert seats.acquire("a")
    seats.leave("a")
    assert seats.acquire("b")
    seats.release("a")  # its request ends after it said so
    seats.release("b")
    assert not seats.acquire("a")


def test_a_request_under_way_keeps_its_place_and_is_the_only_one():
    clock = Clock()
    seats = Seats(count=1, reserved_s=15, clock=clock)
    assert seats.acquire("a")
    assert not seats.acquire("a")
    clock.now_s += 1000
    assert not seats.acquire("b")
    seats.release("a")
    assert seats.acquire("a")


SESAME = "sesame-open-12345"
ANYWHERE = "0.0.0.0"  # noqa: S104


def request(host: str = "127.0.0.1:8080", method: str = "GET", query: str = "", **headers: str) -> dict:
    values = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return {"HTTP_HOST": host, "REQUEST_METHOD": method, "QUERY_STRING": query} | values


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8080",
        "localhost",
        "LOCALHOST:8080",
        "localhost.:8080",
        "[::1]:8080",
        "192.168.1.7",
        "camera.lan:8080",
    ],
)
def test_our_names_and_addresses_are_served(host):
    assert AccessControl("camera.lan", 8080).check_request(request(host)) is None


def test_the_name_of_this_machine_is_ours():
    name = socket.gethostname()
    for host in (name, f"{name.partition('.')[0]}.local:8080"):
        assert AccessControl(ANYWHERE, 8080).check_request(request(host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "a:b:c",
        "[evil]:80",
        "evil:8080x",
    ],
)
def test_a_foreign_name_is_refused(host):
    refusal = AccessControl("127.0.0.1", 8080).check_request(request(host))
    assert refusal
    assert refusal.status == "403 Forbidden"
    assert not refusal.is_wrong_token  # nobody guesses here


@pytest.mark.parametrize("host", ["cam.example.com", "Door.LAN:8080", "cam.example.com.:443"])
def test_a_name_that_was_given_is_ours(host):
    assert AccessControl("127.0.0.1", 8080).check_request(request(host))
    names = parse_names("cam.example.com, door.lan")
    assert AccessControl("127.0.0.1", 8080, names=names).check_request(request(host)) is None
    assert AccessControl("127.0.0.1", 8080, names=names).check_request(request("evil.example"))


@pytest.mark.parametrize(
    "text", ["https://cam.example.com", "cam.example.com:443", "*.lan", "a b", "a,,b", "-x"]
)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(UsageError, match="--serve-name: not a host name"):
        parse_names(text)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"sec_fetch_site": "same-origin", "origin": "null"}, None),
        ({"origin": "http://127.0.0.1:8080"}, None),
        ({"origin": "https://cam.example.com"}, None),  # through a proxy that passes no Host
        ({"origin": "https://evil.example"}, "403 Forbidden"),
        ({"origin": "null"}, "403 Forbidden"),
        ({"sec_fetch_site": "cross-site"}, "403 Forbidden"),
    ],
)
def test_only_our_own_form_logs_in(headers, status):
    access = AccessControl("127.0.0.1", 8080, SESAME, ["cam.example.com"])
    asked = request(method="POST", **headers) | {"PATH_INFO": "/"}
    assert access.check_request(asked) is None
    refusal = access.check_login(asked, f"token={quote(SESAME)}".encode())
    assert (refusal and refusal.status) == status
    wrong = access.check_login(asked, b"token=wrong")
    assert wrong
    assert wrong.status == (status or "401 Unauthorized")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_only_reading_is_allowed(method):
    refusal = AccessControl("127.0.0.1", 8080).check_request(request(method=method))
    assert refusal
    assert refusal.status == "405 Method Not Allowed"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_link_to_the_page_and_read_nothing(site):
    access = AccessControl("127.0.0.1", 8080)
    asked = request(sec_fetch_site=site)
    assert access.check_content(asked, is_document=True) is None
    refusal = access.check_content(asked, is_document=False)
    assert refusal
    assert refusal.status == "403 Forbidden"


def test_the_token_lets_in_and_its_cookie_does_from_then_on():
    access = AccessControl(ANYWHERE, 8080, SESAME)
    assert access.check_content(request(query=f"token={quote(SESAME)}"), is_document=True) is None
    cookie = access.cookie[1].partition(";")[0]
    assert SESAME not in cookie
    restarted = AccessControl(ANYWHERE, 8080, SESAME)
    assert restarted.check_content(request(cookie=f"other=1; {cookie}"), is_document=False) is None


@pytest.mark.parametrize(
    ("query", "cookie"),
    [("", ""), ("token=", ""), ("token=wrong", ""), ("", "edgecls-8080="), ("", f"edgecls-8080={SESAME}"),
     ("token=%FF%FE", "edgecls-8080=\xff")],
)  # fmt: skip
def test_without_either_nobody_gets_in(query, cookie):
    refusal = AccessControl(ANYWHERE, 8080, SESAME).check_content(
        request(query=query, cookie=cookie), is_document=True
    )
    assert refusal
    assert refusal.status == "401 Unauthorized"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites():
    name, value = AccessControl(ANYWHERE, 8080, SESAME).cookie
    assert name == "Set-Cookie"
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(value.split("; "))


@pytest.mark.parametrize(
    "token", ["", "x" * 15, "with a space 12345", "umlaut-ä-12345678", "line\nfeed-1234567890"]
)
def test_a_weak_or_awkward_token_is_refused_with_one_to_use(token):
    made = set()
    for _ in range(2):
        with pytest.raises(BadConfiguration, match="--token: needs at least 16 letters") as refused:
            checked_token(token)
        made.add(checked_token(str(refused.value).rpartition(" ")[2]))
    assert len(made) == 2
    assert checked_token("x" * 16)
