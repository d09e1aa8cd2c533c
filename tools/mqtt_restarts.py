"""MQTT at a mosquitto that is killed again and again, with messages in flight: what is lost, stale or double.

The camera's messages pass a relay that reads them, so that what the broker has confirmed is known from the
wire and not from the camera's own counts.
"""

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.mqtt.sink import MOST_EVENTS, MqttSink

from .mqtt_broker import LABELS, MARK, Mosquitto, Received, answer_of, mosquitto, mqtt_sink, received

_FASTER = 50
"""For the pauses of the sink: a second takes 20 ms."""
_WITHIN_S = 60.0
_BURST_EVERY, _BURST = 50, MOST_EVENTS + 500
"""After so many kills, so many events come at once while the broker is away."""
_CONNECT, _PUBLISH, _CONFIRM = 0x10, 0x30, 0x40
_HAS_WILL, _WILL_IS_RETAINED = 0x04, 0x20


@dataclass(frozen=True)
class RestartReport:
    """What became of the messages of a camera whose broker was killed."""

    kills: int
    in_flight: int
    """Kills at which a message was not confirmed yet."""
    cuts: int
    """Connections that ended for the camera alone: the broker had the old one when the next one came."""
    events: int
    confirmed: int
    """Events that a broker has confirmed, each counted once."""
    dropped: int
    """Events that the sink counted as dropped."""
    lost_by_broker: int
    """Confirmed events that no subscriber got: the broker was killed with them in hand."""
    sent_again: int
    """Messages with an event that was sent before, as the broker was gone before it confirmed it."""
    most_waiting: int
    """The most events that waited at the same time, with the one under way."""
    stale: int
    """Times that something retained was not the newest, not there, or of nobody, after a restart."""
    unordered: int
    """Connections without a retained will, or with an event or the birth before everything retained."""

    @property
    def missing(self) -> int:
        """Events that were neither confirmed nor counted as dropped."""
        return max(0, self.events - self.confirmed - self.dropped)


def measure_restarts(
    kills: int, seed: int = 0, on_step: Callable[[str], None] = lambda _: None
) -> RestartReport:
    """Kills a broker that often, at random moments, while events come and labels change without waiting.

    Mosquitto keeps nothing from before. After each start everything that it keeps is compared.

    Args:
        kills: how often.
        seed: of the moments.
        on_step: called with what is done now.
    """
    with ExitStack() as opened:
        broker = opened.enter_context(mosquitto())
        relay = _Relay(broker.port)
        opened.callback(relay.close)
        camera = _Camera(opened.enter_context(mqtt_sink(relay.port, _FASTER)), relay, random.Random(seed))  # noqa: S311 - of moments
        chance = camera.chance
        in_flight = cuts = stale = 0
        for number in range(1, kills + 1):
            if number % 100 == 0:
                on_step(f"{number:,} kills ...")
            with received(broker.port, "#") as subscriber:  # before the camera can connect
                relay.is_open = True
                if chance.random() < 0.8:
                    if chance.random() < 0.3:
                        camera.goes_on(chance.uniform(0, 0.05))
                        cuts += relay.cut()
                    stale += camera.settle(broker)
                camera.goes_on(chance.uniform(0, 0.1))
                in_flight += relay.has_unconfirmed
                broker.kill()
                camera.note_seen(subscriber)
            relay.is_open = False
            camera.goes_on(chance.uniform(0, 0.02), _BURST if number % _BURST_EVERY == 0 else 0)
            broker.start()
        with received(broker.port, "#") as subscriber:
            relay.is_open = True
            stale += camera.settle(broker)
            camera.note_seen(subscriber)
        return RestartReport(
            kills=kills,
            in_flight=in_flight,
            cuts=cuts,
            events=camera.events,
            confirmed=len(relay.confirmed),
            dropped=camera.dropped,
            lost_by_broker=len(relay.confirmed - camera.seen),
            sent_again=relay.sent_again,
            most_waiting=camera.most_waiting,
            stale=stale,
            unordered=relay.unordered,
        )


def render_restarts(report: RestartReport) -> str:
    """The counts as lines."""
    return "\n".join(
        [
            f"{report.kills:,} kills, {report.in_flight:,} of them with a message in flight; "
            f"{report.cuts:,} cuts of the connection",
            f"{report.events:,} events: {report.confirmed:,} confirmed, {report.dropped:,} dropped and "
            f"counted, {report.missing:,} missing; at most {report.most_waiting:,} waited",
            f"{report.lost_by_broker:,} confirmed by a broker that was killed before it passed them on, "
            f"{report.sent_again:,} sent again",
            f"{report.stale:,} times something retained was stale or orphaned, "
            f"{report.unordered:,} connections out of order",
        ]
    )


class _Camera:
    """Offers events and labels as a loop does, and never waits for the broker."""

    def __init__(self, sink: MqttSink, relay: "_Relay", chance: random.Random) -> None:
        self.chance = chance
        self.seen: set[int] = set()
        self.events = self.most_waiting = 0
        self._sink, self._relay = sink, relay
        self._label = LABELS[0]

    @property
    def dropped(self) -> int:
        return self._sink.deliveries[0].dropped

    @property
    def waiting(self) -> int:
        """Events that are neither confirmed nor dropped."""
        return max(0, self.events - len(self._relay.confirmed) - self.dropped)

    def goes_on(self, seconds: float, burst: int = 0) -> None:
        """Changes its label, and has events, for a while."""
        until_s = time.monotonic() + seconds
        for _ in range(burst):
            self._has_event()
        while time.monotonic() < until_s:
            self._has_event()
            self._sink.write(answer_of(self._label))
            time.sleep(self.chance.uniform(0, 0.002))

    def _has_event(self) -> None:
        self.events += 1
        self._label = LABELS[self.events % 2]
        self._sink.event(Event("label_changed", self._label, facts={"label": self._label}))
        self.most_waiting = max(self.most_waiting, self.waiting)

    def settle(self, broker: Mosquitto) -> bool:
        """Waits until nothing is on its way any more; returns whether the broker keeps something wrong."""
        self._sink.write(answer_of(self._label))
        end_s = time.monotonic() + _WITHIN_S
        while time.monotonic() < end_s:
            self._sink.idle()
            if self.waiting or not self._relay.is_greeted or self._relay.has_unconfirmed:
                time.sleep(0.002)
            elif self._is_right(_kept(broker)):
                return False
        return True

    def _is_right(self, kept: dict[str, bytes]) -> bool:
        topics = self._sink.topics
        right = {topics.value("label"): self._label.encode(), topics.availability: b"online"}
        may_lack = {topics.value("temperature")}  # where the processor has no sensor
        return {*topics.retained} - may_lack <= {*kept} <= {
            *topics.retained
        } and right.items() <= kept.items()

    def note_seen(self, subscriber: Received) -> None:
        """Takes the numbers of the events that a subscriber got."""
        while not subscriber.new.empty():
            message = subscriber.new.get()
            if message.topic.endswith("/event"):
                self.seen.add(json.loads(message.payload)["number"])


def _kept(broker: Mosquitto) -> dict[str, bytes]:
    """What a broker keeps."""
    kept: dict[str, bytes] = {}
    with received(broker.port, "#") as subscriber:
        subscriber.mark()
        while (message := subscriber.new.get(timeout=_WITHIN_S)).topic != MARK:
            if message.retain:
                kept[message.topic] = bytes(message.payload)
    return kept


class _Relay:
    """Passes a camera's connections on to a broker, and reads what they say."""

    def __init__(self, broker_port: int) -> None:
        self.is_open = False
        """Whether connections are taken."""
        self.confirmed: set[int] = set()
        """Numbers of events that the broker has confirmed."""
        self.sent: set[int] = set()
        self.sent_again = self.unordered = 0
        self._broker_port = broker_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._newest: _Passage | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def is_greeted(self) -> bool:
        """Whether the camera has a connection on which it said that it is there."""
        return self._newest is not None and self._newest.is_greeted and not self._newest.has_ended

    @property
    def has_unconfirmed(self) -> bool:
        """Whether a message is under way."""
        return self._newest is not None and bool(self._newest.unconfirmed)

    def cut(self) -> bool:
        """Ends the connection for the camera alone; returns whether there was one."""
        passage = self._newest
        return passage is not None and passage.cut()

    def close(self) -> None:
        """Takes no more connections."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                camera, _ = self._server.accept()
                try:
                    if not self.is_open:
                        raise ConnectionRefusedError
                    self._newest = _Passage(
                        self, camera, socket.create_connection(("127.0.0.1", self._broker_port))
                    )
                except OSError:
                    camera.close()


class _Passage:
    """One connection, from a camera to a broker and back."""

    def __init__(self, relay: _Relay, camera: socket.socket, broker: socket.socket) -> None:
        self.is_greeted = self.has_ended = False
        self.unconfirmed: dict[int, int] = {}
        """The number of the event of each message that is under way; 0 for the others."""
        self._relay, self._camera, self._broker = relay, camera, broker
        self._topics: list[str] = []
        for way in (self._there, self._back):
            threading.Thread(target=way, daemon=True).start()

    def cut(self) -> bool:
        was_there = not self.has_ended
        self.has_ended = True
        with suppress(OSError):
            self._camera.shutdown(socket.SHUT_RDWR)
        return was_there

    def _there(self) -> None:
        for content, packets in _read(self._camera):
            for kind, body in packets:
                self._note(kind, body)
            with suppress(OSError):
                self._broker.sendall(content)
        if not self.has_ended:  # else it was cut, and the broker is not to know
            with suppress(OSError):
                self._broker.shutdown(socket.SHUT_RDWR)

    def _back(self) -> None:
        for content, packets in _read(self._broker):
            for kind, body in packets:
                if kind & 0xF0 == _CONFIRM and (number := self.unconfirmed.pop(int.from_bytes(body[:2]), 0)):
                    self._relay.confirmed.add(number)
            with suppress(OSError):
                self._camera.sendall(content)
        self.has_ended = True
        for end in (self._camera, self._broker):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _note(self, kind: int, body: bytes) -> None:
        if kind == _CONNECT:
            flags = body[7]
            self._relay.unordered += not (flags & _HAS_WILL and flags & _WILL_IS_RETAINED)
        if kind & 0xF0 != _PUBLISH:
            return
        size = int.from_bytes(body[:2])
        topic, mid, payload = body[2 : 2 + size].decode(), body[2 + size : 4 + size], body[4 + size :]
        number = 0
        if topic.endswith("/event"):
            number = int(json.loads(payload)["number"])
            self._relay.unordered += not self.is_greeted
            self._relay.sent_again += number in self._relay.sent
            self._relay.sent.add(number)
        elif topic.endswith("/availability"):
            self._relay.unordered += not self.is_greeted and not {"config", "label", "model"} <= {
                *self._topics
            }
            self.is_greeted = True
        self._topics.append(topic.rpartition("/")[2])
        self.unconfirmed[int.from_bytes(mid)] = number


def _read(connection: socket.socket) -> Iterator[tuple[bytes, list[tuple[int, bytes]]]]:
    """Yields what comes, each time with the packets of MQTT that are whole by then."""
    rest = b""
    with suppress(OSError):
        while content := connection.recv(65_536):
            rest += content
            packets: list[tuple[int, bytes]] = []
            while packet := _first_packet(rest):
                packets.append((rest[0], packet[0]))
                rest = rest[packet[1] :]
            yield content, packets


def _first_packet(content: bytes) -> tuple[bytes, int] | None:
    """The body of the first packet and where it ends; None where it is not whole."""
    size = shift = 0
    for at, byte in enumerate(content[1:5], 2):
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (content[at : at + size], at + size) if len(content) >= at + size else None
    return None
