"""Network cameras: a real RTSP server (tests/rtsp_server.py), healthy, stopped, killed and guarded."""

import hashlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.event import Event
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.sources.capture import Capture
from edgecls.edge_runtime.camera.sources.capture_process import Trust
from edgecls.edge_runtime.camera.sources.network import ffmpeg_stream
from edgecls.edge_runtime.camera.sources.open import open_source
from edgecls.edge_runtime.errors import Unavailable
from tests.certificates import certificate
from tests.fakes import PATIENT
from tests.mjpeg_server import numbered_picture, read_number

SYSTEM_PYTHON = "/usr/bin/python3"
PROGRAM = Path(__file__).parents[4] / "rtsp_server.py"
PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-ugly"
)
INTERVAL_S = 1 / 30
QUICK = replace(PATIENT, silence_s=2.0)
"""For servers that are silent. Opening is given up after that too, and tried again with more time."""


class RtspServer:
    """The server's process, and when each picture went into its encoder."""

    def __init__(self, *options: str) -> None:
        if not Path(SYSTEM_PYTHON).exists():
            pytest.skip(f"needs {SYSTEM_PYTHON}, and {PACKAGES}")
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, PROGRAM, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        port = self.process.stdout.readline().strip()
        if not port:
            why = self.process.communicate()[1].strip().rpartition("\n")[2]
            pytest.skip(f"{why}: apt-get install {PACKAGES}")
        self.port = int(port)
        self.sent_at_s: dict[int, float] = {}
        self._sent = threading.Condition()
        threading.Thread(target=self._note, daemon=True).start()

    def _note(self) -> None:
        for line in self.process.stdout:
            number, at_s = line.split()
            with self._sent:
                self.sent_at_s[int(number)] = float(at_s)
                self._sent.notify_all()

    def url(self, path: str, login: str = "") -> str:
        return f"rtsp://{login}127.0.0.1:{self.port}/{path}"

    def age_s(self, frame: Frame) -> float:
        """From the encoder to now."""
        now_s = time.monotonic()
        return now_s - self.wait_for_time_s(read_number(frame.pixels))

    def wait_for_time_s(self, number: int) -> float:
        """When a picture went into its encoder; its line may still be on the way."""
        with self._sent:
            assert self._sent.wait_for(lambda: number in self.sent_at_s, 60)
        return self.sent_at_s[number]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def serving(*options: str) -> Iterator[RtspServer]:
    server = RtspServer(*options)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def server():
    with serving() as server:
        yield server


def read_until(source: Capture, happened: Callable[[Frame | None], bool], timeout_s=60.0) -> Frame | None:
    """The frame (or none) with which something holds for the first time."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        frame = source.read(0.05)
        if happened(frame):
            return frame
    pytest.fail("in vain")


def a_frame(frame: Frame | None) -> bool:
    return frame is not None


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


@pytest.mark.parametrize(("path", "delay_frames"), [("h264", 4), ("mjpeg", 1)])
@pytest.mark.timing
def test_frames_are_young_from_the_first_on(server, path, delay_frames):
    """H.264 is decoded by several threads, each of which holds a frame."""
    with open_source(server.url(path), one_shot=True, patience=PATIENT) as source:
        ages_s = [server.age_s(read_until(source, a_frame)) for _ in range(30)]

    assert sorted(ages_s)[15] < (delay_frames + 1) * INTERVAL_S
    assert ages_s[0] < 0.5  # not those that FFmpeg kept from its second of looking at the stream


@pytest.mark.parametrize("path", ["h264", "mjpeg"])
def test_frames_arrive_in_order(server, path):
    events: list[Event] = []
    with open_source(server.url(path), one_shot=True, patience=PATIENT, on_event=events.append) as source:
        frames = [read_until(source, a_frame) for _ in range(30)]

    numbers = [read_number(frame.pixels) for frame in frames]
    assert numbers == sorted(set(numbers))
    assert frames[0].pixels.shape == (240, 320, 3)
    assert kinds(events) == ["opened"]


@pytest.mark.timing
@pytest.mark.parametrize(("path", "delay_frames"), [("h264", 4), ("mjpeg", 1)])
def test_a_slow_consumer_still_gets_young_frames(server, path, delay_frames):
    """The capture process takes them as fast as they come, so that none waits in FFmpeg or the network."""
    with open_source(server.url(path), one_shot=True, patience=PATIENT) as source:
        read_until(source, a_frame)
        ages_s = []
        for _ in range(5):
            newest = max(server.sent_at_s)
            read_until(source, lambda _, newest=newest: max(server.sent_at_s) >= newest + 10)
            ages_s.append(server.age_s(read_until(source, a_frame)))

    assert sorted(ages_s)[2] < (delay_frames + 2) * INTERVAL_S


def test_a_stream_with_rare_key_frames_gives_its_first_one():
    """The next one is an hour away: the first may be neither thrown away nor given up."""
    with serving() as server, open_source(server.url("rare"), one_shot=True, patience=PATIENT) as source:
        assert read_until(source, a_frame)


def test_the_age_of_a_slow_stream_is_true():
    """FFmpeg gives a picture when the next one arrives: here, a second later."""
    with serving() as server, open_source(server.url("slow"), one_shot=True, patience=PATIENT) as source:
        frames = [read_until(source, a_frame) for _ in range(4)]
        late_s = [frame.captured_at_s - server.wait_for_time_s(read_number(frame.pixels)) for frame in frames]

    assert abs(sorted(late_s)[1]) < 0.5


def test_the_wait_for_a_key_frame_is_no_silence():
    """A second viewer comes between two key frames, as viewers of cameras do."""
    impatient = replace(PATIENT, silence_s=0.3, first_frame_s=0.3, key_frame_s=60.0)
    events: list[Event] = []
    with serving() as server, open_source(server.url("h264"), one_shot=True, patience=PATIENT) as first:
        read_until(first, a_frame)
        with open_source(server.url("h264"), on_event=events.append, patience=impatient) as source:
            source._patience = replace(impatient, silence_s=60.0)  # from its first frame on
            pixels = read_until(source, a_frame).pixels

    assert kinds(events) == ["opened"]
    sent = numbered_picture(read_number(pixels), (320, 240))
    assert np.abs(pixels.astype(int) - sent).mean() < 10  # it is not grey, as without a key frame


def test_a_server_that_is_started_again_is_found_again():
    events: list[Event] = []
    with (
        serving() as first,
        open_source(first.url("mjpeg"), on_event=events.append, patience=PATIENT) as source,
    ):
        last = read_until(source, a_frame)
        first.kill()
        read_until(source, lambda _: "unavailable" in kinds(events))
        with serving("--port", str(first.port)):
            again = read_until(source, a_frame)

    assert again.sequence > last.sequence
    assert source.reconnects >= 1
    assert kinds(events)[0] == kinds(events)[-1] == "opened"
    assert {"ended", "unavailable"} & set(kinds(events))


def test_a_server_that_stalls_is_opened_again(within):
    events: list[Event] = []
    with (
        serving() as server,
        open_source(server.url("h264"), on_event=events.append, patience=QUICK) as source,
    ):
        read_until(source, a_frame)
        pid, before = source.pid, len(events)
        os.kill(server.process.pid, signal.SIGSTOP)
        with within(QUICK.silence_s + 1):
            read_until(source, lambda _: "stalled" in kinds(events[before:]))
        os.kill(server.process.pid, signal.SIGCONT)
        read_until(source, a_frame)

    assert source.pid != pid
    assert events[before].text == "no frame in 2 s; trying again in 0.05 s"
    assert kinds(events)[-1] == "opened"


def test_a_server_that_accepts_and_never_replies_is_tried_again_until_it_does(server):
    """The same port answers at last, so its silence cannot have been anything else."""
    events: list[Event] = []
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    url = f"rtsp://127.0.0.1:{port}/mjpeg"
    with open_source(url, on_event=events.append, patience=QUICK) as source:
        read_until(source, lambda _: "stalled" in kinds(events))
        silent.close()
        with serving("--port", str(port)):
            assert read_until(source, a_frame)

    assert events[0].text == "no frame in 2 s; trying again in 0.05 s"


def test_a_wrong_path_says_so(server):
    refused = pytest.raises(Unavailable, match="/nothing: no such path; check it in the camera's manual")
    with open_source(server.url("nothing"), one_shot=True, patience=PATIENT) as source, refused:
        read_until(source, a_frame)


def test_http_to_the_port_of_rtsp_says_so(server):
    """GStreamer's server answers it, that it is busy."""
    url = server.url("h264").replace("rtsp:", "http:")
    refused = pytest.raises(Unavailable, match="speaks RTSP on this port; write rtsp:// in place of")
    with open_source(url, one_shot=True, patience=PATIENT) as source, refused:
        read_until(source, a_frame)


def test_a_user_with_the_right_password_gets_in_and_nobody_else():
    events: list[Event] = []
    with serving("--user", "admin", "--password", "hunter2") as server:
        with open_source(
            server.url("mjpeg", "admin:hunter2@"), on_event=events.append, patience=PATIENT
        ) as source:
            assert read_until(source, a_frame)
            process = Path(f"/proc/{source.pid}")
            shown = [(process / name).read_bytes() for name in ("cmdline", "environ", "comm")]
        refused = pytest.raises(Unavailable, match="login refused; check user and password")
        with (
            open_source(server.url("mjpeg", "admin:guess@"), one_shot=True, patience=PATIENT) as source,
            refused as why,
        ):
            read_until(source, a_frame)

    assert source.description == f"rtsp://admin:***@127.0.0.1:{server.port}/mjpeg"
    assert "guess" not in str(why.value)
    assert not any(b"hunter2" in text for text in shown)
    assert not any("hunter2" in event.text for event in events)
    assert "//admin:***@" in events[0].text


def test_a_certificate_of_the_camera_is_trusted_by_its_file_or_fingerprint_only(tmp_path):
    """FFmpeg connects anew, and has to check it too."""
    made = certificate(tmp_path)
    digits = hashlib.sha256(ssl.PEM_cert_to_DER_cert(made.pem.read_text())).hexdigest()
    with serving("--tls", str(made.pem), str(made.key)) as server:
        url = server.url("h264").replace("rtsp:", "rtsps:")
        for trust in (Trust(ca_file=str(made.pem)), Trust(fingerprint=digits)):
            assert next(ffmpeg_stream.open_stream(url, 60.0, trust).pictures)
        for trust, words in (
            (Trust(), f"use --ca-file FILE or --tls-fingerprint sha256:{digits}"),
            (Trust(fingerprint="0" * 64), f"another certificate than the pinned one: sha256:{digits}"),
        ):
            with pytest.raises(Unavailable, match=words):
                ffmpeg_stream.open_stream(url, 60.0, trust)
        stream = ffmpeg_stream._Stream(url, 60.0, Trust())
        assert not stream.open(threads=1)  # FFmpeg itself does not trust it either


def test_the_sound_of_a_camera_does_not_come_between(server):
    assert next(ffmpeg_stream.open_stream(server.url("sound"), 60.0).pictures)


@contextmanager
def hiding(port: int, *words: bytes) -> Iterator[str]:
    """An address that stands for this one, with some words of the answers made into others.

    The port is the same: for another one, the server would begin another stream.
    """

    def pass_on(source: socket.socket, target: socket.socket, change: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                for word in words if change else ():
                    piece = piece.replace(word, b"x" * len(word))
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError), ExitStack() as ends:
            while True:
                client = ends.enter_context(listener.accept()[0])
                server = ends.enter_context(socket.create_connection(("127.0.0.1", port)))
                for arguments in ((client, server, False), (server, client, True)):
                    threading.Thread(target=pass_on, args=arguments, daemon=True).start()

    with socket.create_server(("127.0.0.2", port)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.2:{port}"
        listener.shutdown(socket.SHUT_RDWR)


def test_a_camera_that_does_not_describe_its_picture_is_looked_at_for_longer(server):
    """Its size stands in the stream alone, and FFmpeg keeps what it reads until it has found it."""
    with (
        open_source(server.url("h264"), one_shot=True, patience=PATIENT) as first,
        hiding(server.port, b"sprop-parameter-sets", b"framesize") as place,
    ):
        read_until(first, a_frame)  # this viewer is the second, and comes between two key frames
        opened = ffmpeg_stream.open_stream(f"rtsp://{place}/h264", 60.0)
        pictures = [next(opened.pictures) for _ in range(5)]
        late_s = [
            picture.captured_at_s - server.wait_for_time_s(read_number(picture.content))
            for picture in pictures
        ]

    assert (opened.width_px, opened.height_px) == (320, 240)
    assert abs(sorted(late_s)[2]) < 0.3  # not those of FFmpeg's look


def test_a_stream_that_one_thread_cannot_decode_is_opened_with_one_for_each_core(server, monkeypatch):
    """Here, any load is too much."""
    monkeypatch.setattr(ffmpeg_stream, "_FULL_LOAD", -1.0)
    monkeypatch.setattr(ffmpeg_stream, "_WINDOW_S", 0.2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    asked = []
    open_with = ffmpeg_stream._Stream.open
    monkeypatch.setattr(
        ffmpeg_stream._Stream,
        "open",
        lambda stream, threads: asked.append(threads) or open_with(stream, threads),
    )

    given = ffmpeg_stream.open_stream(server.url("h264"), 60.0).pictures
    numbers = [read_number(next(given).content) for _ in range(60)]

    assert asked == [1, 0]
    assert numbers == sorted(set(numbers))


def test_a_load_is_measured_over_a_window(monkeypatch):
    used_s = iter([1.0, 5.9, 6.0, 8.0])
    monkeypatch.setattr(time, "process_time", lambda: next(used_s))
    load = ffmpeg_stream._Load()

    assert not load.is_full(100.0)
    assert not load.is_full(104.9)
    assert load.is_full(105.0)  # 4.9 of 5 seconds
    assert not load.is_full(106.0)
    assert not load.is_full(111.0)  # 2 of 5 seconds
