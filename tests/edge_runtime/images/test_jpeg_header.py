import io
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images import jpeg_header
from edgecls.edge_runtime.images.jpeg_header import is_whole, size_px
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import decode, decode_reduced, prepare, prepare_box, prepare_jpeg
from edgecls.edge_runtime.images.rule import Box, ImageRule, crop_box

SQUARE = ImageRule(32, 32)


def scene(width_px: int, height_px: int, seed: int = 0) -> np.ndarray:
    """Smooth shapes under the noise of a cheap camera."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (9, 12, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return (smooth + 8 * rng.standard_normal(smooth.shape, np.float32)).clip(0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".jpg", pixels, options)[1].tobytes()


def with_exif(pixels: np.ndarray, orientation: int, order: str = "little") -> bytes:
    """A JPEG that says how its camera was held, and has a thumbnail, as phones write it."""

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, order)

    entry = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + bytes(2)
    tiff = (b"II" if order == "little" else b"MM") + number(42, 2) + number(8, 4)
    tiff += number(1, 2) + entry + number(0, 4) + encoded(pixels[::8, ::8])
    body = b"Exif\0\0" + tiff
    content = encoded(pixels)
    return content[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + content[2:]


def difference(content: bytes, rule: ImageRule) -> float:
    """Mean, in steps of a byte, between the fast way to the network's input and the whole way."""
    fast = prepare_jpeg(content, rule)
    whole = prepare(decode(content, "scene"), rule)
    assert fast.shape == whole.shape
    assert fast.dtype == whole.dtype
    return float(np.abs(fast.astype(int) - whole).mean())


@pytest.mark.parametrize("size", [(640, 480), (641, 479), (1, 1), (3000, 17)])
@pytest.mark.parametrize(
    "options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)]
)
def test_the_size_stands_in_the_header(size, options):
    content = encoded(scene(*size), *options)
    assert size_px(content) == size
    assert is_whole(content)


def test_a_grey_jpeg_has_a_size_too():
    assert size_px(encoded(scene(64, 48)[..., 0])) == (64, 48)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_picture_as_it_is_decoded(orientation, order):
    content = with_exif(scene(64, 48), orientation, order)
    height_px, width_px = decode(content, "phone").shape[:2]
    assert size_px(content) == (width_px, height_px)


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff", b"hello", b"\x89PNG\r\n", b"\xff" * 99]
)
def test_what_is_no_jpeg_has_no_size_and_is_not_whole(content):
    assert size_px(content) is None
    assert not is_whole(content)


def test_a_header_cut_anywhere_or_with_flipped_bits_does_no_harm():
    content = with_exif(scene(64, 48), 6)
    for length in range(0, len(content) - 2, 7):
        size_px(content[:length])
        assert not is_whole(content[:length])
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        size_px(bytes(damaged))
        is_whole(bytes(damaged))


def test_the_end_marker_of_a_thumbnail_is_not_that_of_the_picture():
    content = with_exif(scene(640, 480), 1)
    assert content.find(b"\xff\xd9") < len(content) // 2
    assert not is_whole(content[: len(content) // 2])


def test_padding_behind_the_end_does_no_harm():
    assert is_whole(encoded(scene(64, 48)) + bytes(5000))


def test_looking_at_a_jpeg_loads_neither_opencv_nor_numpy():
    program = "import sys, edgecls.edge_runtime.images.jpeg_header; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"cv2", "numpy"} & set(done.stdout.split())


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
    [SQUARE, ImageRule(96, 64), ImageRule(28, 50, crop="stretch"), ImageRule(32, 32, interpolation="linear")],
    ids=["square", "upright", "stretch", "linear"],
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
