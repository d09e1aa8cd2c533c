"""Recordings and options with what a stranger might write into them: one line, or a line that is skipped."""

import json
import os
from copy import deepcopy
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.event_lines import parse_event_line
from edgecls.edge_runtime.camera.option_values import read_options
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.camera.recording import (
    ANSWERS_NAME,
    HEADER_NAME,
    RecordedAnswer,
    RecordedSettings,
    RecordingHeader,
    frame_name,
)
from edgecls.edge_runtime.camera.replay import ReplayReport, replay_recording
from edgecls.edge_runtime.camera.session import check_options
from edgecls.edge_runtime.errors import BadData, EdgeclsError, UsageError
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.text import printable
from tests.fakes import fake_classifier, picture
from tests.hostile_values import HOSTILE, places, put

SETTINGS = RecordedSettings(None, None, 0.1, 0.1, True, "0,0,32,32", "90", "horizontal")
HEADER = asdict(RecordingHeader("csi", "m.tflite", "a" * 64, "2026-01-01T00:00:00+00:00", SETTINGS))
ANSWER = asdict(
    RecordedAnswer(
        2,
        10.5,
        "2026-01-01",
        "cat",
        (("cat", 0.9), ("dog", 0.1)),
        "cat",
        0.9,
        True,
        False,
        0.5,
        "a.jpg",
        "cat",
    )
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    part = tmp_path / "000001"
    part.mkdir()
    (tmp_path / HEADER_NAME).write_text(json.dumps(HEADER))
    (part / frame_name(2)).write_bytes(cv2.imencode(".jpg", picture())[1].tobytes())
    (part / ANSWERS_NAME).write_text(json.dumps(ANSWER) + "\n")
    return tmp_path


def replay(folder: Path) -> ReplayReport:
    return replay_recording(folder, fake_classifier((0.9, 0.06, 0.04)), StopRequest())


def test_a_header_is_used_or_refused_in_one_line(recording: Path):
    refused = 0
    for path in places(HEADER):
        for value in HOSTILE.values():
            header = deepcopy(HEADER)
            put(header, path, value)
            (recording / HEADER_NAME).write_text(json.dumps(header))
            try:
                report = replay(recording)
            except (BadData, UsageError) as error:
                refused += 1
                said = str(error)
            else:
                said = report.text.replace("\n", "") + str(report.to_json())
            assert said.isprintable(), (path, value)
    assert refused > 200


def test_a_line_is_used_or_skipped(recording: Path):
    lines = recording / "000001" / ANSWERS_NAME
    skipped = 0
    for path in places(ANSWER):
        for value in HOSTILE.values():
            answer = deepcopy(ANSWER)
            put(answer, path, value)
            lines.write_text(f"{json.dumps(answer)}\n{json.dumps(ANSWER)}\n")
            report = replay(recording)
            skipped += report.damaged_lines
            assert report.text.replace("\n", "").isprintable(), (path, value)
    assert skipped > 250


def test_a_line_without_end_is_not_read_into_memory(recording: Path):
    lines = recording / "000001" / ANSWERS_NAME
    with lines.open("wb") as file:
        file.truncate(20_000_000)
    report = replay(recording)
    assert report.frames == 0
    assert report.damaged_lines == 5  # of 4 MB each


def test_a_frame_that_is_a_pipe_is_damaged(recording: Path):
    frame = recording / "000001" / frame_name(2)
    frame.unlink()
    os.mkfifo(frame)
    assert replay(recording).damaged_frames == 1


@pytest.mark.parametrize("roi", ["x", "0,0,0,0", "1e999,0,1,1", "-1,0,5,5"])
def test_a_region_that_is_none_is_the_recordings_fault(recording: Path, roi: str):
    header = deepcopy(HEADER)
    put(header, "settings.roi", roi)
    (recording / HEADER_NAME).write_text(json.dumps(header))
    with pytest.raises(BadData, match=r"recording\.json: not the header of a recording: "):
        replay(recording)


def test_an_event_is_read_or_none():
    event = {"sequence": 1, "at": "2026-01-01T00:00:00", "monotonic_s": 1.5, "kind": "x", "text": "y"}
    for path in places(event):
        for value in HOSTILE.values():
            parse_event_line(json.dumps(event | {path: value}).encode())


TOML_VALUES = (
    *(
        "nan",
        "inf",
        "-inf",
        "1e308",
        "-1",
        "0",
        "1",
        "0.5",
        "99999999999999999999999",
        "9" * 5000,
        "true",
        "false",
    ),
    *(
        '"x"',
        '""',
        '"\\u001b[2J"',
        '"a\\nb"',
        '"a\\u202eb"',
        "[]",
        "[1]",
        "{}",
        "{a = 1}",
        "1979-05-27",
        "07:32:00",
    ),
    *("[" * 5000 + "]" * 5000, '"rtsp://a:b@c/"', '"' + "x" * 5000 + '"'),
)


def test_an_option_of_a_file_is_used_or_refused_in_one_line(tmp_path: Path):
    path = tmp_path / "camera.toml"
    for option in fields(CameraOptions):
        for value in TOML_VALUES:
            path.write_text(f"{option.name} = {value}\n")
            said = ""
            try:
                check_options(CameraOptions(**read_options(path, CameraOptions)))
            except EdgeclsError as error:
                said = str(error)
            assert said == printable(said), (option.name, value)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_an_option_is_a_finite_number(tmp_path: Path, value: str):
    path = tmp_path / "camera.toml"
    path.write_text(f"fps = {value}\n")
    with pytest.raises(EdgeclsError, match="write a number"):
        read_options(path, CameraOptions)
    with pytest.raises(UsageError, match=r"--fps .*: write a number"):
        check_options(CameraOptions(source="demo", fps=float(value)))


@pytest.mark.parametrize(
    ("name", "value"), [("threads", 0), ("threads", 10**9), ("conf", 1.5), ("smooth", -1.0)]
)
def test_a_program_has_the_limits_of_the_command_line(name: str, value: Any):
    with pytest.raises(UsageError, match=f"--{name} .*: write at"):
        check_options(CameraOptions(source="demo", **{name: value}))
