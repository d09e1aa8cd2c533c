"""`edgecls camera --mqtt` and `edgecls mqtt remove`, from start to end, and what is refused at the start."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgecls.cli.typed_secrets import exposed_secrets, shown_arguments
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.service.plan import plan_service
from tests.mosquitto import Subscriber, needs_mosquitto, retained, running

DEMO = ("camera", "--source", "demo", "--model", "nano", "--headless")
BASE = "edgecls/door"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--mqtt", "host"), 2, "--mqtt host: not a broker's address"),
        (("--mqtt", "mqtt://h/a/+/b"), 2, "--mqtt mqtt://h/a/+/b: a topic has no +"),
        (("--mqtt", "mqtts://h/a", "--mqtt-ca-file", "nope.pem"), 66, "nope.pem: "),
        (("--mqtt-commands",), 2, "--mqtt-commands: has no effect without --mqtt; add it"),
        (("--mqtt-password-file", "nope"), 2, "--mqtt-password-file"),
        (("--mqtt", "mqtt://me@h/a", "--mqtt-password-file", "nope"), 66, "nope: "),
    ],
)
def test_what_cannot_work_ends_at_the_start_with_one_line(run_here, tmp_path, words, code, said):
    done = run_here(*DEMO, *words, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert done.stderr.startswith(f"edgecls: error: {said}")


def test_a_password_on_the_command_line_is_warned_of_and_hidden(monkeypatch, run_here, tmp_path):
    words = ["camera", "--mqtt", "mqtt://me:s3cret@host/a"]
    monkeypatch.setattr(sys, "argv", ["edgecls", *words])
    assert exposed_secrets().startswith("the broker's password on the command line ")
    assert exposed_secrets().endswith("set EDGECLS_MQTT_PASSWORD, or use --config FILE")
    assert shown_arguments(words) == ["camera", "--mqtt", "mqtt://me:***@host/a"]
    assert shown_arguments(["mqtt", "remove", "mqtt://me:s@h/a"]) == ["mqtt", "remove", "mqtt://me:***@h/a"]
    plain = ["camera", "--mqtt=mqtt://me@host/a"]
    assert shown_arguments(plain) == plain
    monkeypatch.setattr(sys, "argv", ["edgecls", *plain])
    assert exposed_secrets() == ""
    done = run_here(*words, "--print-config", cwd=tmp_path)
    assert "s3cret" not in done.stdout
    assert "# mqtt: set EDGECLS_MQTT in the environment" in done.stdout


def test_a_service_keeps_the_password_apart_and_reaches_the_broker(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGECLS_MQTT_PASSWORD", "from variable")
    (tmp_path / "password").write_text("from file")

    def planned(url: str, **options):
        return plan_service("door", CameraOptions(source="csi", model=Path("nano"), mqtt=url, **options))

    found = planned("mqtt://me@10.0.0.7/a", mqtt_password_file=tmp_path / "password")
    assert found.secrets == {"EDGECLS_MQTT_PASSWORD": "from file"}
    assert (found.network, found.arguments[-2:]) == ("any", ("--mqtt", "mqtt://me@10.0.0.7/a"))
    found = planned("mqtt://me:s3cret@127.0.0.1/a")
    assert found.secrets == {"EDGECLS_MQTT": "mqtt://me:s3cret@127.0.0.1/a"}
    assert found.network == "loopback"
    assert "--mqtt" not in found.arguments
    assert planned("mqtt://127.0.0.1/a").secrets == {}


@needs_mosquitto
@pytest.mark.skipif(os.name != "posix", reason="SIGTERM")
def test_a_camera_publishes_until_it_is_ended_and_remove_clears_it(tmp_path, run_here):
    with running(tmp_path) as mosquitto:
        subscriber = Subscriber(mosquitto.port)
        command = [sys.executable, "-m", "edgecls", *DEMO, "--mqtt", mosquitto.url, "--events", "e.jsonl"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
        try:
            subscriber.until(lambda: subscriber.last(f"{BASE}/event") is not None)
            subscriber.until(lambda: subscriber.last(f"{BASE}/label") not in (None, "unknown"))
            subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online")
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "offline")
        subscriber.close()
        stopped = json.loads((tmp_path / "e.jsonl").read_text().splitlines()[-1])
        (delivery,) = stopped["facts"]["deliveries"] if "facts" in stopped else stopped["deliveries"]
        assert delivery["name"] == f"mqtt mqtt://127.0.0.1:{mosquitto.port}"
        assert (delivery["failed"], delivery["dropped"]) == (0, 0)
        done = run_here("mqtt", "remove", mosquitto.url, cwd=tmp_path)
        assert done.stdout == f"removed from mqtt://127.0.0.1:{mosquitto.port}: {BASE}\n"
        assert (done.returncode, done.stderr) == (0, "")
        assert retained(mosquitto.port) == {}
    done = run_here("mqtt", "remove", mosquitto.url, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (69, 1)
    assert "connection refused" in done.stderr


@needs_mosquitto
@pytest.mark.skipif(os.name != "posix", reason="it replaces its process")
def test_a_camera_that_is_asked_to_pauses_and_starts_again(tmp_path):
    with running(tmp_path) as mosquitto:
        subscriber = Subscriber(mosquitto.port)
        command = [sys.executable, "-m", "edgecls", *DEMO, "--mqtt", mosquitto.url, "--mqtt-commands"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)

        def runs() -> set[str]:
            events = [each.payload for each in subscriber.messages if each.topic == f"{BASE}/event"]
            return {json.loads(event)["run"] for event in events}

        try:
            subscriber.until(lambda: subscriber.last(f"{BASE}/label") not in (None, "unknown"))
            subscriber.publish(f"{BASE}/command", "pause")
            subscriber.until(lambda: subscriber.last(f"{BASE}/health") == "paused")
            subscriber.until(lambda: subscriber.last(f"{BASE}/label") == "unknown")
            subscriber.publish(f"{BASE}/command", "restart")
            subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "offline")
            subscriber.until(lambda: len(runs()) == 2)
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        subscriber.close()


def test_a_broker_that_is_not_there_is_an_event_and_not_an_end(tmp_path, run_here):
    done = run_here(*DEMO, "--max-frames", 3, "--mqtt", "mqtt://127.0.0.1:1/a", cwd=tmp_path)
    assert done.returncode == 0
