"""A real broker for tests: Debian's mosquitto on its own port, and a subscriber that keeps what comes."""

import getpass
import queue
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_mosquitto = pytest.mark.skipif(not PROGRAM, reason="no mosquitto: apt install mosquitto")
WITHIN_S = 20.0


class Mosquitto:
    """A broker that can be ended and started again on its port.

    Args:
        folder: for its configuration.
        lines: further lines of it.
    """

    def __init__(self, folder: Path, *lines: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self._file = folder / "mosquitto.conf"
        user = getpass.getuser()  # else one started by root reads no file of ours
        self._file.write_text("\n".join((f"user {user}", f"listener {self.port} 127.0.0.1", *lines)) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/edgecls/door"

    def start(self) -> None:
        """Starts it; what it kept before is gone."""
        assert PROGRAM
        self._process = subprocess.Popen(
            [PROGRAM, "-c", self._file], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert self._process.stderr
        for line in self._process.stderr:
            if b"running" in line:
                return
        raise AssertionError("mosquitto does not start")

    def kill(self) -> None:
        """Ends it as a power failure does."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def running(folder: Path, *lines: str) -> Iterator[Mosquitto]:
    """A broker for a while; anybody may use it."""
    broker = Mosquitto(folder, *(lines or ("allow_anonymous true",)))
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


class Subscriber:
    """Keeps every message under all topics, in the order in which they come."""

    def __init__(self, port: int, **login: str) -> None:
        self.messages: list[MQTTMessage] = []
        self._new: queue.Queue[MQTTMessage] = queue.Queue()
        self._client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        ready = queue.Queue[bool]()
        self._client.on_connect = lambda *_: self._client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: ready.put(True)
        self._client.on_message = lambda _client, _data, message: self._new.put(message)
        if login:
            self._client.username_pw_set(login["user"], login["password"])
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        ready.get(timeout=WITHIN_S)

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WITHIN_S)

    def until(self, happened: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Takes messages until something holds of them."""
        end_s = time.monotonic() + WITHIN_S
        while not happened():
            meanwhile()
            assert time.monotonic() < end_s, [message.topic for message in self.messages]
            try:
                self.messages.append(self._new.get(timeout=0.02))
            except queue.Empty:
                continue

    def last(self, topic: str) -> str | None:
        """The newest payload of a topic."""
        found = [message.payload for message in self.messages if message.topic == topic]
        return found[-1].decode(errors="replace") if found else None

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def retained(port: int) -> dict[str, bytes]:
    """What a broker keeps."""
    subscriber = Subscriber(port)
    subscriber.publish("test/end", "")
    subscriber.until(lambda: any(each.topic == "test/end" for each in subscriber.messages))
    subscriber.close()
    return {each.topic: each.payload for each in subscriber.messages if each.retain}
