"""MQTT at a real mosquitto: the broker, what a subscriber gets of it, and how soon a label is there."""

import getpass
import queue
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edgecls.edge_runtime.camera.answer import Answer, Timing
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.event import ignore
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.mqtt.broker import parse_broker
from edgecls.edge_runtime.camera.mqtt.sink import MqttSink
from edgecls.edge_runtime.camera.outputs.destination import Farewell
from edgecls.edge_runtime.camera.status import Seen
from edgecls.edge_runtime.errors import MissingInput, Unavailable
from edgecls.edge_runtime.prediction import Prediction

LABELS = ("cat", "dog")
_PICTURE = np.zeros((480, 640, 3), np.uint8)
_FRAME_S = 1 / 30
MARK = "edgecls-tools/mark"
_WITHIN_S = 30.0


def measure_latency(changes: int) -> list[float]:
    """Returns milliseconds from the loop's answer to a subscriber's message, for each change of the label."""
    with mosquitto() as broker, mqtt_sink(broker.port) as sink, received(broker.port) as seen:
        seen.until("availability", b"online", sink.idle)
        samples: list[float] = []
        for number in range(changes):
            label = LABELS[number % 2]
            answer = answer_of(label)
            began_s = time.monotonic()
            sink.write(answer)
            came = seen.until("label", label.encode(), lambda: None)
            samples.append((came.timestamp - began_s) * 1e3)
            time.sleep(_FRAME_S)
        return samples


def render_latency(samples: list[float]) -> str:
    """The percentiles as a line."""
    p50, p95, p99 = np.percentile(samples, (50, 95, 99))
    figures = f"p50 {p50:.1f} ms, p95 {p95:.1f}, p99 {p99:.1f}"
    return f"label to subscriber: {figures} ({len(samples):,} changes, loopback)"


class Received:
    """Messages under some topics, as they come."""

    def __init__(self, port: int, topics: str = "edgecls/door/#") -> None:
        self.new: queue.Queue[MQTTMessage] = queue.Queue()
        ready: queue.Queue[bool] = queue.Queue()
        self._topics = topics
        self._client = client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        client.on_connect = self._subscribe
        client.on_subscribe = lambda *_: ready.put(True)
        client.on_message = lambda _client, _data, message: self.new.put(message)
        client.connect("127.0.0.1", port)
        client.loop_start()
        ready.get(timeout=_WITHIN_S)

    def _subscribe(self, client: Client, *_: object) -> None:
        client.subscribe(self._topics, qos=1)

    def until(self, topic: str, payload: bytes, meanwhile: Callable[[], None]) -> MQTTMessage:
        """Takes messages until one has this payload, and a topic with this ending."""
        end_s = time.monotonic() + _WITHIN_S
        while time.monotonic() < end_s:
            meanwhile()
            with suppress(queue.Empty):
                message = self.new.get(timeout=0.01)
                if (message.topic.rpartition("/")[2], message.payload) == (topic, payload):
                    return message
        raise Unavailable(f"no {topic} {payload.decode()} within {_WITHIN_S:g} s")

    def mark(self) -> None:
        """Publishes `MARK`, which comes after everything that the broker kept."""
        self._client.publish(MARK, b"", qos=1)

    def close(self) -> None:
        """Ends the subscription."""
        self._client.disconnect()
        self._client.loop_stop()


class Mosquitto:
    """A broker of its own port, which may be killed and started again."""

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
        """Starts it; what it kept before is gone."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for line in self._process.stderr or ():
            if b"running" in line:
                return
        raise Unavailable("mosquitto does not start; run it by hand to see why")

    def kill(self) -> None:
        """Ends it as a power failure does."""
        if self._process:
            self._process.kill()
            self._process.communicate()


@contextmanager
def mosquitto() -> Generator[Mosquitto]:
    """A broker for a while, which keeps nothing on a disk."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()


@contextmanager
def mqtt_sink(port: int, faster: float = 1.0) -> Generator[MqttSink]:
    """The camera's sink; its pauses are shorter by `faster`."""
    broker = parse_broker(f"mqtt://127.0.0.1:{port}/edgecls/door", environment={})
    farewell = Farewell(StopRequest(), hurries=True)
    sink = MqttSink(broker, farewell, ignore, clock=lambda: time.monotonic() * faster)
    sink.introduce(Seen("nano", "0", LABELS))
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def received(port: int, topics: str = "edgecls/door/#") -> Generator[Received]:
    """A subscriber for a while."""
    subscriber = Received(port, topics)
    try:
        yield subscriber
    finally:
        subscriber.close()


def answer_of(label: str) -> Answer:
    """An answer that announces a label."""
    prediction = Prediction(((label, 0.9),), label)
    timing = Timing(prepare_ms=1.0, engine_ms=1.0, age_ms=2.0, fps=30.0)
    frame = Frame(_PICTURE, 1, time.monotonic())
    return Answer(frame, prediction, Decision(prediction, 0.0, changed=False), timing)
