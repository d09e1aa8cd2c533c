import pytest

from edgecls.edge_runtime.camera.sources.address import least_size_px, parse_size
from edgecls.edge_runtime.errors import UsageError
from edgecls.edge_runtime.images.rule import ImageRule


@pytest.mark.parametrize(("text", "size_px"), [("640x480", (640, 480)), (" 1280X720 ", (1280, 720))])
def test_a_size_is_width_by_height(text, size_px):
    assert parse_size(text) == size_px


@pytest.mark.parametrize("text", ["640", "640x", "0x480", "-1x2", "640x480x3", "999999x1", ""])
def test_what_is_no_size_says_how_to_write_one(text):
    with pytest.raises(UsageError, match="not a size; write WIDTHxHEIGHT, such as 640x480"):
        parse_size(text)


def test_a_camera_gives_four_times_the_networks_sides_and_more_for_a_person():
    rule = ImageRule(height_px=96, width_px=128)

    assert least_size_px(rule, is_watched=False) == (512, 384)
    assert least_size_px(rule, is_watched=True) == (640, 480)
    assert least_size_px(ImageRule(224, 224), is_watched=True) == (896, 896)
