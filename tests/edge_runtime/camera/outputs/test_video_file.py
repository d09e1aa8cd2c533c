"""Video file: every frame for as long as it was seen, whole or not at all."""

import base64
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.answer import Timing
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.outputs.video_file import Recorder
from edgecls.edge_runtime.camera.outputs.video_writer import encodable_rate
from edgecls.edge_runtime.errors import BadConfiguration, OutputFailed, PermissionRefused, UsageError
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.prediction import Prediction
from tests.fakes import FakeSource, answer

CAT = Prediction((("cat", 0.9),), "cat")
TIMING = Timing(1.0, 1.0, 1.0, 10.0)


def recorded(
    path: Path,
    times_s: list[float],
    *,
    live: bool = True,
    rate_fps: float | None = 10.0,
    size_px: tuple[int, int] = (320, 240),
) -> Recorder:
    """Records a grey frame for each time; the first is the darkest."""
    recorder = Recorder(path, FakeSource([], live=live, rate_fps=rate_fps))
    for sequence, time_s in enumerate(times_s, 1):
        pixels = np.full((size_px[1], size_px[0], 3), sequence * 20 % 256, np.uint8)
        recorder.write(answer(Frame(pixels, sequence, time_s), CAT, TIMING))
    recorder.close()
    return recorder


def record(path: Path, times_s: list[float], **settings) -> Path:
    recorded(path, times_s, **settings)
    return path


def read(path: Path) -> tuple[float, list[np.ndarray]]:
    capture = cv2.VideoCapture(str(path))
    pictures = []
    while True:
        given, pixels = capture.read()
        if not given:
            return capture.get(cv2.CAP_PROP_FPS), pictures
        pictures.append(pixels)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def numbers(path: Path) -> list[int]:
    """Which frame each picture of the recording shows."""
    return [round(float(picture[:100].mean()) / 20) for picture in read(path)[1]]


def test_a_video_keeps_its_rate_and_every_frame_however_fast_it_was_read(tmp_path: Path):
    path = record(tmp_path / "out.mp4", [0.001 * index for index in range(10)], live=False, rate_fps=12.5)
    assert read(path)[0] == pytest.approx(12.5)
    assert numbers(path) == list(range(1, 11))


def test_a_video_of_which_frames_were_skipped_stays_as_long_as_it_was(tmp_path: Path):
    recorder = Recorder(tmp_path / "out.mp4", FakeSource([], rate_fps=10.0))
    for sequence in (1, 2, 5, 6):
        pixels = np.full((240, 320, 3), sequence * 20, np.uint8)
        frame = Frame(pixels, sequence, 100.0 + sequence, position_s=(sequence - 1) / 10)
        recorder.write(answer(frame, CAT, TIMING))
    recorder.close()
    assert numbers(tmp_path / "out.mp4") == [1, 2, 2, 2, 5, 6]


def test_stills_stay_a_second_each(tmp_path: Path):
    path = record(tmp_path / "out.mp4", [0.0, 0.01, 0.02], live=False, rate_fps=None)
    assert read(path)[0] == pytest.approx(1.0)
    assert numbers(path) == [1, 2, 3]


def test_a_camera_frame_stays_on_until_the_next_one(tmp_path: Path):
    path = record(tmp_path / "out.mp4", [5.0, 5.1, 5.5, 5.6])
    assert numbers(path) == [1, 2, 2, 2, 2, 3, 4]


def test_frames_faster_than_the_recording_are_left_out(tmp_path: Path):
    path = tmp_path / "out.mp4"
    recorder = recorded(path, [0.0, 0.02, 0.04, 0.1, 0.12, 0.2])
    assert numbers(path) == [1, 4, 6]
    assert recorder.remark == "3 of 6 frames (they came faster than its frame rate)"
    assert not recorded(path, [0.0, 0.1, 0.2]).remark


def test_a_long_silence_is_cut_to_two_seconds(tmp_path: Path):
    path = record(tmp_path / "out.mp4", [0.0, 3600.0, 3600.1])
    shown = numbers(path)
    assert shown.count(1) == 20
    assert shown[-2:] == [2, 3]


def test_a_camera_without_a_stated_rate_is_recorded_at_fifteen(tmp_path: Path):
    path = record(tmp_path / "out.mp4", [0.0, 1.0], rate_fps=None)
    assert read(path)[0] == pytest.approx(15.0)
    assert len(numbers(path)) == 16


@pytest.mark.parametrize("size_px", [(320, 240), (641, 479), (32, 32)])
def test_frames_of_any_size_are_recorded(tmp_path: Path, size_px):
    path = record(tmp_path / "out.mp4", [0.0, 0.1], size_px=size_px)
    pictures = read(path)[1]
    assert len(pictures) == 2
    assert pictures[0].shape[1] >= 320


def test_another_resolution_is_fitted_into_the_first(tmp_path: Path):
    recorder = Recorder(tmp_path / "out.mp4", FakeSource([], live=False, rate_fps=10))
    for sequence, (width_px, height_px) in enumerate([(320, 240), (640, 480), (64, 64)], 1):
        recorder.write(
            answer(Frame(np.zeros((height_px, width_px, 3), np.uint8), sequence, 0.0), CAT, TIMING)
        )
    recorder.close()
    assert [picture.shape for picture in read(tmp_path / "out.mp4")[1]] == [(240, 320, 3)] * 3


def test_the_answer_is_drawn_over_the_frames(tmp_path: Path):
    path = record(tmp_path / "out.mp4", [0.0])
    (picture,) = read(path)[1]
    green = (picture[..., 1].astype(int) - picture[..., 2] > 60) & (picture[..., 1] > 150)
    assert green.sum() > 200


def test_the_file_appears_only_when_it_is_whole(tmp_path: Path):
    recorder = Recorder(tmp_path / "out.mp4", FakeSource([], live=True, rate_fps=10))
    recorder.write(answer(Frame(np.zeros((240, 320, 3), np.uint8), 1, 0.0), CAT, TIMING))
    assert not (tmp_path / "out.mp4").exists()
    recorder.close()
    recorder.close()
    assert names_in(tmp_path) == ["out.mp4"]


def test_without_a_frame_there_is_no_file(tmp_path: Path):
    Recorder(tmp_path / "out.mp4", FakeSource([])).close()
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("name", ["out.avi", "out", "out.mp4.txt", "."])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str):
    with pytest.raises(UsageError, match=r"end it in \.mp4"):
        Recorder(tmp_path / name, FakeSource([]))


def test_when_the_disk_is_nearly_full_the_recording_ends_and_the_loop_goes_on(tmp_path: Path):
    events = []
    recorder = Recorder(tmp_path / "out.mp4", FakeSource([]), events.append, reserve_bytes=10**18)
    for sequence in (1, 2, 3):
        recorder.write(answer(Frame(np.zeros((240, 320, 3), np.uint8), sequence, 0.0), CAT, TIMING))
    assert [event.kind for event in events] == ["disk_full"]
    with pytest.raises(OutputFailed, match="free space"):
        recorder.close()
    assert names_in(tmp_path) == []


def test_on_a_full_disk_the_old_file_is_kept_and_no_part_of_the_new_one(small_disk: Path):
    path = small_disk / "out.mp4"
    path.write_bytes(b"old")
    (small_disk / "filler").write_bytes(bytes(3_500_000))
    recorder = Recorder(path, FakeSource([], rate_fps=10.0), reserve_bytes=0)
    rng = np.random.default_rng(0)
    for sequence in range(60):
        noise = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
        recorder.write(answer(Frame(noise, sequence, sequence / 10), CAT, TIMING))
    with pytest.raises(OutputFailed, match=r"cannot write .*out\.mp4"):
        recorder.close()
    assert sorted(names_in(small_disk)) == ["filler", "out.mp4"]
    assert path.read_bytes() == b"old"


def test_a_read_only_folder_is_told_before_the_first_frame(tmp_path: Path, read_only):
    with pytest.raises(PermissionRefused, match="read-only file system"):
        Recorder(read_only(tmp_path) / "out.mp4", FakeSource([]))


# Frame rates and formats


@pytest.mark.parametrize("rate_fps", [119.993, 89.997, 66.677, 29.97, 1000 / 3])
def test_time_is_true_at_any_frame_rate(tmp_path: Path, rate_fps: float):
    """The clock of MPEG-4 cannot state some of them."""
    written_fps, pictures = read(record(tmp_path / "out.mp4", [0.0, 20 / rate_fps], rate_fps=rate_fps))
    assert len(pictures) / written_fps == pytest.approx(21 / rate_fps, rel=1e-3)


@pytest.mark.parametrize("rate_fps", [0.5, 1 / 30, 0.999])
def test_a_slow_rate_becomes_a_multiple(tmp_path: Path, rate_fps: float):
    """OpenCV would round it by a percent."""
    times = encodable_rate(rate_fps) / rate_fps
    assert times == pytest.approx(round(times), rel=1e-3)
    path = record(tmp_path / "out.mp4", [0.0, 1.0], rate_fps=rate_fps)
    assert read(path)[0] == pytest.approx(encodable_rate(rate_fps), rel=1e-6)


def test_a_video_at_an_odd_rate_keeps_every_frame_and_its_length(tmp_path: Path):
    path = record(tmp_path / "out.mp4", [0.0] * 10, live=False, rate_fps=119.993)
    assert read(path)[0] == pytest.approx(119.993, rel=1e-3)
    assert numbers(path) == list(range(1, 11))


def test_a_webm_keeps_every_frame_of_a_video(tmp_path: Path):
    path = record(tmp_path / "out.webm", [0.0] * 6, live=False, rate_fps=25.0)
    assert path.read_bytes()[:4] == b"\x1a\x45\xdf\xa3"
    assert read(path)[0] == pytest.approx(25.0, rel=1e-3)
    assert numbers(path) == list(range(1, 7))


def test_a_webm_of_a_camera_is_as_long_as_it_was_watched(tmp_path: Path):
    """VP8 takes long: a slow machine shows fewer pictures a second, for longer."""
    path = record(tmp_path / "out.webm", [number / 30 for number in range(61)], rate_fps=30.0)
    written_fps, pictures = read(path)
    assert written_fps <= 30.0
    assert abs(len(pictures) / written_fps - 2.0) <= 1.5 / written_fps


PLAYED = """
const done = arguments[1], video = document.createElement("video");
video.onerror = () => done(video.error.message);
video.onloadeddata = () => done([video.videoWidth, video.duration]);
video.src = arguments[0];
document.body.append(video);
"""


def test_a_browser_plays_a_webm(tmp_path: Path, chromium):
    path = record(tmp_path / "out.webm", [0.0] * 20, live=False, rate_fps=10.0)
    chromium.get("data:text/html,<title>video</title>")
    content = base64.b64encode(path.read_bytes()).decode()
    width_px, seconds = chromium.execute_async_script(PLAYED, f"data:video/webm;base64,{content}")
    assert (width_px, seconds) == (320, pytest.approx(2.0, abs=0.05))


# A disk that goes and comes


class Resuming:
    """A recorder of a camera that nobody watches, on a stick."""

    def __init__(self, folder: Path, monkeypatch, name: str = "out.mp4", reserve_bytes: int = 0) -> None:
        monkeypatch.setattr("edgecls.edge_runtime.camera.outputs.recording_disk.RETRY_S", 0.0)
        self.folder, self.events = folder, []
        source = FakeSource([], live=True, rate_fps=10.0)
        self.recorder = Recorder(
            folder / name, source, self.events.append, reserve_bytes=reserve_bytes, resumes=True
        )
        self._sequence = 0

    def frames(self, count: int) -> None:
        for _ in range(count):
            self._sequence += 1
            pixels = np.random.default_rng(self._sequence).integers(0, 256, (240, 320, 3), np.uint8)
            self.recorder.write(answer(Frame(pixels, self._sequence, self._sequence / 10), CAT, TIMING))

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def test_a_stick_that_is_pulled_out_and_put_back(tmp_path: Path, monkeypatch):
    """Row 54: the recording goes on, and what was recorded before is whole."""
    stick, pocket = tmp_path / "stick", tmp_path / "pocket"
    resuming = Resuming(stick, monkeypatch)
    resuming.frames(5)
    stick.rename(pocket)
    resuming.frames(5)
    assert resuming.kinds() == ["record_failed"]
    assert "the recording pauses: cannot write" in resuming.events[0].text
    pocket.rename(stick)
    resuming.frames(5)
    assert resuming.kinds() == ["record_failed", "record_resumed"]
    resuming.recorder.close()
    assert sorted(names_in(stick)) == ["out-2.mp4", "out.mp4"]
    assert len(read(stick / "out.mp4")[1]) == len(read(stick / "out-2.mp4")[1]) == 5


def test_another_stick_and_one_that_stays_away(tmp_path: Path, monkeypatch):
    stick = tmp_path / "stick"
    resuming = Resuming(stick, monkeypatch)
    resuming.frames(5)
    stick.rename(tmp_path / "pocket")
    resuming.frames(5)
    stick.mkdir()
    (stick / "out.mp4").write_bytes(b"another recording")
    resuming.frames(5)
    stick.rename(tmp_path / "drawer")
    resuming.frames(5)
    resuming.recorder.close()
    assert resuming.kinds() == ["record_failed", "record_resumed", "record_failed"]


def test_the_empty_folder_of_a_stick_is_not_filled(small_disk: Path, monkeypatch):
    """The disk of the system would fill up in its place."""
    resuming = Resuming(small_disk, monkeypatch)
    resuming.frames(3)
    subprocess.run(["umount", "--lazy", small_disk], check=True)
    resuming.frames(3)
    assert names_in(small_disk) == []
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small_disk], check=True)
    resuming.frames(3)
    resuming.recorder.close()
    assert resuming.kinds() == ["record_failed", "record_resumed"]
    assert len(names_in(small_disk)) == 1


def test_a_full_disk_is_waited_for(small_disk: Path, monkeypatch):
    resuming = Resuming(small_disk, monkeypatch, reserve_bytes=1_000_000)
    resuming.frames(5)
    (small_disk / "filler").write_bytes(bytes(3_200_000))
    resuming.frames(5)
    assert resuming.kinds() == ["disk_full"]
    assert len(read(small_disk / "out.mp4")[1]) == 5
    os.truncate(small_disk / "filler", 2_300_000)  # room, but soon there would be none again
    resuming.frames(5)
    assert resuming.kinds() == ["disk_full"]
    (small_disk / "filler").unlink()
    resuming.frames(5)
    resuming.recorder.close()
    assert resuming.kinds() == ["disk_full", "record_resumed"]
    assert len(read(small_disk / "out-2.mp4")[1]) == 5


def test_a_disk_that_is_read_only_at_the_start_is_waited_for(small_disk: Path, monkeypatch):
    """Row 46."""
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    resuming = Resuming(small_disk, monkeypatch)
    resuming.frames(3)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    resuming.frames(3)
    resuming.recorder.close()
    assert resuming.kinds() == ["record_failed", "record_resumed"]
    assert names_in(small_disk) == ["out.mp4"]


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """What a disk does that takes no more, and says nothing: OpenCV does not notice."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_video_that_does_not_reach_the_disk_is_noticed_while_it_is_recorded(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("edgecls.edge_runtime.camera.outputs.video_file.MAX_STILL_S", 5.0)
    resuming = Resuming(tmp_path, monkeypatch)
    with files_of_at_most(100_000):
        while not resuming.events:
            resuming.frames(1)
        assert resuming.kinds() == ["record_failed"]
        assert "input/output error" in resuming.events[0].text
    resuming.frames(10)
    assert resuming.kinds() == ["record_failed", "record_resumed"]
    resuming.recorder.close()
    assert names_in(tmp_path) == ["out.mp4"]


def test_a_limit_on_the_size_of_files_is_not_taken_for_a_missing_encoder(tmp_path: Path):
    with files_of_at_most(0), pytest.raises(OutputFailed, match="allow larger files with `ulimit -f`"):
        record(tmp_path / "out.mp4", [0.0])


def test_a_video_has_one_recorder_at_a_time(tmp_path: Path):
    recorder = Recorder(tmp_path / "out.mp4", FakeSource([]))
    with pytest.raises(BadConfiguration, match="another edgecls is writing it"):
        Recorder(tmp_path / "out.mp4", FakeSource([]), resumes=True)
    recorder.close()
    Recorder(tmp_path / "out.mp4", FakeSource([])).close()
