"""What `edgecls camera` announces and notes, as a real process."""

import inspect
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.decision import SteadyDecider
from edgecls.edge_runtime.camera.event_lines import LoggedEvent, read_events
from edgecls.edge_runtime.camera.event_log import EventLog
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.images.opencv import cv2
from tests.mjpeg_server import MjpegServer
from tests.wall_clock import WallClock

RATE_FPS, SECONDS_EACH = 10, 3


@pytest.fixture
def folder(tiny, tmp_path: Path) -> Path:
    shutil.copy(tiny.folder / "image_classification_int8.tflite", tmp_path)
    return tmp_path


@pytest.fixture
def clip(folder: Path, tiny) -> Path:
    """Three digits, each for three seconds, and in their midst one frame of another."""
    test = tiny.dataset.test
    digits = {int(truth): image for truth, image in zip(test.truth, test.images, strict=True)}
    writer = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), RATE_FPS, (320, 320))
    for digit in (0, 4, 6):
        for number in range(RATE_FPS * SECONDS_EACH):
            image = digits[1 if number == 20 else digit]
            writer.write(cv2.resize(image[..., ::-1], (320, 320), interpolation=cv2.INTER_CUBIC))
    writer.release()
    return folder / "clip.mp4"


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: object, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "edgecls.cli", "camera", "--headless", *map(str, arguments)]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[bytes]) -> dict:
    assert process.stdout
    return json.loads(process.stdout.readline())


def logged(folder: Path) -> tuple[LoggedEvent, ...]:
    history = read_events(folder / "events.jsonl")
    assert history.skipped == ()
    assert [event.sequence for event in history.events] == list(range(1, len(history.events) + 1))
    return history.events


def run_on(run_edgecls, folder: Path, *arguments: object) -> list[dict]:
    done = run_edgecls("camera", "--headless", "--json", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_defaults_on_the_command_line_are_those_of_the_library():
    decider = inspect.signature(SteadyDecider).parameters
    defaults = decider["smooth_s"].default, decider["hold_s"].default
    assert defaults == (
        CameraOptions.smooth,
        CameraOptions.hold,
    )
    assert inspect.signature(EventLog).parameters["max_bytes"].default == CameraOptions.events_max_mb * 1e6


# What is announced


def test_a_video_is_announced_steadily_in_its_own_time(run_edgecls, folder: Path, clip: Path):
    lines = run_on(
        run_edgecls, folder, "--source", clip, "--no-realtime", "--conf", 0.4, "--events", "events.jsonl"
    )
    changes = [event for event in logged(folder) if event.kind == "label_changed"]
    assert [(event.facts["before"], event.facts["label"]) for event in changes] == [
        (None, "0"),
        ("0", "4"),
        ("4", "6"),
    ]
    for number, event in enumerate(changes):
        delay_s = event.facts["position_s"] - number * SECONDS_EACH
        assert CameraOptions.hold <= delay_s <= CameraOptions.smooth + CameraOptions.hold + 0.5
    assert lines[20]["label"] != "0"  # the frame itself
    assert lines[20]["announced"] == "0"


def test_without_smoothing_and_hold_each_frame_is_announced(run_edgecls, folder: Path, clip: Path):
    lines = run_on(
        run_edgecls, folder, "--source", clip, "--no-realtime", "--smooth", 0, "--hold", 0, "--conf-off", 0
    )
    known = [line for line in lines if line["label"] is not None]
    assert known
    assert all(line["announced"] == line["label"] for line in known)


def test_pictures_and_a_single_frame_have_their_answer_at_once(run_edgecls, folder: Path, clip: Path, tiny):
    (folder / "digits").mkdir()
    for number, image in enumerate(tiny.dataset.test.images[:6]):
        cv2.imwrite(str(folder / "digits" / f"{number}.png"), image[..., ::-1])
    lines = run_on(run_edgecls, folder, "--source", "digits", "--conf", 0, "--events", "events.jsonl")
    assert len({line["label"] for line in lines}) > 1
    lines += run_on(run_edgecls, folder, "--source", clip, "--once", "--conf", 0, "--events", "events.jsonl")
    assert len(lines) == 7
    assert all(line["announced"] == line["label"] is not None for line in lines)
    assert [event.kind for event in logged(folder)] == ["started", "stopped"] * 2


# What is noted


def test_a_signal_while_a_read_blocks_leaves_every_event_on_the_disk(start, folder: Path, within):
    """Row 8."""
    with MjpegServer(fault="silent") as server:
        process = start("--source", server.url, "--events", "events.jsonl")
        server.wait_for(lambda: server.connections > 0)
        with within(3):
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    started, *_, stopped = logged(folder)
    assert (started.kind, stopped.kind) == ("started", "stopped")
    assert stopped.facts["frames"] == 0
    assert stopped.facts["failure"] is None


def test_a_password_is_in_no_event(start, folder: Path):
    with MjpegServer() as server:
        url = server.url.replace("http://", "http://user:s3cret@")
        process = start("--source", url, "--events", "events.jsonl", "--max-frames", 3)
        process.communicate(timeout=60)
    assert "opened" in {event.kind for event in logged(folder)}
    assert b"s3cret" not in (folder / "events.jsonl").read_bytes()


def test_a_second_signal_leaves_only_whole_lines(start, folder: Path, within):
    """Row 9."""
    with MjpegServer() as server:
        process = start("--source", server.url, "--json", "--events", "events.jsonl")
        for _ in range(5):
            line_of(process)
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        with within(5):
            process.send_signal(signal.SIGCONT)
            process.communicate(timeout=60)
    assert process.returncode == 143
    assert [event.kind for event in logged(folder)][:2] == ["started", "opened"]


def test_a_full_disk_does_not_end_the_answers(start, folder: Path, small_disk: Path):
    """Row 21."""
    path, filler = small_disk / "events.jsonl", small_disk / "filler"
    free = shutil.disk_usage(small_disk).free
    filler.write_bytes(b"x" * free)
    with MjpegServer() as server:
        process = start("--source", server.url, "--json", "--events", path)
        for _ in range(10):
            line_of(process)
        filler.unlink()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err.count(b"the disk is full; events wait in memory") == 1
    kinds = [event.kind for event in read_events(path).events]
    assert kinds[:2] == ["disk_full", "started"]
    assert kinds[-1] == "stopped"


def test_a_log_that_may_not_be_written_is_told_before_the_camera_is_opened(
    run_edgecls, folder: Path, read_only
):
    """Row 26."""
    with MjpegServer() as server:
        done = run_edgecls(
            "camera", "--source", server.url, "--once", "--events", read_only(folder) / "e.jsonl", cwd=folder
        )
        assert server.connections == 0
    assert done.returncode == 77
    assert "read-only file system" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--events", "."], "not a file; name a file for the events"),
        (["--conf", "0.5", "--conf-off", "0.6"], "--conf-off 0.6 is above the threshold"),
    ],
)
def test_what_makes_no_sense_is_one_line(run_edgecls, folder: Path, options: list[str], words: str):
    cv2.imwrite(str(folder / "a.png"), np.zeros((32, 32, 3), np.uint8))
    done = run_edgecls("camera", "--source", "a.png", *options, cwd=folder)
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]


# The clock


@pytest.mark.parametrize("jump_h", [1, -1])
def test_a_wall_clock_that_jumps_changes_nothing(start, folder: Path, jump_h: int, runs_alone: bool):
    """Row 20, of the command and its capture process."""
    clock = WallClock(folder)
    with MjpegServer(rate_fps=90) as server:
        process = start("--source", server.url, "--json", "--events", "events.jsonl", env=clock.env)
        before = [line_of(process) for _ in range(10)]
        clock.jump(jump_h)
        after = [line_of(process) for _ in range(60)]
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    apart = datetime.fromisoformat(after[-1]["at"]) - datetime.fromisoformat(before[0]["at"])
    assert 3590 < apart.total_seconds() * jump_h < 3700  # the jump was seen
    assert all(0 <= line["age_ms"] < 60_000 for line in before + after)  # an hour would be 3,600,000
    assert not runs_alone or all(line["age_ms"] < 1000 for line in before + after)
    started, opened, *changes, stopped = logged(folder)
    assert [started.kind, opened.kind, stopped.kind] == ["started", "opened", "stopped"]
    assert {event.kind for event in changes} <= {"label_changed"}
    assert abs((stopped.at - started.at).total_seconds()) > 3500
    assert 0 < stopped.monotonic_s - started.monotonic_s < 60
    assert abs((started.at - datetime.now(UTC)).total_seconds()) < 60
