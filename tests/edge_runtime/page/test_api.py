"""What programs ask the page for: the state, the picture, events as they happen, metrics for Prometheus."""

import http.client
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from edgecls.edge_runtime.camera.answer import Deliveries
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.status import Seen
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.page import app, channel
from edgecls.edge_runtime.page.api import HEARTBEAT_S, EventStream
from edgecls.edge_runtime.page.live import LiveState
from edgecls.edge_runtime.page.server import PageSink
from edgecls.edge_runtime.page.totals import MOST_LABELS, OTHER, Totals
from edgecls.edge_runtime.page.visitors import KNOWN_IDLE_S
from edgecls.edge_runtime.prediction import Prediction
from tests.edge_runtime.page.conftest import get_from, port_of
from tests.fakes import answer, picture
from tests.waiting import wait_until

SESAME = "sesame-open-12345"
SEEN = Seen("cups.tflite", "1.2.3", ("cat", "dog"))
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def show(page: PageSink, sequence: int = 1, label: str | None = "cat", value: int = 128) -> None:
    ranking = (("cat", 0.9), ("dog", 0.1))
    page.write(answer(Frame(picture(value=value), sequence, time.monotonic()), Prediction(ranking, label)))


def changed(label: str | None) -> Event:
    return Event("label_changed", f"{label}", facts={"label": label, "before": None})


def state(page: PageSink) -> dict:
    return json.loads(get_from(page, "/api/state").content)


class Reader:
    """Reads `/api/events` as a program does."""

    def __init__(self, page: PageSink, last_id: str = "", **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port_of(page), timeout=30)
        headers |= {"Last-Event-ID": last_id} if last_id else {}
        self._connection.request("GET", "/api/events", headers=headers)
        self.reply = self._connection.getresponse()

    def next(self) -> dict[str, str]:
        """The fields of the next message."""
        fields: dict[str, str] = {}
        while line := self.reply.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    def close(self) -> None:
        self.reply.close()
        self._connection.close()


@pytest.fixture
def reader(page: PageSink) -> Iterator[Reader]:
    reading = Reader(page)
    yield reading
    reading.close()


def test_the_state_is_what_was_seen_last(page):
    page.introduce(SEEN, tuple)
    show(page)
    told = state(page)
    assert (told["model"], told["version"]) == ("cups.tflite", "1.2.3")
    assert (told["health"], told["label"], told["confidence"], told["answers"]) == ("ok", "cat", 0.9, 1)
    assert told["ranking"] == [{"label": "cat", "confidence": 0.9}, {"label": "dog", "confidence": 0.1}]
    show(page, 2, label=None)
    assert state(page)["label"] is None


@pytest.mark.parametrize(("kind", "health"), [("stalled", "no_picture"), ("frozen", "frozen")])
def test_without_pictures_nothing_is_true_any_more(page, kind, health):
    show(page)
    page.event(Event(kind, "no frame in 5 s"))
    told = state(page)
    assert (told["health"], told["label"], told["confidence"], told["age_ms"]) == (health, None, None, None)
    assert told["ranking"] == []
    assert get_from(page, "/api/snapshot.jpg").status == 503
    assert "edgecls_confidence_ratio" not in get_from(page, "/metrics").content.decode()
    show(page, 2)
    assert (state(page)["health"], state(page)["label"]) == ("ok", "cat")


def test_before_the_first_picture_nothing_is_known(page):
    told = state(page)
    assert [told[name] for name in ("label", "model", "silent_s", "held_s")] == [None] * 4
    assert json.loads(get_from(page, "/api/snapshot.jpg").content)["status"] == 503


def test_the_snapshot_is_the_newest_picture(page):
    show(page, value=40)
    show(page, 2, value=200)
    reply = get_from(page, "/api/snapshot.jpg")
    assert decode(reply.content, "snapshot").mean() == pytest.approx(200, abs=2)


def test_events_come_as_they_happen(page, reader):
    assert reader.reply.getheader("Content-Type") == "text/event-stream"
    assert json.loads(reader.next()["data"])["label"] is None
    page.event(changed("cup"))
    told = reader.next()
    values = json.loads(told["data"])
    assert (values["event_type"], values["label"], values["number"]) == ("label_changed", "cup", 1)
    assert told["id"] == f"{values['run']}-1"
    assert "event" not in told


def test_a_reader_that_comes_back_gets_what_it_missed(page):
    page.event(changed("cup"))
    first = Reader(page)
    run = json.loads(first.next()["data"])["run"]
    first.close()
    page.event(changed("pen"))
    for last_id, numbers in ((f"{run}-1", [2]), ("another-7", [1, 2])):
        again = Reader(page, last_id)
        again.next()
        assert [json.loads(again.next()["data"])["number"] for _ in numbers] == numbers
        again.close()


def test_a_silent_stream_lives_longer_than_an_idle_viewer():
    """By the clock of the one that asks: no waiting here."""
    assert HEARTBEAT_S < KNOWN_IDLE_S / 2
    stream, now_s = EventStream(LiveState(lambda: None), ""), time.monotonic()
    assert stream.more(now_s) == b""
    assert stream.more(now_s + HEARTBEAT_S + 1) == b":\n\n"
    assert stream.more(now_s + HEARTBEAT_S + 2) == b""


def test_what_a_reader_sends_later_is_not_answered_in_its_stream(page):
    asked = b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port_of(page)), timeout=30) as connection:
        connection.sendall(2 * asked)
        told = connection.recv(65536)
        connection.sendall(asked)
        page.event(changed("cup"))
        while b'"label":"cup"' not in told:
            told += connection.recv(65536)
    assert told.count(b"HTTP/1.1") == 1


def test_a_reader_that_does_not_keep_up_is_closed_and_the_page_goes_on(page, monkeypatch, reader):
    monkeypatch.setattr(channel, "_MOST_WAITING_BYTES", -1)
    reader.next()
    page.event(changed("cup"))
    assert reader.next() == {}
    assert state(page)["last_event"] == 1


def test_there_is_an_end_to_how_many_read_and_one_that_goes_makes_room(page, monkeypatch):
    monkeypatch.setattr(app, "MAX_STREAMS", 2)
    readers = [Reader(page), Reader(page)]
    assert all(reader.next() for reader in readers)
    assert get_from(page, "/api/events").status == 503
    readers[0].close()
    wait_until(
        lambda: page.event(changed("cup")) or get_from(page, "/api/events", method="HEAD").status == 200
    )
    readers[1].close()


def test_the_token_opens_them_as_a_bearer(page):
    with_token = PageSink("127.0.0.1:0", SESAME)
    try:
        for path in ("/metrics", "/api/state", "/api/events"):
            assert get_from(with_token, path).status == 401
        bearer = {"Authorization": f"Bearer {SESAME}"}
        assert get_from(with_token, "/metrics", **bearer).status == 200
        reading = Reader(with_token, **bearer)
        assert "data" in reading.next()
        reading.close()
    finally:
        with_token.close()


def test_other_sites_and_names_are_refused_in_json(page):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
        reply = get_from(page, "/api/state", **headers)
        assert (reply.status, json.loads(reply.content)["status"]) == (403, 403)
    reply = get_from(page, "/api/nothing")
    assert (reply.status, "/api/state" in json.loads(reply.content)["error"]) == (404, True)


def families(page: PageSink) -> dict:
    text = get_from(page, "/metrics", Accept=OPENMETRICS).content.decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_metrics_count_what_happened(page):
    page.introduce(SEEN, lambda: (Deliveries("cup webhook:http://host", done=3, failed=1),))
    for sequence in range(1, 4):
        show(page, sequence)
    page.event(changed("cat"))
    page.event(changed(None))
    found = families(page)
    assert found["edgecls_answers"].samples[0].value == 3
    ages = {sample.name: sample.value for sample in found["edgecls_frame_age_seconds"].samples}
    assert ages["edgecls_frame_age_seconds_count"] == 3
    announced = {each.labels["label"]: each.value for each in found["edgecls_announcements"].samples}
    assert announced == {"cat": 1, "unknown": 1}
    delivered = {each.labels["outcome"]: each.value for each in found["edgecls_deliveries"].samples}
    assert delivered == {"done": 3, "failed": 1, "dropped": 0, "skipped": 0}
    assert found["edgecls_camera"].samples[0].labels["model"] == "cups.tflite"
    states = {each.labels["edgecls_health"]: each.value for each in found["edgecls_health"].samples}
    assert states == {"ok": 1, "throttled": 0, "no_picture": 0, "frozen": 0, "paused": 0}


def test_labels_are_bounded():
    totals = Totals()
    for number in range(MOST_LABELS + 50):
        totals.add_event(changed(f"class {number}"))
    assert (len(totals.announced), totals.announced[OTHER]) == (MOST_LABELS + 1, 50)


def test_promtool_has_nothing_to_say(page):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    page.introduce(SEEN, lambda: (Deliveries("cup webhook:http://host"),))
    show(page)
    page.event(changed("cat"))
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=get_from(page, "/metrics").content,
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_the_dashboard_asks_for_metrics_that_there_are(page):
    page.introduce(SEEN, lambda: (Deliveries("cup webhook:http://host"),))
    show(page)
    page.event(changed("cat"))
    there = set(re.findall(r"^edgecls_\w+", get_from(page, "/metrics").content.decode(), re.MULTILINE))
    dashboard = (Path(__file__).parents[3] / "docs" / "examples" / "grafana.json").read_text()
    asked = set(re.findall(r"(edgecls_\w+)[\[{,]", dashboard))
    assert len(asked) == 9
    assert asked - there <= {"edgecls_temperature_celsius"}  # where there is a sensor
    labels = {"edgecls_health", "label", "model", "instance", "kind", "output", "outcome"}
    assert set(re.findall(r"{{(\w+)}}", dashboard)) <= labels
