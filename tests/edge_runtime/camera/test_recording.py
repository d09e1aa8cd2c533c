import json
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.answer import Answer
from edgecls.edge_runtime.camera.decision import Decision
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.recording import (
    ANSWERS_NAME,
    HEADER_NAME,
    PART_FRAMES,
    FrameRecorder,
    RecordedAnswer,
    RecordedSettings,
    RecordingHeader,
    announced_confidence,
    frame_name,
    new_header,
    read_header,
    recorded_answers,
)
from edgecls.edge_runtime.classifier import Prediction
from edgecls.edge_runtime.errors import (
    BadConfiguration,
    BadData,
    MissingInput,
    OutputFailed,
    PermissionRefused,
)
from edgecls.edge_runtime.images.opencv import cv2
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
def test_a_head_of_something_else_is_told(tmp_path: Path, text):
    (tmp_path / HEADER_NAME).write_text(text)
    with pytest.raises(BadData, match="not the head of a recording"):
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


HEADER_of_frame_recorder = RecordingHeader("cam", "a.tflite", "12ab", "2026-11-22T10:00:00+00:00")
CAT_of_frame_recorder = Prediction((("cat", 0.9),), "cat")
JPEG = cv2.imencode(".jpg", picture())[1].tobytes()


def record(folder: Path, count: int, content: bytes | np.ndarray = JPEG, **options) -> None:
    recorder = FrameRecorder(folder, HEADER_of_frame_recorder, reserve_bytes=0, **options)
    for sequence in range(1, count + 1):
        recorder.write(answer(Frame(content, sequence, sequence / 10), CAT_of_frame_recorder))
    recorder.close()


def sequences(folder: Path) -> list[int]:
    """Of the frames that are there, each with its line."""
    found = []
    for path, recorded in recorded_answers(folder):
        assert recorded is not None
        assert path.is_file()
        found.append(recorded.sequence)
    return found


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_a_frame_is_kept_as_the_jpeg_it_came_in(tmp_path: Path):
    record(tmp_path / "rec", 2)
    ((path, recorded), _) = recorded_answers(tmp_path / "rec")
    assert path.read_bytes() == JPEG
    assert recorded is not None
    assert (recorded.announced, recorded.confidence, recorded.encoded) == ("cat", 0.9, False)
    assert read_header(tmp_path / "rec") == HEADER_of_frame_recorder


def test_raw_pixels_are_encoded_well_and_that_is_said(tmp_path: Path):
    smooth = cv2.resize(np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8), (640, 480))
    record(tmp_path, 1, smooth)
    ((path, recorded),) = recorded_answers(tmp_path)
    assert recorded is not None
    assert recorded.encoded
    error = np.abs(cv2.imread(str(path)).astype(int) - smooth)
    assert error.mean() < 1.5


def test_after_a_thousand_frames_comes_another_folder(tmp_path: Path):
    record(tmp_path, PART_FRAMES + 1)
    assert parts(tmp_path) == ["000001", "000002"]
    assert sequences(tmp_path) == list(range(1, PART_FRAMES + 2))


def test_without_a_frame_nothing_is_left(tmp_path: Path):
    record(tmp_path / "rec", 0)
    assert list((tmp_path / "rec").iterdir()) == []


def test_a_recording_is_never_mixed_with_another(tmp_path: Path):
    record(tmp_path, 2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(BadConfiguration, match="holds a recording already; record into another folder"):
        FrameRecorder(tmp_path, HEADER_of_frame_recorder)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_else_is_in_a_folder_does_not_matter(tmp_path: Path):
    (tmp_path / "lost+found").mkdir()
    record(tmp_path, 1)
    assert sequences(tmp_path) == [1]


def test_a_limit_keeps_the_newest_frames(tmp_path: Path):
    size = 100_000
    record(tmp_path, 200, JPEG + bytes(20_000), max_bytes=20 * size)
    kept = sequences(tmp_path)
    assert kept[-1] == 200
    assert kept == list(range(kept[0], 201))
    on_disk = sum(path.stat().st_blocks * 512 for path in tmp_path.rglob("*.jpg"))
    assert 0.7 * 20 * size <= on_disk <= 20 * size
    assert read_header(tmp_path) == HEADER_of_frame_recorder


def test_when_the_disk_is_nearly_full_the_recording_ends_and_the_loop_goes_on(tmp_path: Path):
    events = []
    recorder = FrameRecorder(tmp_path, HEADER_of_frame_recorder, events.append, reserve_bytes=10**18)
    for sequence in (1, 2, 3):
        recorder.write(answer(Frame(JPEG, sequence, 0.0), CAT_of_frame_recorder))
    assert [event.kind for event in events] == ["disk_full"]
    with pytest.raises(OutputFailed, match="no space left on device"):
        recorder.close()
    recorder.close()


def test_on_a_full_disk_every_frame_with_a_line_is_whole(small_disk: Path):
    events = []
    recorder = FrameRecorder(small_disk, HEADER_of_frame_recorder, events.append, reserve_bytes=0)
    jpeg = JPEG + bytes(50_000)
    for sequence in range(1, 200):
        recorder.write(answer(Frame(jpeg, sequence, 0.0), CAT_of_frame_recorder))
    with pytest.raises(OutputFailed, match="no space left on device"):
        recorder.close()
    assert [event.kind for event in events] == ["disk_full"]
    kept = [(path, recorded) for path, recorded in recorded_answers(small_disk) if recorded]
    assert len(kept) > 50
    assert all(path.read_bytes() == jpeg for path, _ in kept)


def test_a_disk_that_breaks_ends_the_recording_and_not_the_loop(tmp_path: Path):
    events = []
    recorder = FrameRecorder(tmp_path, HEADER_of_frame_recorder, events.append, reserve_bytes=0)
    recorder.write(answer(Frame(JPEG, 1, 0.0), CAT_of_frame_recorder))
    (tmp_path / "000001" / "000000002.jpg").mkdir()  # something that cannot be written
    for sequence in (2, 3):
        recorder.write(answer(Frame(JPEG, sequence, 0.0), CAT_of_frame_recorder))
    assert [event.kind for event in events] == ["record_failed"]
    with pytest.raises(OutputFailed):
        recorder.close()
    assert sequences(tmp_path) == [1]


def test_a_read_only_folder_is_told_before_the_first_frame(tmp_path: Path, read_only):
    with pytest.raises(PermissionRefused, match="read-only file system"):
        FrameRecorder(read_only(tmp_path) / "rec", HEADER_of_frame_recorder)


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path):
    (tmp_path / "rec").write_text("")
    with pytest.raises(OutputFailed, match="folder is a file"):
        FrameRecorder(tmp_path / "rec", HEADER_of_frame_recorder)


def test_each_line_is_there_as_soon_as_its_frame_is(tmp_path: Path):
    """A process that is killed now loses nothing that was answered."""
    recorder = FrameRecorder(tmp_path, HEADER_of_frame_recorder, reserve_bytes=0)
    for sequence in (1, 2, 3):
        recorder.write(answer(Frame(JPEG, sequence, 0.0), CAT_of_frame_recorder))
        assert sequences(tmp_path) == list(range(1, sequence + 1))
    recorder.close()
    assert (tmp_path / "000001" / ANSWERS_NAME).read_bytes().endswith(b"}\n")


def test_the_header_names_the_model_by_its_content(tiny):
    from hashlib import sha256

    from edgecls.edge_runtime.classifier import Classifier

    with Classifier(tiny.files[2]) as classifier:
        header = new_header("cam", classifier, RecordedSettings(conf=0.25))
    assert header.settings.conf == 0.25
    assert header.model == tiny.files[2].name
    assert header.model_sha256 == sha256(tiny.files[2].read_bytes()).hexdigest()
