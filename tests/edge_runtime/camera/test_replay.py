"""Recording through the loop, and replaying it: the same model decides the same, another is compared."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.decision import Decider, SteadyDecider
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.outputs.frame_folder import FrameRecorder
from edgecls.edge_runtime.camera.recording import (
    ANSWERS_NAME,
    RecordedSettings,
    RecordingHeader,
    frame_name,
)
from edgecls.edge_runtime.camera.region import parse_roi
from edgecls.edge_runtime.camera.replay import (
    SHOWN_DIFFERENCES,
    Difference,
    RecordedFrames,
    ReplayReport,
    replay_recording,
)
from edgecls.edge_runtime.camera.sources.source import EndOfSource
from edgecls.edge_runtime.camera.view import View
from edgecls.edge_runtime.classifier import Classifier
from edgecls.edge_runtime.errors import MissingInput
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import FakeSink, FakeSource, answer, fake_classifier, picture

CAT, DEER, DOG, NOTHING = (0.9, 0.06, 0.04), (0.2, 0.7, 0.1), (0.1, 0.1, 0.8), (0.4, 0.3, 0.3)
ENGINES = ["_int8.tflite", "_int8.onnx"]
AT_ONCE = RecordedSettings(is_steady=True)
SLOWLY = RecordedSettings(
    conf=0.3, smooth_s=0.1, hold_s=0.06, is_steady=True, roi="20,0,200,300", rotate="90"
)
UPRIGHT, ASKEW = View(), View(parse_roi("20,0,200,300"), 90)


def jpeg_frames(tiny, count: int = 30) -> list[Frame]:
    """Digits as a camera sends them: noisy JPEG, at times that no clock of ours will show again."""
    rng = np.random.default_rng(0)
    frames = []
    for index, image in enumerate(tiny.dataset.test.images[:count]):
        large = cv2.resize(image[..., ::-1], (320, 240), interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(large + rng.normal(0, 30, large.shape), 0, 255).astype(np.uint8)
        content = cv2.imencode(".jpg", noisy)[1].tobytes()
        frames.append(Frame(content, 3 * index + 1, 5000.123456789 + index * 0.0333333))
    return frames


def record(
    folder: Path,
    classifier: Classifier,
    frames: Sequence[Frame | Literal["silence"]],
    settings: RecordedSettings = AT_ONCE,
    view: View = UPRIGHT,
) -> FakeSink:
    """Runs the camera's loop with a recorder; gives what else saw the answers."""
    seen = FakeSink()
    header = RecordingHeader("cam", classifier.path.name, "", "", settings)
    recorder = FrameRecorder(folder, header, reserve_bytes=0)
    decider = SteadyDecider(classifier, settings.smooth_s, settings.hold_s, settings.conf_off)
    done = Loop(classifier, [recorder, seen], decider=decider, view=view).run(FakeSource(frames, live=True))
    assert done.failure is None
    return seen


def small_frames(count: int) -> list[Frame]:
    content = cv2.imencode(".jpg", np.full((48, 64, 3), 128, np.uint8))[1].tobytes()
    return [Frame(content, index + 1, index / 2) for index in range(count)]


def fake_replay(folder: Path, *answers, events: list[Event] | None = None) -> ReplayReport:
    on_event = events.append if events is not None else lambda _: None
    return replay_recording(folder, fake_classifier(*answers, threshold=0.5), StopRequest(), on_event)


@pytest.mark.parametrize("suffix", ENGINES)
@pytest.mark.parametrize(("settings", "view"), [(AT_ONCE, UPRIGHT), (SLOWLY, ASKEW)])
def test_the_same_model_decides_the_same_on_every_frame(tiny, tmp_path: Path, suffix, settings, view):
    path = tiny.folder / f"image_classification{suffix}"
    with Classifier(path, threshold=settings.conf) as classifier:
        recorded = record(tmp_path, classifier, jpeg_frames(tiny), settings, view)
    with Classifier(path, threshold=settings.conf) as classifier:
        report = replay_recording(tmp_path, classifier, StopRequest())
        replayed = FakeSink()
        decider = SteadyDecider(classifier, settings.smooth_s, settings.hold_s)
        Loop(classifier, [replayed], decider=decider, view=view).run(RecordedFrames(tmp_path))
    assert report.frames == report.equal == 30
    assert report.differences == ()
    assert report.recorded_changes == report.replayed_changes > 0
    assert [answer.prediction for answer in replayed.answers] == [a.prediction for a in recorded.answers]
    assert [answer.decision for answer in replayed.answers] == [a.decision for a in recorded.answers]
    for again, before in zip(replayed.answers, recorded.answers, strict=True):
        assert again.frame.picture == before.frame.picture
        assert again.frame.time_s == before.frame.time_s


def test_another_model_is_compared(tiny, tmp_path: Path):
    with Classifier(tiny.folder / "image_classification_int8.tflite") as classifier:
        record(tmp_path, classifier, jpeg_frames(tiny))
    with Classifier(tiny.folder / "image_classification.onnx", threshold=0.999) as classifier:
        report = replay_recording(tmp_path, classifier, StopRequest())
    assert report.recorded_model == "image_classification_int8.tflite"
    assert report.replayed_model == "image_classification.onnx"
    assert report.equal < report.frames == 30
    assert sum(difference.frames for difference in report.differences) == 30 - report.equal


def test_each_difference_says_when_what_and_how_sure(tmp_path: Path):
    record(tmp_path, fake_classifier(CAT, CAT, CAT, DOG, DOG, CAT), small_frames(6))
    report = fake_replay(tmp_path, CAT, DEER, DEER, DOG, DEER, NOTHING)
    found = [(d.first_sequence, d.last_sequence, d.recorded, d.replayed) for d in report.differences]
    assert found == [(2, 3, "cat", "deer"), (5, 5, "dog", "deer"), (6, 6, "cat", None)]
    first = report.differences[0]
    assert first.start_s == 0.5
    assert first.recorded_confidence == pytest.approx(0.9)
    assert first.replayed_confidence == pytest.approx(0.7)
    assert (report.frames, report.equal) == (6, 2)
    assert (report.recorded_changes, report.replayed_changes) == (3, 5)


def test_the_same_difference_after_an_equal_frame_is_another(tmp_path: Path):
    record(tmp_path, fake_classifier(CAT), small_frames(3))
    report = fake_replay(tmp_path, DOG, CAT, DOG)
    assert [difference.frames for difference in report.differences] == [1, 1]


def test_a_damaged_frame_or_line_is_passed_over_and_counted(tmp_path: Path):
    record(tmp_path, fake_classifier(CAT), small_frames(6))
    part = tmp_path / "000001"
    whole = (part / frame_name(1)).read_bytes()
    (part / frame_name(1)).write_bytes(whole[: len(whole) // 2])
    (part / frame_name(2)).write_bytes(b"")  # what a power cut leaves
    (part / frame_name(3)).unlink()
    lines = (part / ANSWERS_NAME).read_bytes()
    (part / ANSWERS_NAME).write_bytes(lines[:-30])
    events: list[Event] = []
    report = fake_replay(tmp_path, CAT, events=events)
    assert (report.frames, report.equal) == (2, 2)
    assert (report.damaged_frames, report.damaged_lines) == (3, 1)
    assert [event.kind for event in events] == ["corrupt"]


def test_a_decider_gets_the_recorded_times(tmp_path: Path):
    record(tmp_path, fake_classifier(CAT), small_frames(4))

    times: list[float] = []

    class Listening(Decider):
        def update(self, prediction, time_s):
            times.append(time_s)
            return super().update(prediction, time_s)

    replay_recording(tmp_path, fake_classifier(CAT), StopRequest(), decider=Listening())
    assert times == [0.0, 0.5, 1.0, 1.5]


def test_a_path_in_a_line_is_not_followed(tmp_path: Path):
    """A recording may come from a stranger."""
    record(tmp_path, fake_classifier(CAT), small_frames(1))
    lines = tmp_path / "000001" / ANSWERS_NAME
    lines.write_bytes(lines.read_bytes().replace(b'"sequence":1', b'"sequence":"../../x"'))
    with RecordedFrames(tmp_path) as source, pytest.raises(EndOfSource):
        source.read(0)
    assert source.damaged_lines == 1


def test_a_request_to_stop_gives_what_was_compared_until_then(tmp_path: Path):
    record(tmp_path, fake_classifier(CAT), small_frames(4))
    stop = StopRequest()

    class Impatient(Decider):
        def update(self, prediction, time_s):
            stop.request()
            return super().update(prediction, time_s)

    assert replay_recording(tmp_path, fake_classifier(CAT), stop, decider=Impatient()).frames == 1


def test_a_folder_without_a_recording_is_told(tmp_path: Path):
    with pytest.raises(MissingInput, match="no recording"):
        fake_replay(tmp_path, CAT)


ONE = Difference(41, 41, 1, 3725.04, "2026-11-22T10:00:00+00:00", "cat", 0.9, None, 0.25)
REPORT = ReplayReport("old.tflite", "new.onnx", 1200, 1180, 14, 16, 0, 0, 0, 0, (ONE,))


def test_a_difference_is_one_line_of_a_table():
    header, _, row, *_ = REPORT.text.splitlines()
    assert [cell.strip() for cell in header.split("|")[1:-1]] == ["time", "frames", "recorded", "replayed"]
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "1:02:05.0",
        "41",
        "cat 90.0%",
        "unknown 25.0%",
    ]


def test_equal_differences_in_a_row_are_one_with_the_mean_of_their_confidence():
    joined = ONE.joined(replace(ONE, first_sequence=43, last_sequence=43, recorded_confidence=0.6))
    joined = joined.joined(replace(ONE, first_sequence=44, last_sequence=44, recorded_confidence=0.6))
    assert (joined.first_sequence, joined.last_sequence, joined.frames) == (41, 44, 3)
    assert abs(joined.recorded_confidence - 0.7) < 1e-9
    assert "41-44 (3)" in replace(REPORT, differences=(joined,)).text


def test_the_summary_counts():
    assert REPORT.text.endswith(
        "old.tflite -> new.onnx: 1,200 frames, 98.3% with the same label\n"
        "label changes: 14 recorded, 16 replayed"
    )


def test_without_a_difference_there_is_no_table():
    assert "|" not in replace(REPORT, differences=(), equal=1200).text


def test_what_was_passed_over_is_said():
    text = replace(REPORT, damaged_frames=2, damaged_lines=1, invalid_outputs=3, encoded_frames=4).text
    assert "skipped: 2 damaged frames, 1 damaged lines" in text
    assert "3 frames with an invalid output" in text
    assert "4 frames came as raw pixels" in text


def test_a_long_table_is_cut_and_json_is_not():
    many = replace(REPORT, differences=(ONE,) * (SHOWN_DIFFERENCES + 7))
    assert many.text.count("cat 90.0%") == SHOWN_DIFFERENCES
    assert "and 7 more; --json lists them all" in many.text
    assert len(json.loads(json.dumps(many.to_json()))["differences"]) == SHOWN_DIFFERENCES + 7


def test_an_empty_recording_has_a_summary_too():
    assert "0 frames\n" in replace(REPORT, frames=0, equal=0, differences=()).text


def test_a_recording_that_went_on_after_a_restart_is_one_stretch_of_time(tmp_path: Path):
    """The monotonic clock of the machine began again."""
    header = RecordingHeader("cam", "a.tflite", "12ab", "2026-11-22T10:00:00+00:00")
    cat = Prediction((("cat", 0.9),), "cat")
    content = cv2.imencode(".jpg", picture())[1].tobytes()
    for start_s in (5000.0, 10.0, 4.0):
        recorder = FrameRecorder(tmp_path, header, reserve_bytes=0, resumes=True)
        for sequence in (1, 2):
            recorder.write(answer(Frame(content, sequence, start_s + sequence), cat))
        recorder.close()
    frames = RecordedFrames(tmp_path)
    times_s = [frame.captured_at_s for _ in range(6) if (frame := frames.read(0))]
    assert times_s == [5001.0, 5002.0, 5062.0, 5063.0, 5123.0, 5124.0]


def test_a_silent_camera_withdraws_the_label_in_the_replay_too(tmp_path: Path):
    """Which is a line of the recording, and no picture."""
    content = cv2.imencode(".jpg", picture())[1].tobytes()
    now_s = time.monotonic()
    before = [Frame(content, number, now_s - 20 + number) for number in range(1, 9)]
    after = [Frame(content, number, now_s + 600 + number) for number in range(9, 12)]
    seen = record(tmp_path, fake_classifier(CAT), [*before, "silence", *after])
    assert [answer.announced for answer in seen.answers[7:10]] == ["cat", None, "cat"]
    assert len([*tmp_path.glob("*/*.jpg")]) == 11
    report = replay_recording(tmp_path, fake_classifier(CAT), StopRequest())
    assert (report.frames, report.equal, report.recorded_changes) == (12, 12, 3)
    assert report.replayed_changes == report.recorded_changes


def test_a_frozen_picture_withdraws_the_label_in_the_replay_too(tmp_path: Path):
    content = cv2.imencode(".jpg", picture())[1].tobytes()
    given = [Frame(content, second, float(second)) for second in range(1, 16)]
    given[9] = replace(given[9], is_frozen=True)
    seen = record(tmp_path, fake_classifier(CAT), given)
    assert [answer.announced for answer in seen.answers[8:12]] == ["cat", None, "cat", "cat"]
    report = replay_recording(tmp_path, fake_classifier(CAT), StopRequest())
    assert (report.frames, report.equal, report.recorded_changes) == (15, 15, 3)
    assert report.replayed_changes == report.recorded_changes
