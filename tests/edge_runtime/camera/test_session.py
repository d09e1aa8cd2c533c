import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import edgecls
from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.event_lines import read_events
from edgecls.edge_runtime.camera.options import CameraOptions
from edgecls.edge_runtime.camera.session import check_options, open_session
from edgecls.edge_runtime.errors import EdgeclsError, Unavailable, UsageError
from edgecls.edge_runtime.images.opencv import cv2
from tests.certificates import server_tls
from tests.fakes import Terminal
from tests.mjpeg_server import MjpegServer

DEMO = CameraOptions(source="demo", model=Path("nano"), max_frames=12)


@pytest.fixture
def pictures(tiny, tmp_path: Path) -> Path:
    """A folder of three digits."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), tiny.dataset.test.images[number][..., ::-1])
    return folder


def test_watch_yields_an_answer_for_each_frame(tiny, pictures: Path):
    answers = list(edgecls.watch(str(pictures), tiny.files[2]))
    assert [Path(answer.frame.name).name for answer in answers] == ["0.png", "1.png", "2.png"]
    assert all(answer.announced == answer.prediction.label for answer in answers)


class Waiting(Exception):
    """Raised out of a loop that waits."""


def leave(event: Event) -> None:
    raise Waiting(event.text)


@pytest.mark.parametrize(("stream", "wait"), [(io.StringIO(), None), (Terminal(), True)])
def test_a_missing_camera_is_waited_for(monkeypatch, stream: io.StringIO, wait: bool | None):
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(Waiting, match=r"/dev/video97: no such camera; .*trying again in 1 s"):
        next(edgecls.watch("/dev/video97", "nano", options=CameraOptions(wait=wait), on_event=leave))


@pytest.mark.parametrize(("stream", "wait"), [(Terminal(), None), (io.StringIO(), False)])
def test_on_a_terminal_a_missing_camera_is_an_error(monkeypatch, stream: io.StringIO, wait: bool | None):
    monkeypatch.setattr(sys, "stderr", stream)
    with pytest.raises(Unavailable, match=r"/dev/video97: no such camera; .*`--source demo` needs no camera"):
        next(edgecls.watch("/dev/video97", "nano", options=CameraOptions(wait=wait), on_event=leave))


def test_whoever_stops_watching_leaves_no_camera_process_behind():
    psutil = pytest.importorskip("psutil")
    before = psutil.Process().children()
    answers = edgecls.watch("demo", "nano")
    assert next(answers).frame.sequence >= 1
    assert len(psutil.Process().children()) == len(before) + 1
    answers.close()
    assert psutil.Process().children() == before


def test_a_session_from_python_has_the_outputs_of_the_command(tmp_path: Path):
    told: list[Event] = []
    options = replace(DEMO, events=tmp_path / "e.jsonl", record=f"{tmp_path}/frames/", serve="127.0.0.1:0")
    with open_session(options, on_event=told.append) as session:
        assert session.page is not None
        assert session.page.link.startswith("http://127.0.0.1:")
        report = session.run()
    assert report.frames == 12
    assert [event.kind for event in read_events(tmp_path / "e.jsonl").events][-1] == "stopped"
    assert (tmp_path / "frames" / "recording.json").exists()
    assert {event.kind for event in told} >= {"opened"}


def test_watching_with_an_event_log_writes_how_it_began_and_ended(tiny, pictures: Path, tmp_path: Path):
    options = CameraOptions(events=tmp_path / "e.jsonl")
    list(edgecls.watch(str(pictures), tiny.files[2], options=options))
    whole = read_events(tmp_path / "e.jsonl").events
    assert [event.kind for event in whole] == ["started", "stopped"]
    assert whole[-1].facts["frames"] == 3
    answers = edgecls.watch(str(pictures), tiny.files[2], options=options)
    next(answers)
    answers.close()
    assert read_events(tmp_path / "e.jsonl").events[-1].text == "the program that watched it ended"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (CameraOptions(source="ftp://x"), "source scheme not allowed: ftp"),
        (CameraOptions(roi="1,2"), "--roi 1,2: not a region"),
        (CameraOptions(size="large"), "--size large: not a size"),
        (CameraOptions(cpu="0.5"), "--cpu 0.5: not a percentage"),
        (
            CameraOptions(record="a.mp4", record_max_mb=5),
            "--record-max-mb is for a folder; write --record a/",
        ),
        (CameraOptions(record_max_mb=5), "--record-max-mb goes with --record DIR/"),
        (CameraOptions(source="https://cam/", tls_fingerprint="ab"), "--tls-fingerprint ab: not a SHA-256"),
        (
            CameraOptions(source="http://cam/", tls_fingerprint="ab" * 32),
            "--tls-fingerprint is for an https or rtsps source; leave it out",
        ),
        (CameraOptions(source="0", ca_file=Path("a.pem")), "--ca-file is for an https or rtsps source"),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_is_opened(options, message: str):
    with pytest.raises(UsageError, match=r"--|source") as raised:
        check_options(options)
    assert message in str(raised.value)


def test_a_camera_is_trusted_and_waited_for_as_the_options_say(tmp_path: Path):
    """From Python as from the command line: the path of a certificate may be a text."""
    with MjpegServer(tls=server_tls(tmp_path)) as server:
        pem = str(tmp_path / "camera.pem")
        options = CameraOptions(server.url, model=Path("nano"), once=True, ca_file=pem, stall_timeout=60)
        check_options(options)
        with open_session(options) as session:
            assert session.run().frames == 1
        with open_session(replace(options, ca_file=None)) as session:
            failure = session.run().failure
    assert "--ca-file FILE or --tls-fingerprint sha256:" in str(failure)


def test_an_output_that_was_opened_is_closed_where_a_later_one_fails(tmp_path: Path):
    options = replace(DEMO, serve="127.0.0.1:0", model=tmp_path / "none.tflite", source="0")
    with pytest.raises(EdgeclsError, match=r"none\.tflite"), open_session(options):
        pass
