"""`edgecls camera` as a real process: on pictures, on videos, and on a camera over the network."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.card import ModelCard
from tests.mjpeg_server import MjpegServer

FRAMES = 12


@pytest.fixture
def folder(tiny, tmp_path: Path) -> Path:
    """What a user has after `edgecls export`: the four files, and digits as pictures and as a video."""
    for path in tiny.files:
        shutil.copy(path, tmp_path)
    (tmp_path / "digits").mkdir()
    writer = cv2.VideoWriter(str(tmp_path / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 320))
    for number, image in enumerate(tiny.dataset.test.images[:FRAMES]):
        large = cv2.resize(image[..., ::-1], (320, 320), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / "digits" / f"{number}.png"), large)
        writer.write(large)
    writer.release()
    return tmp_path


@pytest.fixture
def camera(folder: Path, run_edgecls) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `edgecls camera` in the folder; `ok=False` where an error is expected."""

    def run(*arguments: object, ok: bool = True, **options) -> subprocess.CompletedProcess[str]:
        done = run_edgecls("camera", *arguments, **({"cwd": folder, "env": headless()} | options))
        assert (done.returncode == 0) == ok, done.stderr
        return done

    return run


@dataclass
class Running:
    """An `edgecls camera --json` on a camera that does not end by itself."""

    process: subprocess.Popen[bytes]

    def line(self) -> dict:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    within: Callable[[float], AbstractContextManager[None]]

    def end(self, number: signal.Signals) -> tuple[bytes, str]:
        """Sends a signal, and gives the rest of stdout, and stderr; row 8: that takes less than 3 s."""
        with self.within(3):
            self.process.send_signal(number)
            out, err = self.process.communicate(timeout=60)
        return out, err.decode()


@pytest.fixture
def running(folder: Path, within) -> Iterator[Callable[..., Running]]:
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: object) -> Running:
        command = [sys.executable, "-m", "edgecls.cli", "camera", "--json", *map(str, arguments)]
        process = subprocess.Popen(
            command, cwd=folder, env=headless(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return Running(process, within)

    yield run
    for process in started:
        process.kill()
        process.communicate()


def headless() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of stderr, which is the error: no traceback."""
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("edgecls: error: ")
    return last.removeprefix("edgecls: error: ")


def answers(done: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


# What comes in


def test_a_picture_gets_its_label(camera):
    (answer,) = answers(camera("--source", "digits/3.png", "--json"))
    assert answer["name"] == "digits/3.png"
    assert answer["sequence"] == 1
    assert answer["ranking"][0]["confidence"] == answer["confidence"] > 0
    assert len(answer["ranking"]) == 3


def test_a_folder_a_glob_and_a_video_give_every_frame_in_order(camera, tiny):
    for source in ("digits", "digits/*.png", "clip.mp4"):
        given = answers(camera("--source", source, "--no-realtime", "--json"))
        assert [answer["sequence"] for answer in given] == list(range(1, FRAMES + 1))
        labels = [answer["ranking"][0]["label"] for answer in given]
        right = sum(
            int(label) == truth for label, truth in zip(labels, tiny.dataset.test.truth, strict=False)
        )
        assert right >= FRAMES - 4


def test_a_camera_on_the_network_is_classified_until_the_limit(camera):
    with MjpegServer() as server:
        given = answers(camera("--source", server.url, "--json", "--max-frames", 5))
    assert len(given) == 5
    numbers = [answer["sequence"] for answer in given]
    assert numbers == sorted(set(numbers))
    assert all(0 <= answer["age_ms"] < 5000 for answer in given)


def test_once_is_one_frame(camera):
    assert len(answers(camera("--source", "clip.mp4", "--json", "--once"))) == 1


def test_the_default_source_is_the_first_camera(camera):
    if Path("/dev/video0").exists():
        pytest.skip("this machine has a camera")
    done = camera("--once", ok=False)
    assert done.returncode == 69
    assert "/dev/video0" in error_of(done)


# What decides


@pytest.mark.parametrize(
    ("options", "file", "engine"),
    [
        ((), "image_classification_int8.tflite", "litert"),
        (("--engine", "litert"), "image_classification_int8.tflite", "litert"),
        (("--engine", "onnxruntime"), "image_classification_int8.onnx", "onnxruntime"),
        (("--model", "image_classification.onnx"), "image_classification.onnx", "onnxruntime"),
        (("--model", ".", "--threads", "2"), "image_classification_int8.tflite", "litert"),
    ],
)
def test_the_model_and_its_engine_are_said_and_used(camera, options, file, engine):
    done = camera("--source", "digits", *options)
    assert f"model: {file} on {engine} " in done.stderr.splitlines()[0]
    assert f"{FRAMES} frames" in done.stderr


def test_the_threshold_turns_weak_answers_into_unknown(camera):
    strict = answers(camera("--source", "digits", "--json", "--conf", "1.0"))
    lenient = answers(camera("--source", "digits", "--json", "--conf", "0"))
    assert any(answer["label"] is None for answer in strict)
    assert all(answer["label"] == answer["ranking"][0]["label"] for answer in lenient)


def test_as_many_labels_are_ranked_as_asked_for(camera):
    (answer,) = answers(camera("--source", "digits/0.png", "--json", "--topk", 7))
    confidences = [entry["confidence"] for entry in answer["ranking"]]
    assert len(confidences) == 7
    assert confidences == sorted(confidences, reverse=True)


# What comes out


def test_the_summary_says_frames_latency_and_labels(camera):
    done = camera("--source", "clip.mp4", "--no-realtime")
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[-3].startswith(f"{FRAMES} frames in ")
    assert "per second" in lines[-3]
    assert lines[-2].startswith("latency p50 ")
    assert lines[-1].startswith("labels: ")


def test_a_recording_is_a_video_of_every_frame_and_is_named_at_the_end(camera, folder: Path):
    done = camera("--source", "clip.mp4", "--no-realtime", "--record", "out.mp4")
    assert done.stderr.splitlines()[-1] == "recording: out.mp4"
    capture = cv2.VideoCapture(str(folder / "out.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES
    assert capture.get(cv2.CAP_PROP_FPS) == 10
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_images_are_answered_by_a_line_each_in_order(camera, folder: Path):
    (folder / "digits" / "5.png").write_text("hello, I am text\n")
    done = camera("--source", "digits", ok=False)
    names = {line.partition(": ")[0] for line in done.stdout.splitlines()}
    assert names == {f"digits/{number}.png" for number in range(FRAMES) if number != 5}
    assert done.stdout == camera("-q", "--source", "digits", ok=False).stdout
    assert done.stdout == run_predict(folder)
    assert not any(line.startswith("digits/") for line in done.stderr.splitlines())


def run_predict(folder: Path) -> str:
    command = [sys.executable, "-m", "edgecls.cli", "predict", "digits"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_without_a_terminal_the_status_is_a_line_now_and_then(camera):
    done = camera("--source", "clip.mp4")
    assert "\r" not in done.stderr
    assert (
        sum("latency" in line and "age" in line and "p50" not in line for line in done.stderr.splitlines())
        == 1
    )


def test_on_a_terminal_the_status_is_rewritten_in_place(folder: Path):
    with MjpegServer() as server:
        main, terminal = pty.openpty()
        command = [sys.executable, "-m", "edgecls.cli", "camera", "--source", server.url, "--headless"]
        with subprocess.Popen(command, cwd=folder, stdout=terminal, stderr=terminal) as process:
            os.close(terminal)
            seen = b""
            while seen.count(b"latency") < 4:
                assert select.select([main], [], [], 60)[0], seen
                seen += os.read(main, 4096)
            process.send_signal(signal.SIGINT)
            while True:
                try:
                    seen += os.read(main, 4096)
                except OSError:  # the last one who wrote to the terminal has gone
                    break
            assert process.wait(timeout=60) == 0
        os.close(main)
    assert seen.count(b"\r ") >= 3
    assert seen.rstrip().splitlines()[-1].startswith(b"labels: ")


# How it ends


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_recording_and_summary(running, folder: Path, number: signal.Signals):
    """Row 8, with a camera that gives frames."""
    with MjpegServer() as server:
        loop = running("--source", server.url, "--record", "out.mp4")
        for _ in range(10):
            loop.line()
        out, err = loop.end(number)
    assert loop.process.returncode == 0
    assert all(json.loads(line) for line in out.splitlines())
    assert out.endswith(b"\n") or not out
    assert "frames in" in err
    assert err.splitlines()[-1].partition(", ")[0] == "recording: out.mp4"
    assert cv2.VideoCapture(str(folder / "out.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) >= 5


def test_a_signal_ends_it_while_the_camera_says_nothing(running):
    """Row 8, with a read that blocks."""
    with MjpegServer(fault="silent") as server:
        loop = running("--source", server.url)
        server.wait_for(lambda: server.connections > 0)
        out, err = loop.end(signal.SIGTERM)
    assert loop.process.returncode == 0, err
    assert out == b""
    assert err.splitlines()[-1] == "0 frames"


def test_a_signal_ends_it_when_nobody_reads_its_lines(running):
    with MjpegServer(rate_fps=1000) as server:
        loop = running("--source", server.url, "--topk", 10)
        server.wait_for(lambda: server.newest > 300)
        out, _ = loop.end(signal.SIGTERM)
    assert loop.process.returncode == 0
    assert out.endswith(b"\n")


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(signal.SIGHUP, signal.SIGINT, 130), (signal.SIGINT, signal.SIGTERM, 143)],
)
def test_a_second_signal_ends_it_at_once_and_leaves_no_half_line(running, first, second, code):
    """Row 9: both before the first can have ended it; Python handles them in the order of their numbers."""
    with MjpegServer(rate_fps=200) as server:
        loop = running("--source", server.url)
        for _ in range(5):
            loop.line()
        loop.process.send_signal(signal.SIGSTOP)
        loop.process.send_signal(first)
        loop.process.send_signal(second)
        out, _ = loop.end(signal.SIGCONT)
    assert loop.process.returncode == code
    assert all(json.loads(line) for line in out.splitlines())
    assert out.endswith(b"\n") or not out


def test_when_nobody_reads_any_more_it_ends_quietly(running):
    with MjpegServer() as server:
        loop = running("--source", server.url)
        loop.line()
        loop.process.stdout.close()
        loop.process.stdout = None
        _, err = loop.process.communicate(timeout=60)
    assert loop.process.returncode == 0
    assert b"Traceback" not in err
    assert b"error" not in err


# What is wrong with the input


def test_without_a_whole_model_it_says_how_to_make_one(run_edgecls, tmp_path: Path):
    """An empty folder is another matter: see test_models.py."""
    (tmp_path / "page.tflite").write_text("<html>")
    done = run_edgecls("camera", "--once", "--source", "demo", cwd=tmp_path)
    assert done.returncode == 66
    assert "(page.tflite: not a TFLite" in error_of(done)
    assert "run `edgecls train`, then `edgecls export --int8`" in error_of(done)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--model", "nothing.tflite"), 66, "nothing.tflite: no such file"),
        (
            ("--model", "page.tflite"),
            65,
            "page.tflite: not a TFLite, ONNX or HDF5 file: it starts with '<html>'",
        ),
        (("--model", "empty.onnx"), 65, "empty.onnx: the file is empty"),
        (("--model", "cut.tflite"), 65, "cut.tflite: "),
        (
            ("--model", "image_classification.onnx", "--engine", "litert"),
            2,
            "litert does not run .onnx files",
        ),
        (("--source", "nothing.jpg"), 66, "nothing.jpg: no such file"),
        (("--source", "text.jpg"), 65, "text.jpg: not an image"),
        (("--source", "text.mp4"), 65, "text.mp4: not a readable video"),
        (("--source", "cut.mp4"), 65, "cut.mp4: not a readable video"),
        (("--source", "empty"), 2, "empty: no images in this folder"),
        (("--source", "fifo"), 2, "fifo: a FIFO"),
        (
            ("--source", "concat:a|b"),
            2,
            "source scheme not allowed: concat; use an index, csi, demo, a path, rtsp(s) or http(s)",
        ),
        (("--source", "file:///etc/passwd"), 2, "source scheme not allowed: file"),
        (("--record", "out.avi"), 2, "out.avi: not the name of a video to record"),
        (("--record", "text.jpg/out.mp4"), 74, "cannot write text.jpg/out.mp4"),
        (("--show",), 78, "cannot open a window: there is no screen"),
        (("--threads", "0"), 2, "--threads"),
        (("--conf", "2"), 2, "--conf"),
        (("--topk", "0"), 2, "--topk"),
        (("--max-frames", "0"), 2, "--max-frames"),
        (("--engine", "caffe"), 2, "--engine"),
        (("--colour",), 2, "--colour"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_a_code(camera, folder: Path, options, code, words):
    """Rows 16-18 and 27 among them."""
    whole = (folder / "image_classification.tflite").read_bytes()
    (folder / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    (folder / "page.tflite").write_text("<html>\n<body>Not found</body>\n")
    (folder / "empty.onnx").touch()
    (folder / "text.jpg").write_text("hello, I am text\n")
    (folder / "text.mp4").write_text("hello, I am text\n")
    clip = (folder / "clip.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(clip[: len(clip) // 2])
    (folder / "empty").mkdir()
    os.mkfifo(folder / "fifo")
    source = () if "--source" in options else ("--source", "digits")
    done = camera(*source, *options, ok=False, timeout=60)
    assert done.returncode == code
    assert words in error_of(done)
    assert done.stdout == ""


def test_a_folder_that_may_not_be_written_is_told_before_the_camera_is_opened(
    camera, folder: Path, read_only
):
    """Row 26."""
    with MjpegServer() as server:
        done = camera("--source", server.url, "--once", "--record", read_only(folder) / "out.mp4", ok=False)
        assert server.connections == 0
    assert done.returncode == 77
    assert "read-only file system" in error_of(done)


def test_a_disk_that_fills_ends_the_recording_and_not_the_answers(camera, folder: Path, small_disk: Path):
    every_frame = "--source", "clip.mp4", "--no-realtime", "--json"
    done = camera(*every_frame, "--record", small_disk / "out.mp4", ok=False)
    assert done.returncode == 74
    assert "free space and run it again" in error_of(done)
    assert len(answers(done)) == FRAMES
    assert done.stderr.count("camera: the disk is full") == 1
    assert list(small_disk.iterdir()) == []


def test_the_answers_before_a_cut_are_kept(camera, folder: Path, tiny):
    """Row 15."""
    writer = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 320))
    for number in range(50):
        writer.write(np.full((320, 320, 3), number * 5, np.uint8))
    writer.release()
    whole = (folder / "clip.avi").read_bytes()
    (folder / "clip.avi").write_bytes(whole[: len(whole) // 2])
    done = camera("--source", "clip.avi", "--no-realtime", "--json", "--record", "out.mp4", ok=False)
    assert done.returncode == 65
    given = len(answers(done))
    assert 0 < given < 50
    assert f"read {given} of 50 frames: the file is truncated" in error_of(done)
    assert cv2.VideoCapture(str(folder / "out.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == given


def seconds_of(done: subprocess.CompletedProcess[str]) -> float:
    number, unit = re.search(r"frames in ([0-9.]+) (s|ms)\b", done.stderr).groups()
    return float(number) / (1000 if unit == "ms" else 1)


def test_a_video_plays_at_its_own_rate(camera):
    done = camera("--source", "clip.mp4")
    assert seconds_of(done) >= (FRAMES - 2) / 10  # the last may fall due while the one before is classified


def test_a_video_is_read_as_fast_as_it_goes_when_told(camera, folder: Path):
    frames, rate_fps = 30, 0.25
    writer = cv2.VideoWriter(str(folder / "slow.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), rate_fps, (320, 320))
    for number in range(frames):
        writer.write(np.full((320, 320, 3), number * 8, np.uint8))
    writer.release()
    done = camera("--source", "slow.mp4", "--no-realtime")
    assert f"{frames} frames in " in done.stderr
    assert seconds_of(done) < 0.7 * (frames - 2) / rate_fps


def test_the_demo_camera_shows_known_labels_and_the_summary_says_how_many_were_right(camera):
    done = camera("--source", "demo", "--json", "--max-frames", 30)
    assert all(answer["truth"] == answer["ranking"][0]["label"] for answer in answers(done))
    assert "correct: " in done.stderr


def test_quiet_leaves_results_alone_and_verbose_is_taken_too(camera):
    done = camera("-q", "--source", "demo", "--json", "--max-frames", 5)
    assert len(answers(done)) == 5
    assert done.stderr == ""
    shown = camera("-q", "--source", "demo", "--max-frames", 40).stderr.splitlines()
    assert len(shown) > 1
    assert all("(was " in line for line in shown[:-1])
    assert shown[-1].startswith("labels: ")
    told = camera("-v", "--source", "demo", "--json", "--max-frames", 1).stderr
    assert "model: " in told
    for words in ("source: demo", "network input: 32x32", "answers below ", "outputs: stdout, stderr"):
        assert f"edgecls: {words}" in told


def test_options_come_from_a_file_and_the_command_line_goes_first(camera, folder: Path):
    (folder / "door.toml").write_text('source = "demo"\nmax_frames = 9\njson = true\n')
    assert len(answers(camera("--config", "door.toml"))) == 9
    assert len(answers(camera("--config", "door.toml", "--max-frames", 2))) == 2
    printed = camera("--config", "door.toml", "--hold", "1.5", "--print-config").stdout
    assert 'source = "demo"\n' in printed
    assert "\nhold = 1.5\n" in printed
    (folder / "again.toml").write_text(printed)
    assert camera("--config", "again.toml", "--print-config").stdout == printed


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("sorce = 0", 78, "door.toml: sorce: no such option; did you mean source?"),
        ("source: 0", 78, "door.toml: not TOML: "),
        (None, 66, "door.toml"),
    ],
)
def test_a_wrong_configuration_file_is_one_line(
    camera, folder: Path, text: str | None, code: int, message: str
):
    if text is not None:
        (folder / "door.toml").write_text(text)
    done = camera("--config", "door.toml", ok=False)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_demo_camera_needs_golden_frames(camera, folder: Path):
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in range(10)))
    made_elsewhere = "--model", "image_classification_int8.tflite", "--labels", "labels.txt"
    done = camera("--source", "demo", *made_elsewhere, ok=False)
    assert done.returncode == 2
    assert "carries its own labels and scaling; leave --labels, --scale and the like out" in error_of(done)


def test_one_picture_that_is_none_does_not_hold_up_the_others(camera, folder: Path):
    (folder / "digits" / "5.png").write_text("hello, I am text\n")
    done = camera("--source", "digits", "--json", ok=False)
    assert done.returncode == 65
    assert len(answers(done)) == FRAMES - 1
    assert "camera: skipped digits/5.png" in done.stderr
    assert f"1 of {FRAMES} images could not be read" in error_of(done)


def test_a_damaged_file_is_passed_over_for_the_next_best(camera, folder: Path):
    best = folder / "image_classification_int8.tflite"
    best.write_bytes(best.read_bytes()[:-1])
    card = ModelCard(("cat", "dog"), ImageRule(32, 32))
    (folder / "other.onnx").write_bytes(model_file.attach_to_tflite(b"\x1c\0\0\0TFL3", card))  # wrongly named
    assert "image_classification.tflite on litert" in camera("--source", "digits", "--once").stderr


def test_a_window_is_opened_where_a_person_sits(folder: Path):
    if not shutil.which("xvfb-run"):
        pytest.skip("xvfb-run, a screen without a monitor, is not installed")
    command = [
        "xvfb-run",
        "-a",
        sys.executable,
        "-m",
        "edgecls.cli",
        "camera",
        "--source",
        "clip.mp4",
        "--no-realtime",
        "--show",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if "headless" in done.stderr:
        pytest.skip("this OpenCV has no windows")
    assert done.returncode == 0, done.stderr
    assert f"{FRAMES} frames" in done.stderr
