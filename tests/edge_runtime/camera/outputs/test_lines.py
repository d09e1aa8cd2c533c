"""Line output: one line an answer, whatever the reader does."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.answer import Answer, Timing
from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.outputs.lines import LineOutput, answer_line, json_line
from edgecls.edge_runtime.camera.rates import Ages
from edgecls.edge_runtime.errors import OutputFailed
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import answer, picture

TIMING = Timing(prepare_ms=0.4, engine_ms=1.5, age_ms=12.3456, fps=30.0)


def line(label: str | None = "cat", name: str = "") -> str:
    prediction = Prediction((("cat", 0.93123456), ("größe", 0.04)), label)
    return json_line(answer(Frame(picture(), 7, 0.0, name), prediction, TIMING))


def test_a_line_has_the_answer_and_its_timing():
    values = json.loads(line())
    at = datetime.fromisoformat(values.pop("at"))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert values == {
        "sequence": 7,
        "label": "cat",
        "confidence": 0.931235,
        "ranking": [{"label": "cat", "confidence": 0.931235}, {"label": "größe", "confidence": 0.04}],
        "announced": "cat",
        "age_ms": 12.346,
        "latency_ms": 1.9,
    }


def test_unknown_is_null_and_its_confidence_is_of_the_best_label():
    values = json.loads(line(label=None))
    assert values["label"] is None
    assert values["confidence"] == 0.931235


def test_what_is_announced_may_be_another_label_than_that_of_the_frame():
    for announced in ("dog", None):
        decision = Decision(Prediction((("dog", 0.5),), announced), 0.0, changed=False)
        given = Answer(Frame(picture(), 7, 0.0), Prediction((("cat", 0.9),), "cat"), decision, TIMING)
        values = json.loads(json_line(given))
        assert (values["label"], values["announced"]) == ("cat", announced)


def test_from_the_second_frame_on_a_line_has_the_percentiles_of_the_age():
    timing = replace(TIMING, recent_ages=Ages(11.0, 15.5, 33.33333))
    prediction = Prediction((("cat", 0.9),), "cat")
    values = json.loads(json_line(answer(Frame(picture(), 7, 0.0), prediction, timing)))
    assert (values["age_p50_ms"], values["age_p95_ms"], values["age_p99_ms"]) == (11.0, 15.5, 33.333)


def test_a_label_that_the_source_knows_is_there():
    prediction = Prediction((("cat", 0.9),), "cat")
    values = json.loads(json_line(answer(Frame(picture(), 7, 0.0, truth="dog"), prediction)))
    assert values["truth"] == "dog"


def test_a_still_has_its_name():
    assert json.loads(line(name="a\n\x1b.jpg"))["name"] == "a\n\x1b.jpg"


def test_it_is_one_compact_line_and_readable_in_every_script():
    text = line(name="a\nb.jpg")
    assert "\n" not in text
    assert ", " not in text
    assert "größe" in text


def test_a_name_that_is_not_utf8_survives_as_valid_json():
    name = os.fsdecode(b"\xff.jpg")
    assert json.loads(line(name=name).encode(errors="backslashreplace"))["name"] == name


CAT = Prediction((("cat", 0.931), ("dog", 0.04), ("deer", 0.012)), "cat")
UNKNOWN = Prediction((("cat", 0.41), ("dog", 0.3)), None)


def frame(name: str = "cat.jpg") -> Frame:
    return Frame(picture(), 1, 0.0, name)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):  # a test may have closed it
            os.close(end)


def output(descriptor: int, stop: StopRequest | None = None, text: str = "") -> LineOutput:
    return (
        LineOutput(descriptor, stop or StopRequest(), lambda *_: text)
        if text
        else LineOutput(descriptor, stop or StopRequest(), answer_line)
    )


@pytest.mark.parametrize(
    ("prediction", "line"),
    [
        (CAT, "cat.jpg: cat 93.1%  (dog 4.0%, deer 1.2%)"),
        (UNKNOWN, "cat.jpg: unknown  (cat 41.0%, dog 30.0%)"),
        (Prediction((("cat", 1.0),), "cat"), "cat.jpg: cat 100.0%"),
    ],
)
def test_an_answer_reads_as_a_line(prediction, line):
    assert answer_line(answer(frame(), prediction)) == line


def test_a_file_name_cannot_start_a_line_or_steer_the_terminal():
    assert answer_line(answer(frame("a\nb\x1b[2J.jpg"), CAT)).startswith("a\\nb\\x1b[2J.jpg: cat")


def test_each_answer_is_one_line_at_once(pipe):
    out, end = pipe
    sink = output(end)
    sink.write(answer(frame(), CAT))
    assert os.read(out, 9999) == b"cat.jpg: cat 93.1%  (dog 4.0%, deer 1.2%)\n"


def test_a_name_that_is_not_utf8_is_written_out(pipe):
    out, end = pipe
    output(end).write(answer(frame(os.fsdecode(b"\xff.jpg")), CAT))
    assert os.read(out, 9999).startswith(b"\\udcff.jpg: cat")


def test_when_nobody_reads_any_more_the_loop_is_asked_to_stop(pipe):
    out, end = pipe
    os.close(out)
    stop = StopRequest()
    sink = output(end, stop)
    sink.write(answer(frame(), CAT))
    sink.close()
    assert stop.requested


def test_a_slow_reader_gets_every_byte_of_a_line_longer_than_the_pipe(pipe):
    out, end = pipe
    text = "x" * 200_000
    got: list[bytes] = []
    sink = output(end, text=text)
    writer = threading.Thread(target=lambda: sink.write(answer(frame(), CAT)))
    writer.start()
    while sum(map(len, got)) < len(text) + 1:
        got.append(os.read(out, 10_000))
    writer.join(timeout=60)
    assert b"".join(got) == text.encode() + b"\n"


def test_a_reader_that_never_reads_does_not_outlast_a_request_to_stop(pipe, within):
    _, end = pipe
    stop = StopRequest()
    sink = output(end, stop, "x" * 4000)
    threading.Timer(0.3, stop.request).start()
    with within(3):
        while not stop.requested:
            sink.write(answer(frame(), CAT))


def test_a_full_disk_is_an_error():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OutputFailed, match="no space left on device"):
            output(descriptor).write(answer(frame(), CAT))
    finally:
        os.close(descriptor)
