"""View: what people see and what the network sees."""

from itertools import product

import numpy as np
import pytest

from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.loop import Loop
from edgecls.edge_runtime.camera.region import parse_roi
from edgecls.edge_runtime.camera.view import AS_IT_COMES, View, network_input
from edgecls.edge_runtime.errors import BadImage, UsageError
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare
from edgecls.edge_runtime.images.rule import ImageRule
from tests.fakes import FakeSink, FakeSource, fake_classifier

SQUARE, WIDE = ImageRule(32, 32), ImageRule(24, 40)
TURNS = [
    View(rotate=rotate, flip=flip)
    for rotate, flip in product((0, 90, 180, 270), (None, "horizontal", "vertical"))
]


def scene(width_px: int, height_px: int) -> np.ndarray:
    coarse = np.random.default_rng(1).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC)


def frame(pixels: np.ndarray, *, as_jpeg: bool = False) -> Frame:
    return Frame(cv2.imencode(".jpg", pixels)[1].tobytes() if as_jpeg else pixels, 1, 0.0)


def corner(view: View) -> tuple[int, int]:
    """Where people see the camera's top left pixel, as (row, column) of a picture of 2 rows and 3 columns."""
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = 255
    row, column, _ = np.argwhere(view.apply(pixels))[0]
    return int(row), int(column)


def test_degrees_count_clockwise_and_horizontal_is_a_mirror():
    assert [corner(View(rotate=rotate)) for rotate in (0, 90, 180, 270)] == [(0, 0), (0, 1), (1, 2), (2, 0)]
    assert corner(View(flip="horizontal")) == (0, 2)
    assert corner(View(flip="vertical")) == (1, 0)


def test_it_is_rotated_first_and_then_mirrored():
    assert corner(View(rotate=90, flip="horizontal")) == (0, 0)


@pytest.mark.parametrize("as_jpeg", [False, True], ids=["pixels", "JPEG"])
@pytest.mark.parametrize("rule", [SQUARE, WIDE], ids=["square", "wide"])
@pytest.mark.parametrize("roi", [None, "10,20,200,150", "0.1,0.3,0.5,0.6"])
@pytest.mark.parametrize("view", TURNS, ids=lambda view: f"{view.rotate} {view.flip}")
def test_the_network_sees_the_region_of_what_people_see(view, roi, rule, as_jpeg):
    given = frame(scene(320, 240), as_jpeg=as_jpeg)
    region = parse_roi(roi) if roi else None
    seen = view.apply(given.pixels)
    if region:
        top, left, height_px, width_px = region.box(*seen.shape[:2])
        seen = seen[top : top + height_px, left : left + width_px]
    image = network_input(given, rule, View(region, view.rotate, view.flip))
    assert image.shape == (rule.height_px, rule.width_px, 3)
    assert image.flags.c_contiguous
    difference = np.abs(image.astype(int) - prepare(seen, rule))
    assert difference.mean() < (1.5 if as_jpeg else 0.1)
    assert as_jpeg or difference.max() <= 1


def test_without_a_view_it_is_what_prepare_makes():
    given = frame(scene(320, 240))
    assert (network_input(given, SQUARE) == prepare(given.pixels, SQUARE)).all()


def test_a_jpeg_is_not_decoded_in_full_for_the_network():
    given = frame(scene(640, 480), as_jpeg=True)
    network_input(given, SQUARE, View(rotate=90))
    assert "pixels" not in vars(given)


def test_a_damaged_jpeg_names_its_frame():
    content = frame(scene(640, 480), as_jpeg=True).picture
    with pytest.raises(BadImage, match=r"^frame 7: the JPEG is truncated"):
        network_input(Frame(content[:999], 7, 0.0), SQUARE)


@pytest.mark.parametrize("as_jpeg", [False, True], ids=["pixels", "JPEG"])
def test_a_region_outside_of_the_picture_is_one_clear_error(as_jpeg):
    view = View(parse_roi("0,0,300,300"))
    with pytest.raises(UsageError, match="outside the picture of 320x240 pixels"):
        network_input(frame(scene(320, 240), as_jpeg=as_jpeg), SQUARE, view)
    network_input(
        frame(scene(240, 320), as_jpeg=as_jpeg), SQUARE, View(parse_roi("0,0,200,300"), flip="vertical")
    )
    network_input(frame(scene(320, 240), as_jpeg=as_jpeg), SQUARE, View(parse_roi("0,0,200,300"), rotate=90))


def test_people_see_the_picture_turned_and_whole():
    given = frame(scene(320, 240), as_jpeg=True)
    view = View(parse_roi("0,0,10,10"), rotate=90)
    seen = view.upright(given)
    assert "pixels" not in vars(seen)  # until somebody looks
    assert seen.size_px == (240, 320)
    assert (seen.pixels == np.rot90(decode(given.picture, "scene"), -1)).all()
    assert seen.jpeg is None
    assert seen.sequence == given.sequence


@pytest.mark.parametrize("view", [AS_IT_COMES, View(parse_roi("0,0,10,10"))])
def test_where_nothing_is_turned_the_jpeg_stays_as_it_came(view):
    given = frame(scene(320, 240), as_jpeg=True)
    assert view.upright(given) is given


def test_every_sink_of_a_loop_sees_what_people_see():
    sink, classifier = FakeSink(), fake_classifier((0.9, 0.06, 0.04))
    pixels = scene(320, 240)
    Loop(classifier, [sink], view=View(rotate=180)).run(FakeSource([frame(pixels)]))
    assert (sink.answers[0].frame.pixels == pixels[::-1, ::-1]).all()
    assert np.abs(classifier.engine.images[0].astype(int) - prepare(pixels[::-1, ::-1], SQUARE)).max() <= 1


def test_whole_numbers_are_pixels():
    assert parse_roi("160, 0,320,480").box(480, 640) == (0, 160, 480, 320)
    assert parse_roi("0,0,1,1").box(480, 640) == (0, 0, 1, 1)


@pytest.mark.parametrize("text", ["0.25,0.0,0.5,1.0", "0.25,0,0.5,1", ".25,0,.5,1"])
def test_with_a_decimal_point_they_are_parts_which_the_resolution_does_not_move(text):
    roi = parse_roi(text)
    assert roi.box(480, 640) == (0, 160, 480, 320)
    assert roi.box(720, 1280) == (0, 320, 720, 640)


@pytest.mark.parametrize("text", ["0.1,0.2,0.9,0.8", "0.999,0.999,0.001,0.001", "0.7,0.7,0.3,0.3"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (480, 640)])
def test_a_part_is_never_empty_nor_outside(text, size):
    top, left, height_px, width_px = parse_roi(text).box(*size)
    assert height_px >= 1
    assert width_px >= 1
    assert top + height_px <= size[0]
    assert left + width_px <= size[1]


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "-1,0,5,5", "1;2;3;4", "1e3,0,5,5", "nan,0,1,1", "1..2,0,1,1"],
)
def test_what_is_no_region_says_how_to_write_one(text):
    with pytest.raises(UsageError, match=r"not a region; write x,y,w,h in pixels, such as 160,0,320,480, or"):
        parse_roi(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [("5,5,0,10", "empty"), ("0.0,0,1,0", "empty"), ("0.6,0.0,0.5,1", "outside"), ("2.5,0,1,1", "outside")],
)
def test_what_no_picture_has_is_refused_at_once(text, why):
    with pytest.raises(UsageError, match=why):
        parse_roi(text)


@pytest.mark.parametrize("text", ["600,0,100,100", "0,400,100,100", "9999,0,1,1"])
def test_pixels_outside_of_the_picture_name_its_size(text):
    with pytest.raises(UsageError, match=f"^--roi {text}: outside the picture of 640x480 pixels; write"):
        parse_roi(text).box(480, 640)


@pytest.mark.parametrize("view", TURNS, ids=lambda view: f"{view.rotate} {view.flip}")
@pytest.mark.parametrize("channels", ["bgr", "grey"])
def test_channels_of_other_networks_are_turned_alike(view: View, channels: str):
    rule = ImageRule(24, 40, channels=channels)  # pyright: ignore[reportArgumentType]
    pixels = scene(160, 160)
    image = network_input(frame(pixels), rule, view)
    expected = prepare(view.apply(pixels), rule)
    assert image.shape == rule.shape
    assert np.abs(image.astype(int) - expected).mean() < 2


def test_a_region_is_resized_before_its_crop():
    rule = ImageRule(56, 56, resize_to_px=64)
    region = scene(320, 240)[40:200, 80:240]
    image = network_input(frame(scene(320, 240)), rule, View(parse_roi("80,40,160,160")))
    np.testing.assert_array_equal(image, prepare(region, rule))
