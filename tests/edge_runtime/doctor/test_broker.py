"""The broker of `camera --mqtt`: what the doctor finds wrong with it, and how to fix it."""

import socket
from pathlib import Path

from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.doctor.broker import check_broker
from edgecls.edge_runtime.doctor.finding import Level
from tests.mosquitto import needs_mosquitto, running


def test_a_broker_that_is_not_there(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"mqtt://127.0.0.1:{server.getsockname()[1]}/a"
    found = check_broker(CameraOptions(mqtt=url), tmp_path)
    assert found.what == f"{url.removesuffix('/a')}: connection refused"
    assert found.command == "sudo apt install -y mosquitto"
    program = tmp_path / "usr/sbin/mosquitto"
    program.parent.mkdir(parents=True)
    program.touch()
    assert check_broker(CameraOptions(mqtt=url), tmp_path).command == "sudo systemctl start mosquitto"
    assert "no control characters" in check_broker(CameraOptions(mqtt=f"{url}/+"), tmp_path).what


@needs_mosquitto
def test_a_broker_that_lets_us_in_or_not(tmp_path, monkeypatch):
    with running(tmp_path) as mosquitto:
        assert check_broker(CameraOptions(mqtt=mosquitto.url), Path("/")).level is Level.OK
    passwords = tmp_path / "passwords"
    passwords.touch()
    with running(tmp_path, f"password_file {passwords}") as mosquitto:
        monkeypatch.setenv("EDGECLS_MQTT_PASSWORD", "s3cret")
        found = check_broker(CameraOptions(mqtt=mosquitto.url.replace("://", "://me@")), Path("/"))
    assert "wrong user or password" in found.what
    assert "EDGECLS_MQTT_PASSWORD" in found.advice
    assert "s3cret" not in found.what + found.advice
