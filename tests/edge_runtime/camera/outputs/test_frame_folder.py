"""Recording frames into a folder: whole frames with whole lines, whatever the disk does."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.outputs.frame_folder import PART_FRAMES, FrameRecorder
from edgecls.edge_runtime.camera.recording import (
    ANSWERS_NAME,
    RecordingHeader,
    read_header,
    recorded_answers,
)
from edgecls.edge_runtime.errors import BadConfiguration, OutputFailed, PermissionRefused
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import answer, picture

HEADER = RecordingHeader("cam", "a.tflite", "12ab", "2026-11-22T10:00:00+00:00")
CAT = Prediction((("cat", 0.9),), "cat")
JPEG = cv2.imencode(".jpg", picture())[1].tobytes()


def record(folder: Path, count: int, content: bytes | np.ndarray = JPEG, **options) -> None:
    recorder = FrameRecorder(folder, HEADER, reserve_bytes=0, **options)
    for sequence in range(1, count + 1):
        recorder.write(answer(Frame(content, sequence, sequence / 10), CAT))
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
    assert read_header(tmp_path / "rec") == HEADER


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
        FrameRecorder(tmp_path, HEADER)
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
    assert read_header(tmp_path) == HEADER


def test_when_the_disk_is_nearly_full_the_recording_ends_and_the_loop_goes_on(tmp_path: Path):
    events = []
    recorder = FrameRecorder(tmp_path, HEADER, events.append, reserve_bytes=10**18)
    for sequence in (1, 2, 3):
        recorder.write(answer(Frame(JPEG, sequence, 0.0), CAT))
    assert [event.kind for event in events] == ["disk_full"]
    with pytest.raises(OutputFailed, match="no space left on device"):
        recorder.close()
    recorder.close()


def test_on_a_full_disk_every_frame_with_a_line_is_whole(small_disk: Path):
    events = []
    recorder = FrameRecorder(small_disk, HEADER, events.append, reserve_bytes=0)
    jpeg = JPEG + bytes(50_000)
    for sequence in range(1, 200):
        recorder.write(answer(Frame(jpeg, sequence, 0.0), CAT))
    with pytest.raises(OutputFailed, match="no space left on device"):
        recorder.close()
    assert [event.kind for event in events] == ["disk_full"]
    kept = [(path, recorded) for path, recorded in recorded_answers(small_disk) if recorded]
    assert len(kept) > 50
    assert all(path.read_bytes() == jpeg for path, _ in kept)


def test_a_disk_that_breaks_ends_the_recording_and_not_the_loop(tmp_path: Path):
    events = []
    recorder = FrameRecorder(tmp_path, HEADER, events.append, reserve_bytes=0)
    recorder.write(answer(Frame(JPEG, 1, 0.0), CAT))
    (tmp_path / "000001" / "000000002.jpg").mkdir()  # something that cannot be written
    for sequence in (2, 3):
        recorder.write(answer(Frame(JPEG, sequence, 0.0), CAT))
    assert [event.kind for event in events] == ["record_failed"]
    with pytest.raises(OutputFailed):
        recorder.close()
    assert sequences(tmp_path) == [1]


def test_a_read_only_folder_is_told_before_the_first_frame(tmp_path: Path, read_only):
    with pytest.raises(PermissionRefused, match="read-only file system"):
        FrameRecorder(read_only(tmp_path) / "rec", HEADER)


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path):
    (tmp_path / "rec").write_text("")
    with pytest.raises(OutputFailed, match="folder is a file"):
        FrameRecorder(tmp_path / "rec", HEADER)


def test_each_line_is_there_as_soon_as_its_frame_is(tmp_path: Path):
    """A process that is killed now loses nothing that was answered."""
    recorder = FrameRecorder(tmp_path, HEADER, reserve_bytes=0)
    for sequence in (1, 2, 3):
        recorder.write(answer(Frame(JPEG, sequence, 0.0), CAT))
        assert sequences(tmp_path) == list(range(1, sequence + 1))
    recorder.close()
    assert (tmp_path / "000001" / ANSWERS_NAME).read_bytes().endswith(b"}\n")


# A disk that goes and comes, and a process that is killed


class Resuming:
    """A recorder of a camera that nobody watches."""

    def __init__(self, folder: Path, monkeypatch, header: RecordingHeader = HEADER, **options) -> None:
        monkeypatch.setattr("edgecls.edge_runtime.camera.outputs.recording_disk.RETRY_S", 0.0)
        self.events = []
        self.recorder = FrameRecorder(
            folder, header, self.events.append, reserve_bytes=0, resumes=True, **options
        )

    def frames(self, *sequences: int) -> None:
        for sequence in sequences:
            self.recorder.write(answer(Frame(JPEG, sequence, sequence / 10), CAT))

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def test_a_stick_that_is_pulled_out_and_put_back(tmp_path: Path, monkeypatch):
    """Row 54."""
    stick, pocket = tmp_path / "stick", tmp_path / "pocket"
    resuming = Resuming(stick / "rec", monkeypatch)
    resuming.frames(1, 2)
    stick.rename(pocket)
    resuming.frames(3, 4)
    pocket.rename(stick)
    resuming.frames(5, 6)
    stick.rename(pocket)
    resuming.frames(7)
    (stick / "rec").mkdir(parents=True)  # another one
    resuming.frames(8, 9)
    resuming.recorder.close()
    assert resuming.kinds() == ["record_failed", "record_resumed"] * 2
    assert sequences(pocket / "rec") == [1, 2, 5, 6]
    assert sequences(stick / "rec") == [8, 9]
    assert read_header(stick / "rec") == HEADER


def test_a_folder_that_a_read_only_disk_lacks_is_made_later(small_disk: Path, monkeypatch):
    """Row 54."""
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    resuming = Resuming(small_disk / "door" / "rec", monkeypatch)
    resuming.frames(1)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    resuming.frames(2, 3)
    resuming.recorder.close()
    assert resuming.kinds() == ["record_failed", "record_resumed"]
    assert sequences(small_disk / "door" / "rec") == [2, 3]


def test_a_stick_in_place_of_another_gets_a_folder_of_its_own(tmp_path: Path, monkeypatch):
    resuming = Resuming(tmp_path / "stick" / "rec", monkeypatch)
    resuming.frames(1)
    (tmp_path / "stick").rename(tmp_path / "pocket")
    resuming.frames(2, 3)
    (tmp_path / "stick").mkdir()
    resuming.frames(4)
    resuming.recorder.close()
    assert sequences(tmp_path / "stick" / "rec") == [4]


def test_after_a_restart_a_camera_that_nobody_watches_goes_on(tmp_path: Path, monkeypatch):
    """A service that is killed must not end with "holds a recording already", which waiting cannot cure."""
    for number in (1, 2):
        later = replace(HEADER, started_at=f"2026-11-22T1{number}:00:00+00:00")
        resuming = Resuming(tmp_path, monkeypatch, later)
        resuming.frames(1, 2)
        resuming.recorder.close()
    assert sequences(tmp_path) == [1, 2, 1, 2]
    assert parts(tmp_path) == ["000001", "000002"]
    with pytest.raises(BadConfiguration, match="holds a recording already"):
        Resuming(tmp_path, monkeypatch, replace(HEADER, model_sha256="34cd"))


def test_the_limit_holds_for_what_an_earlier_run_has_left(tmp_path: Path, monkeypatch):
    for _ in range(4):
        resuming = Resuming(tmp_path, monkeypatch, max_bytes=100_000)
        resuming.frames(*range(1, 50))
        resuming.recorder.close()
    on_disk = sum(path.stat().st_blocks * 512 for path in tmp_path.rglob("*.jpg"))
    assert on_disk <= 100_000 + 4096


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path, monkeypatch):
    """Row 55."""
    record(tmp_path, 3)
    part = tmp_path / "000001"
    (part / "000000004.jpg").write_bytes(JPEG)  # whole, and its line was lost in a power cut
    (part / "000000005.jpg").write_bytes(JPEG[: len(JPEG) // 2])
    (part / "000000006.jpg").touch()
    with (part / ANSWERS_NAME).open("ab") as lines:
        lines.write(b'{"sequence":4,"capt')
    Resuming(tmp_path, monkeypatch).recorder.close()
    assert sorted(path.name for path in part.glob("*.jpg")) == [
        f"{number:09d}.jpg" for number in (1, 2, 3, 4)
    ]
    assert sequences(tmp_path) == [1, 2, 3]


def test_a_folder_has_one_recorder_at_a_time(tmp_path: Path, monkeypatch):
    recorder = FrameRecorder(tmp_path, HEADER)
    with pytest.raises(BadConfiguration, match="another edgecls records to it; name another folder"):
        Resuming(tmp_path, monkeypatch)
    recorder.close()
    Resuming(tmp_path, monkeypatch).recorder.close()
