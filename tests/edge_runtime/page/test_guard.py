"""Who may ask for what."""

import socket
from urllib.parse import quote

import pytest
from edgecls.edge_runtime.errors import BadConfiguration
from edgecls.edge_runtime.page.guard import Guard, checked_token

SESAME = "sesame-open-12"
ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound here


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
    assert Guard("camera.lan", 8080).refusal(request(host)) is None


def test_the_name_of_this_machine_is_ours():
    name = socket.gethostname()
    for host in (name, f"{name.partition('.')[0]}.local:8080"):
        assert Guard(ANYWHERE, 8080).refusal(request(host)) is None


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
    refusal = Guard("127.0.0.1", 8080).refusal(request(host))
    assert refusal
    assert refusal.status == "403 Forbidden"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_only_reading_is_allowed(method):
    refusal = Guard("127.0.0.1", 8080).refusal(request(method=method))
    assert refusal
    assert refusal.status == "405 Method Not Allowed"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_link_to_the_page_and_read_nothing(site):
    guard = Guard("127.0.0.1", 8080)
    asked = request(sec_fetch_site=site)
    assert guard.refusal_of_content(asked, is_document=True) is None
    refusal = guard.refusal_of_content(asked, is_document=False)
    assert refusal
    assert refusal.status == "403 Forbidden"


def test_the_token_lets_in_and_its_cookie_does_from_then_on():
    guard = Guard(ANYWHERE, 8080, SESAME)
    assert guard.refusal_of_content(request(query=f"token={quote(SESAME)}"), is_document=True) is None
    cookie = guard.cookie[1].partition(";")[0]
    assert SESAME not in cookie
    restarted = Guard(ANYWHERE, 8080, SESAME)
    assert restarted.refusal_of_content(request(cookie=f"other=1; {cookie}"), is_document=False) is None


@pytest.mark.parametrize(
    ("query", "cookie"),
    [("", ""), ("token=", ""), ("token=wrong", ""), ("", "edgecls-8080="), ("", f"edgecls-8080={SESAME}"),
     ("token=%FF%FE", "edgecls-8080=\xff")],
)  # fmt: skip
def test_without_either_nobody_gets_in(query, cookie):
    refusal = Guard(ANYWHERE, 8080, SESAME).refusal_of_content(
        request(query=query, cookie=cookie), is_document=True
    )
    assert refusal
    assert refusal.status == "401 Unauthorized"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites():
    name, value = Guard(ANYWHERE, 8080, SESAME).cookie
    assert name == "Set-Cookie"
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(value.split("; "))


@pytest.mark.parametrize("token", ["", "short", "with space 1", "umlaut-ä-1234", "line\nfeed12"])
def test_a_weak_or_awkward_token_is_refused(token):
    with pytest.raises(BadConfiguration, match="--token"):
        checked_token(token)
