"""What a camera publishes at a real broker, through its failures."""

import dataclasses
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.control import Control, StopRequest
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.mqtt import connection as connection_module
from edgecls.edge_runtime.camera.mqtt.broker import Broker, parse_broker
from edgecls.edge_runtime.camera.mqtt.removal import remove_from_broker
from edgecls.edge_runtime.camera.mqtt.sink import MOST_EVENTS, MqttSink
from edgecls.edge_runtime.camera.outputs.destination import Farewell
from edgecls.edge_runtime.camera.status import Seen
from tests.certificates import certificate
from tests.fakes import TIMING, fake_classifier, picture
from tests.mosquitto import WITHIN_S, Mosquitto, Subscriber, needs_mosquitto, retained, running
from tests.waiting import wait_until

pytestmark = needs_mosquitto
BASE = "edgecls/door"
DISCOVERY = "homeassistant/device/edgecls_door/config"


def fast() -> float:
    """Monotonic seconds, a hundred for each one: pauses before another attempt are short."""
    return time.monotonic() * 100


def announcing(label: str | None, *, is_frozen: bool = False) -> Answer:
    prediction = fake_classifier((0.9, 0.06, 0.04)).classify(picture()).with_label(label)
    frame = dataclasses.replace(Frame(picture(), 1, 0.0), is_frozen=is_frozen)
    return Answer(
        frame, prediction, Decision(prediction, 0.0, changed=False), dataclasses.replace(TIMING, fps=9.0)
    )


def change(number: int) -> Event:
    return Event("label_changed", f"cat 90.0% (was {number})", facts={"label": "cat", "before": str(number)})


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    with running(tmp_path) as mosquitto:
        yield mosquitto


@pytest.fixture
def made():
    """Makes sinks, and closes them."""
    opened: list[MqttSink] = []

    def make(broker: Broker | Mosquitto, control: Control | None = None) -> tuple[MqttSink, list[Event]]:
        found = parse_broker(broker.url) if isinstance(broker, Mosquitto) else broker
        events: list[Event] = []
        sink = MqttSink(
            found,
            Farewell(StopRequest(), hurries=True),
            events.append,
            control=control,
            clock=fast,
            temperature=lambda: 51.0,
        )
        sink.introduce(Seen("nano", "1.0", ("cat", "dog")))
        opened.append(sink)
        return sink, events

    yield make
    for sink in opened:
        sink.close()


@pytest.fixture
def subscriber(broker) -> Iterator[Subscriber]:
    made = Subscriber(broker.port)
    yield made
    made.close()


def test_values_are_retained_and_events_are_not(broker, subscriber, made):
    sink, events = made(broker)
    sink.event(change(1))
    sink.write(announcing("cat"))
    subscriber.until(lambda: subscriber.last(f"{BASE}/event") is not None, sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/confidence") == "90.0", sink.idle)
    kept = retained(broker.port)
    assert kept[f"{BASE}/label"] == b"cat"
    assert kept[f"{BASE}/availability"] == b"online"
    assert kept[f"{BASE}/picture"].startswith(b"\xff\xd8")
    assert kept[f"{BASE}/temperature"] == b"51.0"
    assert (kept[f"{BASE}/model"], kept[f"{BASE}/health"]) == (b"nano", b"ok")
    assert set(kept) == set(sink.topics.retained)
    event = json.loads(subscriber.last(f"{BASE}/event") or "")
    assert (event["event_type"], event["number"], event["label"]) == ("label_changed", 1, "cat")
    order = [each.topic for each in subscriber.messages]
    assert order.index(f"{BASE}/availability") > order.index(DISCOVERY)
    sink.close()
    assert retained(broker.port)[f"{BASE}/availability"] == b"offline"
    assert events == []


def test_without_pictures_nothing_is_announced_and_health_says_why(broker, subscriber, made):
    sink, _ = made(broker)
    sink.write(announcing("cat"))
    subscriber.until(lambda: subscriber.last(f"{BASE}/label") == "cat", sink.idle)
    sink.event(Event("stalled", "no frame in 5 s"))
    subscriber.until(lambda: subscriber.last(f"{BASE}/health") == "no_picture", sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/label") == "unknown", sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/confidence") == "None", sink.idle)
    sink.write(announcing("cat"))
    subscriber.until(lambda: subscriber.last(f"{BASE}/label") == "cat", sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/health") == "ok", sink.idle)
    sink.event(Event("frozen", "frozen"))
    sink.write(announcing(None, is_frozen=True))
    subscriber.until(lambda: subscriber.last(f"{BASE}/health") == "frozen", sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/label") == "unknown", sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/confidence") == "None", sink.idle)
    assert retained(broker.port)[f"{BASE}/confidence"] == b"None"


def asked_for(events: list[Event]) -> list[tuple[str, str | None]]:
    return [(event.kind, event.facts.get("command") or event.facts.get("refused")) for event in events]


def test_a_camera_does_what_it_is_asked_for(broker, subscriber, made):
    events: list[Event] = []
    stop = StopRequest()
    control = Control(stop, events.append)
    sink, told = made(broker, control)
    sink.write(announcing("cat"))
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online", sink.idle)
    pictures = len([each for each in subscriber.messages if each.topic == f"{BASE}/picture"])

    def ask(word: str, done: Callable[[], bool]) -> None:
        subscriber.publish(f"{BASE}/command", word)
        subscriber.until(done, sink.idle)

    ask("snapshot", lambda: len([m for m in subscriber.messages if m.topic == f"{BASE}/picture"]) > pictures)
    ask("pause", lambda: control.is_paused)
    sink.event(events[-1])
    subscriber.until(lambda: subscriber.last(f"{BASE}/health") == "paused", sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/label") == "unknown", sink.idle)
    ask("snapshot", lambda: ("commanded", "snapshot") in asked_for(told[1:]))
    assert "none now: paused" in told[-1].text
    ask(" Resume ", lambda: not control.is_paused)
    sink.event(events[-1])
    subscriber.until(lambda: subscriber.last(f"{BASE}/health") == "ok", sink.idle)
    ask("format the disk\x1b[2J", lambda: "no such command" in told[-1].text)
    assert "\x1b" not in told[-1].text
    ask("restart", lambda: stop.requested)
    assert control.is_restart
    assert [event.kind for event in events] == ["paused", "resumed", "commanded"]


def test_what_a_broker_kept_is_no_command(broker, subscriber, made):
    """A retained restart would start a camera again for ever."""
    subscriber.publish(f"{BASE}/command", "restart", retain=True)
    stop = StopRequest()
    sink, events = made(broker, Control(stop))
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online", sink.idle)
    subscriber.publish(f"{BASE}/command", "dance")
    subscriber.until(lambda: len(events) > 0, sink.idle)
    assert not stop.requested


def test_without_being_asked_to_a_camera_obeys_nobody(broker, subscriber, made):
    sink, events = made(broker)
    sink.idle()
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online", sink.idle)
    subscriber.publish(f"{BASE}/command", "restart")
    sink.event(change(1))
    subscriber.until(lambda: subscriber.last(f"{BASE}/event") is not None, sink.idle)
    assert events == []
    listed = json.loads(retained(broker.port)[DISCOVERY])["components"]
    assert [listed[name] for name in ("snapshot", "restart", "watching")] == [
        {"platform": "button"},
        {"platform": "button"},
        {"platform": "switch"},
    ]


def test_of_a_flood_of_commands_few_wait(made):
    sink, events = made(parse_broker("mqtt://127.0.0.1:9/edgecls/door"), Control(StopRequest()))
    for number in range(10_000):
        sink._note_message(sink.topics.command, b"x" * 1000 + b"%d" % number)
    sink.idle()
    assert len(events) <= 20
    assert all(len(event.text) < 200 for event in events)


def test_a_camera_that_is_killed_is_offline_by_the_brokers_word(broker, subscriber, made):
    sink, events = made(broker)
    sink.idle()
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online", sink.idle)
    link = sink._connection._link
    assert link
    link.shut()
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "offline")
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online", sink.idle)
    assert {event.kind for event in events} <= {"output_failed", "output_works"}  # if a value was on its way


def test_when_home_assistant_starts_everything_is_published_again(broker, subscriber, made):
    sink, _ = made(broker)
    sink.write(announcing("cat"))
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online", sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/picture") is not None, sink.idle)
    subscriber.messages.clear()
    subscriber.publish("homeassistant/status", "online")
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online", sink.idle)
    assert {DISCOVERY, f"{BASE}/label"} <= {each.topic for each in subscriber.messages}


def test_a_broker_that_is_away_gets_the_newest_values_and_at_most_a_thousand_events(tmp_path, made):
    """Row 42; an hour away, with a change every two seconds."""
    mosquitto = Mosquitto(tmp_path, "allow_anonymous true")
    sink, events = made(mosquitto)
    for number in range(1, 1801):
        sink.event(change(number))
        if number % 100 == 0:
            sink.write(announcing("cat" if number % 200 else "dog"))
    sink.write(announcing("dog"))
    waiting = sink._courier._events
    assert MOST_EVENTS - 1 <= len(waiting) <= MOST_EVENTS
    mosquitto.start()
    try:
        subscriber = Subscriber(mosquitto.port)

        def numbers() -> list[int]:
            found = [each for each in subscriber.messages if each.topic == f"{BASE}/event"]
            return [json.loads(each.payload)["number"] for each in found]

        subscriber.until(lambda: 1800 in numbers(), sink.idle)
        came = numbers()
        subscriber.close()
        assert retained(mosquitto.port)[f"{BASE}/label"] == b"dog"
    finally:
        mosquitto.kill()
    assert came == sorted(came)
    assert 1800 - len(came) == sink.deliveries[0].dropped >= 1800 - MOST_EVENTS - 1
    kinds = [event.kind for event in events]
    assert kinds.count("output_failed") == 1
    assert {"output_dropped", "output_works"} <= set(kinds)
    assert "connection refused" in next(event.text for event in events if event.kind == "output_failed")


def test_a_broker_that_is_killed_again_and_again_knows_the_truth_and_no_event_is_missing(broker, made):
    sink, _ = made(broker)
    seen: set[int] = set()
    for round_ in range(1, 6):
        subscriber = Subscriber(broker.port)
        label = "dog" if round_ % 2 else "cat"
        sink.event(change(round_))
        sink.write(announcing(label))
        subscriber.until(lambda: subscriber.last(f"{BASE}/event") is not None, sink.idle)  # noqa: B023
        seen |= {
            json.loads(each.payload)["number"] for each in subscriber.messages if each.topic.endswith("event")
        }
        subscriber.until(lambda: subscriber.last(f"{BASE}/label") == label, sink.idle)  # noqa: B023
        subscriber.close()
        kept = retained(broker.port)
        assert (kept[f"{BASE}/label"], kept[f"{BASE}/availability"]) == (label.encode(), b"online")
        assert DISCOVERY in kept
        broker.kill()
        broker.start()
    assert seen == set(range(1, 6))


def test_a_wrong_password_is_one_event_and_a_trusted_certificate_lets_in(tmp_path, made):
    passwords = tmp_path / "passwords"
    passwords.write_text("me:s3cret\n")
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    made_here = certificate(tmp_path)
    lines = (f"password_file {passwords}", f"certfile {made_here.pem}", f"keyfile {made_here.key}")
    with running(tmp_path, *lines) as mosquitto:
        url = mosquitto.url.replace("mqtt://", "mqtts://me@")
        settings = {"environment": {"EDGECLS_MQTT_PASSWORD": "s3cret"}}
        said: list[str] = []
        for found in (
            parse_broker(url, **settings),
            parse_broker(url, ca_file=made_here.pem, environment={"EDGECLS_MQTT_PASSWORD": "wr0ng"}),
        ):
            sink, events = made(found)
            wait_until(lambda events=events: events, sink.idle)
            sink.close()
            said.append(events[0].text)
        assert "certificate not trusted" in said[0]
        assert "wrong user or password" in said[1]
        assert "wr0ng" not in said[1]
        sink, events = made(parse_broker(url, ca_file=made_here.pem, **settings))
        sink.event(change(1))
        wait_until(lambda: sink.deliveries[0].done == 2, sink.idle)
        assert events == []


def test_a_broker_that_accepts_and_never_answers_costs_one_thread_and_one_connection(
    made, monkeypatch, within
):
    monkeypatch.setattr(connection_module, "CONNECT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink, events = made(Broker("127.0.0.1", silent.getsockname()[1], BASE))
        wait_until(lambda: events, sink.idle)
        assert "no answer in 0.05 s" in events[0].text
        opened: list[socket.socket] = []
        while len(opened) < 6:
            opened.append(silent.accept()[0])
            sink.write(announcing("cat"))
        for each in opened[:4]:  # it has ended each before the next
            each.settimeout(WITHIN_S)
            while each.recv(4096):
                pass
        assert sum("paho" in thread.name for thread in threading.enumerate()) <= 1
        with within(3):
            sink.close()
        for each in opened:
            each.close()


def test_removal_clears_everything_and_says_if_the_camera_is_still_there(broker, subscriber, made):
    sink, _ = made(broker)
    sink.write(announcing("cat"))
    subscriber.until(lambda: subscriber.last(f"{BASE}/picture") is not None, sink.idle)
    subscriber.until(lambda: subscriber.last(f"{BASE}/availability") == "online", sink.idle)
    assert remove_from_broker(parse_broker(broker.url))
    sink.close()
    assert not remove_from_broker(parse_broker(broker.url))
    assert retained(broker.port) == {}
