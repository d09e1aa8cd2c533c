"""CSI cameras against a stand-in for picamera2 with the few methods that are used, as its source has them.

No such camera is attached where these tests run: that a real one works is not shown here.
"""

import sys
import time
from itertools import islice, pairwise
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.sources.open import open_source
from edgecls.edge_runtime.camera.sources.patience import Patience
from edgecls.edge_runtime.errors import Unavailable
from tests.fakes import PATIENT

STAND_IN = """
import os
import time

import numpy as np


class CompletedRequest:
    def __init__(self, camera):
        self._camera, self._released = camera, False
        self._number = camera.taken

    def get_metadata(self):
        assert not self._released
        return {"SensorTimestamp": time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 50_000_000, "ExposureTime": 9}

    def make_array(self, name):
        assert name == "main" and not self._released
        width_px, height_px = self._camera.configuration["main"]["size"]
        padded = np.zeros((height_px, width_px * 3 + 32), np.uint8)
        image = np.asarray(padded[:, : width_px * 3], order="C").reshape((height_px, width_px, 3))
        image[..., 0] = 200  # "RGB888": blue comes first in memory
        image[..., 2] = self._number
        return image

    def release(self):
        assert not self._released
        self._released = True
        self._camera.in_use -= 1


class Picamera2:
    attached = int(os.environ["CSI_CAMERAS"])

    @staticmethod
    def global_camera_info():
        csi = [{"Id": f"/base/i2c/imx708@{n}", "Num": n} for n in range(Picamera2.attached)]
        return [*csi, {"Id": "/base/pcie/usb@1", "Num": len(csi)}]

    def __init__(self, camera_num=0):
        if os.environ.get("CSI_FAULT") == "busy":
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
        self.started, self.taken, self.in_use, self.configuration = False, 10 * camera_num, 0, None

    def create_video_configuration(self, main={}, lores=None, raw={}, buffer_count=6, queue=True):
        assert set(main) <= {"format", "size"} and main["format"] == "RGB888"
        return {"main": dict(main), "lores": lores, "raw": raw, "buffer_count": buffer_count, "queue": queue}

    def configure(self, configuration):
        assert not self.started and configuration["buffer_count"] <= 4
        self.configuration = configuration

    def camera_configuration(self):
        return self.configuration

    def start(self):
        self.started = True

    def capture_request(self, wait=None):
        assert self.started and self.in_use == 0, "the last request was not released"
        if os.environ.get("CSI_FAULT") == "stalls" and self.taken == 5:
            time.sleep(wait)
            raise TimeoutError
        time.sleep(0.02)
        self.taken += 1
        self.in_use += 1
        return CompletedRequest(self)
"""


@pytest.fixture
def attach(tmp_path: Path, monkeypatch):
    """Puts the stand-in on the capture process's path, with so many cameras."""

    def attach(cameras: int, fault: str = "") -> None:
        (tmp_path / "picamera2.py").write_text(STAND_IN)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setenv("CSI_CAMERAS", str(cameras))
        monkeypatch.setenv("CSI_FAULT", fault)

    return attach


def test_frames_come_in_order_with_blue_first_and_the_sensors_own_time(attach):
    attach(1)
    events = []
    with open_source("csi", one_shot=True, patience=PATIENT, on_event=events.append) as source:
        frames = list(islice(source, 5))
        process = Path(f"/proc/{source.pid}/cmdline").read_bytes()

    assert events[0].text == "opened csi: 640x480, 30 fps"
    assert all(frame.pixels.shape == (480, 640, 3) for frame in frames)
    assert {int(frame.pixels[..., 0].mean()) for frame in frames} == {200}
    numbers = [int(frame.pixels[0, 0, 2]) for frame in frames]
    assert numbers == sorted(set(numbers))
    steps_s = [after.captured_at_s - before.captured_at_s for before, after in pairwise(frames)]
    assert min(steps_s) > 0.01
    assert b"capture_child" in process


def test_the_time_of_a_frame_is_when_it_was_exposed(attach):
    attach(1)
    with open_source("csi", one_shot=True, patience=PATIENT) as source:
        frame = next(iter(source))
        assert time.monotonic() - frame.captured_at_s >= 0.05


def test_a_second_camera_is_asked_for_by_its_number(attach):
    attach(2)
    with open_source("csi:1", one_shot=True, patience=PATIENT) as source:
        assert next(iter(source)).pixels[0, 0, 2] > 10
        assert source.description == "csi:1"


@pytest.mark.parametrize(
    ("least_px", "size"), [((128, 128), "170x128"), ((1280, 720), "1280x720"), ((201, 101), "202x102")]
)
def test_pictures_are_no_narrower_than_the_sensor_and_of_even_sides(attach, least_px, size):
    attach(1)
    events = []
    with open_source(
        "csi", one_shot=True, patience=PATIENT, size_px=least_px, on_event=events.append
    ) as source:
        next(iter(source))

    assert events[0].text == f"opened csi: {size}, 30 fps"


@pytest.mark.parametrize(("cameras", "source"), [(0, "csi"), (1, "csi:1")])
def test_a_camera_that_is_not_attached_is_one_clear_line(attach, cameras, source):
    attach(cameras)
    missing = pytest.raises(
        Unavailable, match=f"{source}: no such camera, {cameras} attached; check its cable"
    )
    with open_source(source, one_shot=True, patience=PATIENT) as frames, missing:
        frames.read(20)


def test_a_camera_in_use_says_so(attach):
    attach(1, "busy")
    with (
        open_source("csi", one_shot=True, patience=PATIENT) as frames,
        pytest.raises(Unavailable, match="csi: in use by another"),
    ):
        frames.read(20)


def test_a_camera_that_stops_giving_pictures_is_opened_again(attach):
    attach(1, "stalls")
    events = []
    patience = Patience(silence_s=1.0, first_pause_s=0.05)
    with open_source("csi", on_event=events.append, patience=patience) as source:
        given = []
        for frame in source:
            given.append(frame.sequence)
            if [event.kind for event in events].count("opened") == 2:
                break

    assert "stalled" in [event.kind for event in events]
    assert given == sorted(set(given))


def test_without_picamera2_it_says_how_to_get_it():
    if "picamera2" in sys.modules or Path("/usr/lib/python3/dist-packages/picamera2").exists():
        pytest.skip("picamera2 is installed here")
    with open_source("csi", one_shot=True, patience=PATIENT) as source, pytest.raises(Unavailable) as missing:
        source.read(20)

    assert "sudo apt install python3-picamera2" in str(missing.value)
    assert "python3 -m venv --system-site-packages" in str(missing.value)


def test_a_picamera2_for_another_numpy_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    advice = "pip install --force-reinstall --no-deps simplejpeg"
    with (
        open_source("csi", one_shot=True, patience=PATIENT) as source,
        pytest.raises(Unavailable, match=advice),
    ):
        source.read(20)
