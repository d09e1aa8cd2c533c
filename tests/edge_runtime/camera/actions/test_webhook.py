"""Webhooks: what is posted, what another attempt follows, and what a server cannot do."""

import base64
import hashlib
import hmac
import json
import runpy
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.actions.announced import Announced
from edgecls.edge_runtime.camera.actions.rules import WebhookAction
from edgecls.edge_runtime.camera.actions.webhook import Webhook, signature, webhook_secret
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.outputs.destination import Carrying, Refused
from edgecls.edge_runtime.errors import BadConfiguration, Unavailable
from edgecls.edge_runtime.images.opencv import cv2
from tests.certificates import server_tls

SECRET = b"0123456789abcdef"


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted to it, and answers with the server's `status`."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers, body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hook(status: int = 200) -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.status, server.got = status, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def event(**changes) -> Announced:
    return Announced(7, "ab12", "cup", None, 0.93, 42, "nano", "csi", **changes)


def post(port: int, announced: Announced | None = None, login: str = "", **settings) -> None:
    action = WebhookAction(f"http://{login}127.0.0.1:{port}/hook?channel=1", 5.0, **settings)
    webhook = Webhook("any webhook:http://127.0.0.1", action, SECRET, wall_clock=lambda: 1767225600.5)
    webhook.deliver(announced or event(), Carrying(0.0))


def test_an_event_is_posted_signed_and_with_basic_authentication():
    with hook() as server:
        post(server.server_port, login="me:p%40ss@")
    ((path, headers, body),) = server.got
    assert path == "/hook?channel=1"
    assert json.loads(body)["label"] == "cup"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Edgecls-Event"] == "ab12-7"
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert headers["X-Edgecls-Timestamp"] == "1767225600"
    mac = hmac.new(SECRET, b"1767225600." + body, hashlib.sha256).hexdigest()
    assert headers["X-Edgecls-Signature"] == f"sha256={mac}" == signature(SECRET, "1767225600", body)


@pytest.mark.parametrize("kind", ["jpeg", "pixels", "turned", "damaged", "none any more"])
def test_the_picture_goes_with_it(kind):
    pixels = np.full((48, 64, 3), 128, np.uint8)
    jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
    frame = {
        "jpeg": Frame(jpeg, 1, 0.0),
        "pixels": Frame(pixels, 1, 0.0),
        "turned": Frame(jpeg, 1, 0.0, transform=lambda found: np.rot90(found).copy()),
        "damaged": Frame(b"\xff\xd8\xff", 1, 0.0, transform=lambda found: found),
        "none any more": None,
    }[kind]
    with hook() as server:
        post(server.server_port, event(frame=frame), picture=True)
        post(server.server_port, event(frame=frame))
    with_picture, without = (json.loads(body) for _, _, body in server.got)
    assert "picture_jpeg" not in without
    found = with_picture["picture_jpeg"]
    if kind in ("damaged", "none any more"):
        assert found is None
    else:
        shape = cv2.imdecode(np.frombuffer(base64.b64decode(found), np.uint8), 1).shape
        assert shape == ((64, 48, 3) if kind == "turned" else (48, 64, 3))


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_fault_of_the_server_is_worth_another_attempt(status):
    with hook(status) as server, pytest.raises(Unavailable, match=f"HTTP status {status}"):
        post(server.server_port)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 410])
def test_a_refusal_is_final_and_no_redirection_is_followed(status):
    with hook(status) as server, pytest.raises(Refused, match=f"HTTP status {status}"):
        post(server.server_port)
    assert len(server.got) == 1


def test_a_host_that_is_away_or_unknown_is_no_refusal():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match=r"any webhook:.*: connection refused"):
            post(taken.getsockname()[1])
    action = WebhookAction("http://nowhere.invalid/s3cret")
    with pytest.raises(Unavailable) as failed:
        Webhook("cup webhook:http://nowhere.invalid", action).deliver(event(), Carrying(0.0))
    assert "s3cret" not in str(failed.value)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2"], ids=["silent", "unfinished"])
def test_a_server_that_hangs_can_be_interrupted(answer):
    attempt = Carrying(0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection = server.accept()[0]
            with connection:
                connection.recv(100)
                connection.sendall(answer)
                attempt.interrupt()
                while connection.recv(1000):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(Unavailable, match="no answer in 600 s"):
            Webhook("hook", WebhookAction(url, 600.0)).deliver(event(), attempt)
        thread.join(60)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path):
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.status, server.got = 200, []
    server.socket = server_tls(tmp_path).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    webhook = Webhook("hook", WebhookAction(f"https://127.0.0.1:{server.server_port}/", 5.0))
    with pytest.raises(Unavailable, match="hook: certificate not trusted: self-signed certificate"):
        webhook.deliver(event(), Carrying(0.0))
    server.shutdown()
    server.server_close()
    assert server.got == []


def test_the_receiver_of_the_guide_believes_what_is_signed_and_nothing_else(monkeypatch):
    monkeypatch.setenv("EDGECLS_WEBHOOK_SECRET", SECRET.decode())
    receiver = runpy.run_path(str(Path(__file__).parents[4] / "docs/examples/webhook_receiver.py"))
    now = str(int(time.time()))
    signed = {"X-Edgecls-Timestamp": now, "X-Edgecls-Signature": signature(SECRET, now, b"{}")}
    is_genuine = receiver["is_genuine"]
    assert is_genuine(signed, b"{}")
    assert not is_genuine(signed, b"[]")
    assert not is_genuine({}, b"{}")
    old = str(int(time.time()) - 1000)
    repeated = {"X-Edgecls-Timestamp": old, "X-Edgecls-Signature": signature(SECRET, old, b"{}")}
    assert not is_genuine(repeated, b"{}")
    assert not is_genuine(signed | {"X-Edgecls-Timestamp": str(int(now) + 1)}, b"{}")


def test_a_secret_that_is_easy_to_guess_is_refused(monkeypatch):
    monkeypatch.delenv("EDGECLS_WEBHOOK_SECRET", raising=False)
    assert webhook_secret() == b""
    for empty in ("", " "):
        monkeypatch.setenv("EDGECLS_WEBHOOK_SECRET", empty)
        with pytest.raises(BadConfiguration, match="empty; give it the secret, or unset it"):
            webhook_secret()
    monkeypatch.setenv("EDGECLS_WEBHOOK_SECRET", "door")
    with pytest.raises(BadConfiguration, match="too short; take at least 16 characters"):
        webhook_secret()
