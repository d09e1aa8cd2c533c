"""Where the page is served."""

import ipaddress
import socket

import pytest
from edgecls.edge_runtime.errors import BadConfiguration, UsageError
from edgecls.edge_runtime.page.address import ServeAddress, link, listen, parse_address

ANYWHERE = "0.0.0.0"  # noqa: S104 - what these tests are about


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        (":9000", "127.0.0.1", 9000),
        ("9000", "127.0.0.1", 9000),
        ("localhost", "localhost", 8080),
        (f"{ANYWHERE}:80", ANYWHERE, 80),
        ("[::1]:9000", "::1", 9000),
        ("raspberrypi.local:0", "raspberrypi.local", 0),
    ],
)
def test_an_address_is_read(text, host, port):
    assert parse_address(text) == ServeAddress(host, port)


@pytest.mark.parametrize("text", ["a:b", "::1", "host:65536", "http://host:80", "a b:80", "٣٣"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match="not HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize("host", [ANYWHERE, "::", "192.0.2.1"])
def test_beyond_this_machine_only_with_a_token(host):
    with pytest.raises(BadConfiguration, match="add --token"):
        listen(ServeAddress(host, 0), has_token=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.7"])
def test_this_machine_needs_none(host):
    listen(ServeAddress(host, 0), has_token=False).close()


def test_a_port_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            BadConfiguration, match=f"^port {port} is in use; choose another with --serve HOST:PORT$"
        ):
            listen(ServeAddress("127.0.0.1", port), has_token=False)


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "a" * 70])
def test_an_address_that_is_not_ours_is_named(host):
    with pytest.raises(BadConfiguration, match=f"{host}.*of this machine"):
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
