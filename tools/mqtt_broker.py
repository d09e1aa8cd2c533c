"""MQTT at a real mosquitto: how soon a label is at a subscriber, and what a broker killed often misses."""

import getpass
import json
import queue
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edgecls.edge_runtime.camera.answer import Answer, Timing
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.event import Event, ignore
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.mqtt.broker import parse_broker
from edgecls.edge_runtime.camera.mqtt.sink import MqttSink
from edgecls.edge_runtime.camera.outputs.destination import Farewell
from edgecls.edge_runtime.camera.status import Seen
from edgecls.edge_runtime.errors import MissingInput, Unavailable
from edgecls.edge_runtime.prediction import Prediction

_LABELS = ("cat", "dog")
_PICTURE = np.zeros((480, 640, 3), np.uint8)
_FRAME_S = 1 / 30
_WITHIN_S = 30.0
_FASTER = 50
"""For the pauses of the sink while the broker is killed: a second takes 20 ms."""


@dataclass(frozen=True)
class RestartReport:
    """What a subscriber saw of a broker that was killed."""

    kills: int
    """With an event before each."""
    missing: int
    """Events that no subscriber got."""
    dropped: int
    """That the sink counted as dropped."""
    stale: int
    """Times that a value was not the newest, or the camera not online, after the broker was back."""


def measure_latency(changes: int) -> list[float]:
    """Returns milliseconds from the loop's answer to a subscriber's message, for each change of the label."""
    with _mosquitto() as broker, _sink(broker.port) as sink, _received(broker.port) as received:
        received.until(sink, "availability", b"online")
        samples: list[float] = []
        for number in range(changes):
            label = _LABELS[number % 2]
            answer = _answer(label)
            began_s = time.monotonic()
            sink.write(answer)
            while True:
                topic, payload, at_s = received.new.get(timeout=_WITHIN_S)
                if (topic, payload) == ("label", label.encode()):
                    break
            samples.append((at_s - began_s) * 1e3)
            time.sleep(_FRAME_S)
        return samples


def measure_restarts(kills: int) -> RestartReport:
    """Kills a broker that often, while events come and labels change; it keeps nothing from before."""
    seen: set[int] = set()
    stale = 0
    with _mosquitto() as broker, _sink(broker.port, _FASTER) as sink:
        for number in range(1, kills + 1):
            label = _LABELS[number % 2]
            with _received(broker.port) as received:
                sink.event(Event("label_changed", label, facts={"label": label}))
                sink.write(_answer(label))
                came = received.until(sink, "event", None)
                came += [] if _holds(came, label) else received.until(sink, "label", label.encode())
                seen |= {json.loads(payload)["number"] for topic, payload, _ in came if topic == "event"}
            with _received(broker.port) as received:  # what is retained now
                kept = {topic: value for topic, value, _ in received.until(sink, "availability", None)}
            stale += (kept.get("label", label.encode()), kept["availability"]) != (label.encode(), b"online")
            broker.kill()
            broker.start()
        dropped = sink.deliveries[0].dropped
    return RestartReport(kills, kills - len(seen), dropped, stale)


def _holds(came: list[tuple[str, bytes, float]], label: str) -> bool:
    """Whether the newest label that came is this one."""
    return [payload for topic, payload, _ in came if topic == "label"][-1:] == [label.encode()]


def render_latency(samples: list[float]) -> str:
    """The percentiles as a line."""
    p50, p95, p99 = np.percentile(samples, (50, 95, 99))
    figures = f"p50 {p50:.1f} ms, p95 {p95:.1f}, p99 {p99:.1f}"
    return f"label to subscriber: {figures} ({len(samples):,} changes, loopback)"


def render_restarts(report: RestartReport) -> str:
    """The counts as a line."""
    return (
        f"{report.kills:,} kills: {report.missing} events missing, {report.dropped} dropped; "
        f"{report.stale} times a value was stale or the camera offline"
    )


class _Received:
    """Messages under the camera's topics, as they come."""

    def __init__(self, port: int) -> None:
        self.new: queue.Queue[tuple[str, bytes, float]] = queue.Queue()
        ready: queue.Queue[bool] = queue.Queue()
        self._client = client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        client.on_connect = self._subscribe
        client.on_subscribe = lambda *_: ready.put(True)
        client.on_message = self._note
        client.connect("127.0.0.1", port)
        client.loop_start()
        ready.get(timeout=_WITHIN_S)

    def _subscribe(self, client: Client, *_: object) -> None:
        client.subscribe("edgecls/door/#", qos=1)

    def _note(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.new.put((message.topic.rpartition("/")[2], bytes(message.payload), time.monotonic()))

    def until(self, sink: MqttSink, topic: str, payload: bytes | None) -> list[tuple[str, bytes, float]]:
        """Takes messages until one has this topic and payload (None: any); the sink goes on meanwhile."""
        came: list[tuple[str, bytes, float]] = []
        end_s = time.monotonic() + _WITHIN_S
        while not any(name == topic and payload in (None, value) for name, value, _ in came):
            sink.idle()
            if time.monotonic() > end_s:
                raise Unavailable(f"no {topic} within {_WITHIN_S:g} s")
            with suppress(queue.Empty):
                came.append(self.new.get(timeout=0.01))
        return came

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class _Mosquitto:
    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if not program:
            raise MissingInput("mosquitto: no such program; run `apt install mosquitto`")
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            f"user {getpass.getuser()}\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
        )
        self._command = [program, "-c", str(configuration)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for line in self._process.stderr or ():
            if b"running" in line:
                return
        raise Unavailable("mosquitto does not start; run it by hand to see why")

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()


@contextmanager
def _mosquitto() -> Generator[_Mosquitto]:
    with tempfile.TemporaryDirectory() as folder:
        broker = _Mosquitto(Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()


@contextmanager
def _sink(port: int, faster: float = 1.0) -> Generator[MqttSink]:
    broker = parse_broker(f"mqtt://127.0.0.1:{port}/edgecls/door", environment={})
    farewell = Farewell(StopRequest(), hurries=True)
    sink = MqttSink(broker, farewell, ignore, clock=lambda: time.monotonic() * faster)
    sink.introduce(Seen("nano", "0", _LABELS))
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def _received(port: int) -> Generator[_Received]:
    received = _Received(port)
    try:
        yield received
    finally:
        received.close()


def _answer(label: str) -> Answer:
    prediction = Prediction(((label, 0.9),), label)
    timing = Timing(prepare_ms=1.0, engine_ms=1.0, age_ms=2.0, fps=30.0)
    frame = Frame(_PICTURE, 1, time.monotonic())
    return Answer(frame, prediction, Decision(prediction, 0.0, changed=False), timing)
