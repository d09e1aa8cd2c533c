"""Format of a recording: read back exactly, or refused."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.recording import (
    ANSWERS_NAME,
    HEADER_NAME,
    RecordedAnswer,
    RecordedSettings,
    RecordingHeader,
    announced_confidence,
    frame_name,
    new_header,
    read_header,
    recorded_answers,
)
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.errors import BadData, MissingInput
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import TIMING, answer, picture

SETTINGS = RecordedSettings(0.4, None, 0.5, 0.25, True, "0,0,10,10", "90", "horizontal")
HEADER = RecordingHeader("rtsp://cam/live", "a.tflite", "12ab", "2026-11-22T10:00:00+00:00", SETTINGS)
BAD_SETTINGS = HEADER.to_json().replace('"rotate": "90"', '"rotate": "45"')
CAT = Prediction((("cat", 0.1 + 0.2), ("dog", 1e-17)), "cat")


def test_an_answer_is_read_back_exactly_as_it_was():
    frame = Frame(b"\xff\xd8", 12, 1234.567890123456, "a\udcff.jpg", 0.1 + 0.7, "käse")
    recorded = RecordedAnswer.of(answer(frame, CAT), "2026-11-22T10:00:00.123+00:00")
    line = recorded.to_line()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    again = RecordedAnswer.from_line(line)
    assert again == recorded
    assert again.frame(b"\xff\xd8") == frame


def test_what_was_announced_is_kept_beside_what_the_frame_said():
    shown = Prediction((("dog", 0.6), ("cat", 0.35)), "cat")  # held against one frame of a dog
    given = Answer(Frame(picture(), 1, 0.0), CAT, Decision(shown, 0.0, changed=True), TIMING)
    recorded = RecordedAnswer.of(given, "now")
    assert (recorded.label, recorded.announced, recorded.confidence) == ("cat", "cat", 0.35)
    assert recorded.changed
    assert recorded.encoded


def test_unknown_is_as_sure_as_its_best_label():
    assert announced_confidence(Prediction((("dog", 0.3), ("cat", 0.2)), None)) == 0.3


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"{", b"[]", b"null", b"{}", b'{"sequence": 1}', b"\xff\xfe", b"\0" * 64, b'{"a": 1}'],
)
def test_a_damaged_line_is_said_to_be_one(line):
    with pytest.raises(ValueError, match="not a recorded answer"):
        RecordedAnswer.from_line(line)


def test_a_line_cut_anywhere_is_damaged():
    line = RecordedAnswer.of(answer(Frame(picture(), 1, 0.0), CAT), "now").to_line()
    for length in range(len(line) - 2):
        with pytest.raises(ValueError, match="not a recorded answer"):
            RecordedAnswer.from_line(line[:length])


def test_a_header_is_read_back(tmp_path: Path):
    (tmp_path / HEADER_NAME).write_text(HEADER.to_json())
    assert read_header(tmp_path) == HEADER


def test_a_folder_without_a_recording_is_told(tmp_path: Path):
    with pytest.raises(MissingInput, match="no recording"):
        read_header(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sorce": 1}', BAD_SETTINGS])
def test_a_header_of_something_else_is_told(tmp_path: Path, text):
    (tmp_path / HEADER_NAME).write_text(text)
    with pytest.raises(BadData, match="not the header of a recording"):
        read_header(tmp_path)


def test_a_recording_of_a_newer_edgecls_is_told(tmp_path: Path):
    (tmp_path / HEADER_NAME).write_text(json.dumps(json.loads(HEADER.to_json()) | {"version": 9}))
    with pytest.raises(BadData, match="newer edgecls"):
        read_header(tmp_path)


def test_answers_come_in_order_over_all_folders_and_damaged_lines_in_between(tmp_path: Path):
    for part, sequences in (("000010", [7, 8]), ("000002", [3, 4])):
        (tmp_path / part).mkdir()
        lines = [RecordedAnswer.of(answer(Frame(picture(), n, 0.0), CAT), "now").to_line() for n in sequences]
        (tmp_path / part / ANSWERS_NAME).write_bytes(lines[0] + b"{\n" + lines[1][:-20])
    (tmp_path / "000011").mkdir()
    (tmp_path / "notes").mkdir()
    found = [(path.name, recorded and recorded.sequence) for path, recorded in recorded_answers(tmp_path)]
    damaged = (ANSWERS_NAME, None)
    assert found == [(frame_name(3), 3), damaged, damaged, (frame_name(7), 7), damaged, damaged]


def test_the_header_names_the_model_by_its_content(tiny):
    with Classifier(tiny.files[2]) as classifier:
        header = new_header("cam", classifier, RecordedSettings(conf=0.25))
    assert header.settings.conf == 0.25
    assert header.model == tiny.files[2].name
    assert header.model_sha256 == sha256(tiny.files[2].read_bytes()).hexdigest()
