"""`edgecls camera --record DIR/` and `--replay DIR/`, as real processes."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.images.opencv import cv2
from tests.mjpeg_server import MjpegServer

FRAMES = 12


@pytest.fixture
def folder(tiny, tmp_path: Path) -> Path:
    """The four exported files, and digits as the JPEG files of a folder."""
    for path in tiny.files:
        shutil.copy(path, tmp_path)
    (tmp_path / "digits").mkdir()
    for number, image in enumerate(tiny.dataset.test.images[:FRAMES]):
        large = cv2.resize(image[..., ::-1], (320, 320), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / "digits" / f"{number}.png"), large)
    return tmp_path


@pytest.fixture
def camera(folder: Path, run_edgecls) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = run_edgecls("camera", "--headless", *arguments, cwd=folder)
        assert done.returncode == code, done.stderr
        return done

    return run


def test_a_recording_is_replayed_by_the_same_model_and_by_another(camera, folder: Path):
    recorded = camera("--source", "digits", "--json", "--record", "rec/")
    assert len(list((folder / "rec" / "000001").glob("*.jpg"))) == FRAMES
    assert "recording: rec/" in recorded.stderr
    same = json.loads(camera("--replay", "rec", "--json").stdout)
    assert same["frames"] == FRAMES
    assert same["recorded_model"] == same["replayed_model"] == "image_classification_int8.tflite"
    assert same["encoded_frames"] == FRAMES
    other = camera("--replay", "rec/", "--model", "image_classification.onnx", "--conf", "1")
    assert f"image_classification_int8.tflite -> image_classification.onnx: {FRAMES} frames" in other.stdout
    assert "unknown" in other.stdout
    assert other.stderr == ""


def test_a_recorded_threshold_holds_for_the_replay(camera):
    camera("--source", "digits", "--record", "rec/", "--conf", "1")
    done = json.loads(camera("--replay", "rec", "--json").stdout)
    assert done["equal"] == FRAMES


def test_a_folder_that_exists_needs_no_slash_and_takes_one_recording_only(camera, folder: Path):
    (folder / "rec").mkdir()
    camera("--source", "digits/0.png", "--record", "rec")
    lines = (folder / "rec" / "000001" / "answers.jsonl").read_text()
    done = camera("--source", "digits", "--record", "rec", code=78)
    assert done.stderr.splitlines()[-1] == (
        "edgecls: error: rec: holds a recording already; record into another folder"
    )
    assert (folder / "rec" / "000001" / "answers.jsonl").read_text() == lines


def test_a_recording_with_a_limit_stays_under_it(camera, folder: Path):
    noise = np.random.default_rng(0).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    for number in range(FRAMES):
        cv2.imwrite(str(folder / "digits" / f"{number}.png"), np.roll(noise, number, 1))
    camera("--source", "digits", "--record", "rec/", "--record-max-mb", 2)
    kept = [path.stat().st_size for path in (folder / "rec").rglob("*.jpg")]
    assert 0 < len(kept) < FRAMES
    assert sum(kept) <= 2_000_000


def test_a_recording_that_was_cut_off_can_be_replayed(camera, folder: Path):
    with MjpegServer() as server:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "edgecls.cli",
                "camera",
                "--json",
                "--source",
                server.url,
                "--record",
                "rec/",
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout
        given = [process.stdout.readline() for _ in range(10)]
        process.kill()
        process.communicate()
    done = json.loads(camera("--replay", "rec", "--json").stdout)
    assert done["frames"] >= len(given) - 1  # the last was given before it was recorded
    assert done["equal"] == done["frames"]
    assert done["encoded_frames"] == done["damaged_frames"] == 0


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--replay", "digits"), 66, "digits: not a recording"),
        (("--replay", "nowhere"), 66, "nowhere: not a recording"),
        (("--source", "digits", "--record", "out.mp4", "--record-max-mb", "9"), 2, "write --record out/"),
        (("--source", "digits", "--cpu", "much"), 2, "--cpu much: not a percentage of one core"),
    ],
)
def test_what_makes_no_sense_is_told(camera, options, code, words):
    done = camera(*options, code=code)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recording_does_not_take_the_place_of_its_own_source(camera, folder: Path):
    video = folder / "clip.mp4"
    camera("--source", "digits", "--record", video)
    before = video.read_bytes()
    done = camera("--source", "clip.mp4", "--record", folder / "." / "clip.mp4", code=2)
    assert "clip.mp4: is the source itself; choose another name" in done.stderr
    assert video.read_bytes() == before


def test_events_are_not_appended_to_the_source_or_the_recording(camera, folder: Path):
    before = (folder / "digits" / "0.png").read_bytes()
    done = camera("--source", "digits/0.png", "--events", "digits/0.png", code=2)
    assert "--events digits/0.png: is the source itself; choose another name" in done.stderr
    assert (folder / "digits" / "0.png").read_bytes() == before
    done = camera("--source", "digits", "--events", "out.mp4", "--record", folder / "out.mp4", code=2)
    assert "--events out.mp4: is the recording itself; choose another name" in done.stderr


@pytest.mark.parametrize("option", [("--record", "q/"), ("--events", "e.jsonl"), ("--serve", ":0")])
def test_a_replay_refuses_what_it_does_not_write(camera, option):
    done = camera("--replay", "rec", *option, code=2)
    assert f"{option[0]}: has no effect with --replay" in done.stderr
