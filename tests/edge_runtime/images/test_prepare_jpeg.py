"""The short path from a JPEG to the network's input, compared with the long one."""

import io
from contextlib import suppress

import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images import jpeg_header
from edgecls.edge_runtime.images.decode import decode
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import decode_reduced, prepare, prepare_box, prepare_jpeg
from edgecls.edge_runtime.images.rule import Box, ImageRule, crop_box
from tests.edge_runtime.images.pictures import encoded, scene, with_exif

SQUARE = ImageRule(32, 32)


def difference(content: bytes, rule: ImageRule) -> float:
    """Mean, in steps of a byte, between the fast way to the network's input and the whole way."""
    fast = prepare_jpeg(content, rule)
    whole = prepare(decode(content, "scene"), rule)
    assert fast.shape == whole.shape
    assert fast.dtype == whole.dtype
    return float(np.abs(fast.astype(int) - whole).mean())


@pytest.mark.parametrize(
    ("size", "rule", "scale"),
    [
        ((640, 480), SQUARE, 8),
        ((1280, 720), SQUARE, 8),
        ((320, 240), SQUARE, 4),
        ((160, 120), SQUARE, 2),
        ((100, 60), SQUARE, 1),
        ((640, 480), ImageRule(96, 96), 2),
        ((640, 480), ImageRule(224, 224), 1),
        ((640, 360), SQUARE, 4),
        ((640, 480), ImageRule(32, 32, crop="stretch"), 8),
        ((640, 480), ImageRule(32, 32, interpolation="linear"), 1),
        ((640, 480), ImageRule(32, 32, resize_to_px=160), 2),  # it sees a fifth of the height
    ],
)
def test_it_is_decoded_as_small_as_covers_the_networks_input_well(size, rule, scale):
    part = decode_reduced(encoded(scene(*size)), rule, lambda high, wide: crop_box(high, wide, rule))
    assert part.scale == scale
    assert part.pixels.shape == (-(-size[1] // scale), -(-size[0] // scale), 3)
    assert part.box == crop_box(size[1], size[0], rule)


@pytest.mark.parametrize(
    "size", [(640, 480), (1280, 720), (1920, 1080), (333, 257), (257, 333), (96, 96), (40, 30)]
)
@pytest.mark.parametrize(
    "rule",
    [
        SQUARE,
        ImageRule(96, 64),
        ImageRule(28, 50, crop="stretch"),
        ImageRule(32, 32, interpolation="linear"),
        ImageRule(56, 56, resize_to_px=64, channels="bgr"),
        ImageRule(32, 32, channels="grey"),
    ],
    ids=["square", "upright", "stretch", "linear", "resized first, BGR", "grey"],
)
def test_the_network_sees_what_it_would_see_of_the_whole_picture(size, rule):
    assert difference(encoded(scene(*size)), rule) < 2


@pytest.mark.parametrize("top", [0, 1, 3, 4, 100])
@pytest.mark.parametrize("left", [0, 2, 7, 131])
def test_a_box_that_begins_between_two_reduced_pixels_is_met(top, left):
    box, rule = Box(top, left, 13 * 25, 13 * 27), ImageRule(25, 27)
    content = encoded(scene(640, 480))
    part = decode_reduced(content, rule, lambda *_: box)
    assert part.scale == 8
    fast = prepare_box(part.pixels, part.box, rule, part.scale)
    whole = prepare_box(decode(content, "scene"), box, rule)
    assert np.abs(fast.astype(int) - whole).mean() < 1.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("rule", [SQUARE, ImageRule(24, 64)], ids=["square", "wide"])
def test_a_picture_that_is_to_be_turned_is_seen_turned(orientation, rule):
    assert difference(with_exif(scene(640, 360), orientation), rule) < 1.5
    assert difference(with_exif(scene(643, 365), orientation), rule) < 1.5


@pytest.mark.parametrize(
    "options",
    [
        (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
        (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422),
        (cv2.IMWRITE_JPEG_RST_INTERVAL, 8),
    ],
    ids=["progressive", "4:4:4", "4:2:2", "restarts"],
)
def test_every_kind_of_jpeg_is_seen_right(options):
    assert difference(encoded(scene(640, 480), *options), SQUARE) < 1.5


def test_a_grey_jpeg_is_seen_as_grey():
    image = prepare_jpeg(encoded(scene(640, 480)[..., 0]), SQUARE)
    assert (image[..., 0] == image[..., 1]).all()
    assert difference(encoded(scene(640, 480)[..., 0]), SQUARE) < 1.5


def test_channels_are_red_green_blue():
    blue = np.zeros((480, 640, 3), np.uint8)
    blue[..., 0] = 255
    red, green, blue_seen = prepare_jpeg(encoded(blue), SQUARE).reshape(-1, 3).mean(0)
    assert blue_seen > 250
    assert max(red, green) < 5


@pytest.mark.parametrize("share", [0.02, 0.3, 0.99])
def test_a_jpeg_cut_short_is_named_and_refused(share):
    content = encoded(scene(640, 480))
    with pytest.raises(BadImage, match=r"^frame 7: the JPEG is truncated"):
        prepare_jpeg(content[: int(len(content) * share)], SQUARE, "frame 7")


def test_a_bomb_is_refused_by_its_header():
    content = bytearray(encoded(scene(64, 48)))
    at = content.find(b"\xff\xc0") + 5
    content[at : at + 4] = (30_000).to_bytes(2) * 2
    with pytest.raises(BadImage, match="900 megapixels; the limit is 50"):
        prepare_jpeg(bytes(content), SQUARE)


def test_another_image_than_a_jpeg_is_taken_too():
    content = cv2.imencode(".png", scene(640, 480))[1].tobytes()
    assert (prepare_jpeg(content, SQUARE) == prepare(scene(640, 480), SQUARE)).all()
    with pytest.raises(BadImage, match="not an image"):
        prepare_jpeg(b"hello", SQUARE)


def test_random_damage_never_crashes():
    content = encoded(scene(320, 240))
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for place in rng.integers(len(damaged), size=3):
            damaged[place] = rng.integers(256)
        with suppress(BadImage):
            assert prepare_jpeg(bytes(damaged), SQUARE).shape == (32, 32, 3)


def test_the_label_is_that_of_the_whole_picture_on_99_of_100_noisy_frames(tiny):
    from edgecls.edge_runtime import Classifier

    rng = np.random.default_rng(0)
    same = []
    with Classifier(tiny.files[2]) as classifier:
        for image in tiny.dataset.test.images[:200]:
            large = cv2.resize(image[..., ::-1], (480, 480), interpolation=cv2.INTER_CUBIC)
            large = cv2.copyMakeBorder(large, 0, 0, 80, 80, cv2.BORDER_REFLECT).astype(np.float32)
            noisy = large + 12 * rng.standard_normal(large.shape, np.float32)
            content = encoded(noisy.clip(0, 255).astype(np.uint8), cv2.IMWRITE_JPEG_QUALITY, 80)
            whole = classifier.classify(decode(content, "frame"))
            same.append(classifier.classify(content).ranking[0][0] == whole.ranking[0][0])
    assert np.mean(same) >= 0.99


def test_a_phone_picture_made_by_another_program_is_read(tmp_path):
    pillow = pytest.importorskip("PIL.Image", reason="Pillow writes the EXIF entry")
    image = pillow.fromarray(scene(640, 480)[..., ::-1])
    exif = image.getexif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    assert jpeg_header.size_px(file.getvalue()) == (480, 640)
    assert difference(file.getvalue(), SQUARE) < 1.5
