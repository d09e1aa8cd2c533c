import pytest
from edgecls.edge_runtime.camera.roi import parse_roi
from edgecls.edge_runtime.errors import UsageError


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
    with pytest.raises(
        UsageError, match=f"^--roi {text}: outside of the picture, which has 640x480 pixels; write"
    ):
        parse_roi(text).box(480, 640)
