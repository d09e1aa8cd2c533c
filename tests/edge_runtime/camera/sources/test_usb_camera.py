"""What a camera is asked for, on a fake of the few calls that this takes: there is no V4L2 device here."""

import numpy as np
import pytest

from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.sources.address import Device
from edgecls.edge_runtime.camera.sources.capture_child import _capture
from edgecls.edge_runtime.camera.sources.capture_process import ANY_AUTHORITY, CaptureNotice, request_for
from edgecls.edge_runtime.camera.sources.frame_slot import WriterEnds
from edgecls.edge_runtime.camera.sources.usb_camera import (
    COMMON_MODES_PX,
    candidates_px,
    opened,
    pictures,
    request_jpeg,
    request_size,
    request_undecoded,
)
from edgecls.edge_runtime.errors import Unavailable
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from tests.edge_runtime.images.pictures import damaged, encoded, scene
from tests.mjpeg_server import numbered_picture

MJPG = cv2.VideoWriter.fourcc(*"MJPG")
YUYV = cv2.VideoWriter.fourcc(*"YUYV")
JPEG = np.frombuffer(cv2.imencode(".jpg", numbered_picture(1))[1].tobytes(), np.uint8)[None]


class FakeCamera:
    """Has some modes and formats; asked for another mode it takes the nearest by area, as uvcvideo does."""

    def __init__(self, modes_px=COMMON_MODES_PX, formats=(YUYV, MJPG), raw=(JPEG,)) -> None:
        self.modes_px, self.formats, self.raw = modes_px, formats, iter(raw)
        self.size_px = (640, 480)
        self.asked_px: list[tuple[int, int]] = []
        self.format = formats[0]
        self.converts = True
        self.width_px = 0

    def get(self, what: int) -> float:
        return {
            cv2.CAP_PROP_FRAME_WIDTH: self.size_px[0],
            cv2.CAP_PROP_FRAME_HEIGHT: self.size_px[1],
            cv2.CAP_PROP_FOURCC: self.format,
        }[what]

    def set(self, what: int, value: float) -> bool:
        if what == cv2.CAP_PROP_FRAME_WIDTH:  # OpenCV waits for the height
            self.width_px = int(value)
        elif what == cv2.CAP_PROP_FRAME_HEIGHT:
            self.asked_px.append((self.width_px, int(value)))
            area = self.width_px * int(value)
            self.size_px = min(self.modes_px, key=lambda mode: abs(mode[0] * mode[1] - area))
        elif what == cv2.CAP_PROP_FOURCC:
            self.format = int(value) if value in self.formats else self.format
            return value in self.formats
        elif what == cv2.CAP_PROP_CONVERT_RGB:
            self.converts = bool(value)
        return True

    def grab(self) -> bool:
        return True

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        picture = next(self.raw, None)
        return picture is not None, picture


@pytest.mark.parametrize(
    ("least_px", "mode_px"),
    [
        ((128, 128), (176, 144)),
        ((128, 96), (160, 120)),
        ((640, 480), (640, 480)),
        ((896, 896), (1600, 1200)),
        ((1280, 720), (1280, 720)),
    ],
)
def test_the_smallest_mode_that_covers_what_is_wanted_is_set(least_px, mode_px):
    camera = FakeCamera()
    request_size(camera, least_px)

    assert camera.size_px == mode_px


def test_a_mode_that_the_camera_has_is_asked_for_once():
    camera = FakeCamera(modes_px=[(640, 360), (640, 480)])
    request_size(camera, (640, 360))

    assert camera.size_px == (640, 360)
    assert camera.asked_px == [(640, 360)]


def test_where_the_driver_gives_less_the_next_larger_is_asked_for():
    camera = FakeCamera(modes_px=[(160, 120), (640, 480), (1280, 720)])
    request_size(camera, (320, 200))

    assert camera.size_px == (640, 480)
    assert camera.asked_px == [(320, 200), (320, 240), (352, 288), (640, 480)]


def test_where_no_mode_is_large_enough_the_largest_stays():
    camera = FakeCamera(modes_px=[(160, 120), (640, 480)])
    request_size(camera, (1024, 1024))

    assert camera.size_px == (640, 480)


def test_what_no_common_mode_covers_is_asked_for_as_it_is():
    camera = FakeCamera(modes_px=[(640, 480), (8000, 6000)])
    request_size(camera, (8000, 6000))

    assert camera.size_px == (8000, 6000)


def test_candidates_cover_both_sides_and_grow():
    candidates = candidates_px((300, 300))

    assert candidates[0] == (640, 480)
    assert [w * h for w, h in candidates] == sorted(w * h for w, h in candidates)


def test_a_camera_that_makes_jpeg_hands_it_out():
    camera = FakeCamera()

    assert request_jpeg(camera)
    assert request_undecoded(camera)
    assert not camera.converts


def test_a_first_picture_that_is_damaged_does_not_matter():
    camera = FakeCamera(raw=[JPEG[:, :100], None, JPEG])

    assert request_undecoded(camera)


def test_a_camera_that_makes_no_jpeg_gives_pixels():
    camera = FakeCamera(formats=(YUYV,))

    assert not request_jpeg(camera)
    assert camera.converts


def test_where_something_else_than_jpeg_is_handed_out_pixels_are_taken():
    camera = FakeCamera(raw=[np.zeros((480, 640, 2), np.uint8)] * 9)

    assert not request_undecoded(camera)
    assert camera.converts


class Sending:
    """A camera that sends these JPEGs, decoded by OpenCV or as they are, and is then pulled out."""

    def __init__(self, jpegs: list[bytes], *, decodes: bool) -> None:
        self.jpegs, self.decodes = iter(jpegs), decodes
        self.jpeg = b""

    def get(self, what: int) -> float:  # noqa: ARG002 - it states nothing
        return 0.0

    def grab(self) -> bool:
        self.jpeg = next(self.jpegs, b"")
        return bool(self.jpeg)

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        content = np.frombuffer(self.jpeg, np.uint8)
        return True, cv2.imdecode(content, cv2.IMREAD_COLOR) if self.decodes else content


class Taken:
    """Takes what the capture process publishes and says."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.kinds: list[str] = []

    def publish(self, frame: Frame) -> None:
        self.frames.append(frame)

    def send(self, notice: CaptureNotice) -> None:
        self.kinds.append(notice.kind)


def captured(jpegs: list[bytes], *, decodes: bool, taken: Taken) -> None:
    camera = Sending(jpegs, decodes=decodes)
    ends = WriterEnds(-1, -1, -1, -1)
    request = request_for(Device("/dev/video0"), 1, 5.0, None, ANY_AUTHORITY, slot=ends, notices=-1)
    _capture(request, lambda: opened(camera, pictures(camera, gives_jpeg=not decodes)), taken, taken)


WHOLE = [encoded(scene(160, 120, seed)) for seed in range(3)]


def half(jpeg: bytes) -> bytes:
    return jpeg[: len(jpeg) // 2]


def test_cut_jpegs_of_a_camera_are_dropped_and_counted():
    """Decoded, they would be filled up with grey, and classified."""
    taken = Taken()
    jpegs = [WHOLE[0], half(WHOLE[1]), WHOLE[1], half(WHOLE[2]), WHOLE[0][:-2], WHOLE[2]]
    captured(jpegs, decodes=False, taken=taken)

    assert taken.kinds == ["opened", "corrupt", "corrupt", "corrupt"]
    assert [frame.jpeg for frame in taken.frames] == WHOLE
    assert [frame.sequence for frame in taken.frames] == [1, 2, 3]


def test_jpegs_with_a_gap_that_opencv_decodes_are_dropped_and_counted():
    taken = Taken()
    captured([WHOLE[0], damaged(WHOLE[1]), WHOLE[1]], decodes=True, taken=taken)

    assert taken.kinds == ["opened", "corrupt"]
    for frame, jpeg in zip(taken.frames, WHOLE[:2], strict=True):
        assert (frame.pixels == decode(jpeg, "frame")).all()


def test_a_camera_that_gives_only_cut_jpegs_is_opened_again():
    taken, cut = Taken(), [half(WHOLE[0])]
    with pytest.raises(Unavailable, match="10 damaged pictures in a row"):
        captured([WHOLE[0], *cut * 9, WHOLE[1], *cut * 10], decodes=False, taken=taken)

    assert len(taken.frames) == 2
    assert taken.kinds.count("corrupt") == 19


@pytest.mark.parametrize("raw", [[JPEG[:, : JPEG.shape[1] // 2]] * 9, []])
def test_a_camera_whose_first_jpegs_are_cut_or_missing_goes_on_handing_them_out(raw):
    camera = FakeCamera(raw=raw)

    assert request_undecoded(camera)
    assert not camera.converts
