import io
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadImage, MissingInput
from edgecls.edge_runtime.images.decode import decode, read_image
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare, to_bgr
from edgecls.edge_runtime.images.rule import ImageRule, crop_box

SQUARE = ImageRule(32, 32)
SCENE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8), (0, 0), 3)


def encoded(suffix: str, pixels: np.ndarray = SCENE) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


def png(width_px: int, height_px: int) -> bytes:
    """A black PNG of any size, a thousandth of its pixels' bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compressobj(9)
    row = bytes(1 + (width_px + 7) // 8)
    pixels = b"".join(rows.compress(row) for _ in range(height_px)) + rows.flush()
    header = struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".webp", ".jpg", ".gif"])
def test_common_formats_are_decoded(suffix: str):
    pixels = decode(encoded(suffix), "scene")
    assert pixels.shape == SCENE.shape
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - SCENE).mean() < 30  # a GIF has few colours


def test_channels_are_blue_green_red():
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[..., 0] = 255
    assert (decode(encoded(".png", blue), "blue") == blue).all()


@pytest.mark.parametrize(
    "pixels",
    [
        SCENE[..., 0],  # grey
        np.dstack([SCENE, np.full(SCENE.shape[:2], 99, np.uint8)]),  # with alpha
        SCENE.astype(np.uint16) * 257,  # 16 bits
    ],
    ids=["grey", "alpha", "16 bits"],
)
def test_other_depths_and_channels_become_eight_bit_colour(pixels: np.ndarray):
    given = decode(encoded(".png", pixels), "scene")
    expected = SCENE if pixels.ndim == 3 else np.dstack([SCENE[..., 0]] * 3)
    assert given.shape == SCENE.shape
    assert np.abs(given.astype(int) - expected).max() <= 1


def test_print_colours_are_converted():
    pillow = pytest.importorskip("PIL.Image", reason="Pillow makes the CMYK image")
    file = io.BytesIO()
    pillow.new("CMYK", (64, 48), (0, 255, 255, 0)).save(file, "JPEG")
    blue, green, red = decode(file.getvalue(), "red").reshape(-1, 3).mean(0)
    assert red > 180
    assert max(blue, green) < 80


def test_the_orientation_that_a_phone_notes_is_applied():
    pillow = pytest.importorskip("PIL.Image", reason="Pillow writes the EXIF entry")
    image = pillow.fromarray(SCENE[..., ::-1])
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    turned = decode(file.getvalue(), "phone")
    assert turned.shape == (64, 48, 3)
    assert np.abs(turned.astype(int) - np.rot90(SCENE, -1)).mean() < 10


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am text\n", b"<html>", b"\xff\xd8\xff", bytes(1000), encoded(".png")[:40]]
)
def test_what_is_no_image_says_so(content: bytes):
    with pytest.raises(
        BadImage, match=r"^cat\.jpg: (not an image; use JPEG|the JPEG is truncated|the PNG is damaged)"
    ) as raised:
        decode(content, "cat.jpg")
    assert raised.value.exit_code == 65


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
def test_a_jpeg_cut_short_is_not_filled_with_grey(share: float):
    content = encoded(".jpg")
    with pytest.raises(BadImage, match=r"the JPEG is truncated; copy it again"):
        decode(content[: int(len(content) * share)], "cat.jpg")


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm():
    assert decode(encoded(".jpg") + bytes(100), "cat.jpg").shape == SCENE.shape


def test_random_bytes_and_flipped_bits_never_crash():
    rng = np.random.default_rng(0)
    for suffix in (".png", ".jpg", ".bmp", ".webp"):
        whole = encoded(suffix)
        for _ in range(50):
            damaged = bytearray(whole)
            damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
            with suppress(BadImage):
                assert decode(bytes(damaged), "x").dtype == np.uint8


def test_a_bomb_is_refused_by_its_header():
    with pytest.raises(BadImage, match=r"^bomb\.png: 900 megapixels; the limit is 50$"):
        decode(png(30_000, 30_000)[:60], "bomb.png")


def test_a_bomb_takes_no_memory(tmp_path: Path):
    """Row 36: at most 100 MB above the start; decoded it would be 2.7 GB."""
    (tmp_path / "bomb.png").write_bytes(png(30_000, 30_000))
    program = (
        "import resource, sys\n"
        "from edgecls.edge_runtime.images.decode import decode, read_image\n"
        "from edgecls.edge_runtime.errors import BadImage\n"
        "start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: read_image(sys.argv[1])\n"
        "except BadImage: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)\n"
    )
    command = [sys.executable, "-c", program, tmp_path / "bomb.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100_000  # KiB


def test_just_under_the_limit_is_decoded():
    assert decode(png(7000, 7000), "large.png").shape == (7000, 7000, 3)


def test_a_file_is_read_by_its_path(tmp_path: Path):
    (tmp_path / "cat.png").write_bytes(encoded(".png"))
    assert (read_image(tmp_path / "cat.png") == SCENE).all()
    with pytest.raises(MissingInput):
        read_image(tmp_path / "dog.png")


@pytest.mark.parametrize(
    ("height_px", "width_px", "box"),
    [
        (32, 32, (0, 0, 32, 32)),
        (64, 64, (0, 0, 64, 64)),
        (480, 640, (0, 80, 480, 480)),
        (720, 1280, (0, 280, 720, 720)),
        (100, 100, (0, 0, 100, 100)),
        (50, 50, (0, 0, 50, 50)),
        (20, 20, (0, 0, 20, 20)),  # enlarged
        (1, 1, (0, 0, 1, 1)),
        (1, 1000, (0, 499, 1, 1)),
    ],
)
def test_the_largest_centred_square_is_seen(height_px: int, width_px: int, box):
    assert crop_box(height_px, width_px, SQUARE) == box


def test_a_network_that_is_not_square_sees_its_own_shape():
    top, left, height_px, width_px = crop_box(480, 640, ImageRule(32, 64))
    assert width_px == 2 * height_px == 640
    assert (top, left) == (80, 0)


@pytest.mark.parametrize("height_px", range(1, 400, 13))
@pytest.mark.parametrize("rule", [SQUARE, ImageRule(24, 96), ImageRule(96, 17)])
def test_the_box_lies_within_the_picture_and_costs_little(height_px: int, rule: ImageRule):
    for width_px in range(1, 500, 29):
        top, left, box_height_px, box_width_px = crop_box(height_px, width_px, rule)
        assert 0 <= top <= top + box_height_px <= height_px
        assert 0 <= left <= left + box_width_px <= width_px
        assert box_height_px >= 1
        assert box_width_px >= 1


def test_stretching_cuts_nothing():
    assert crop_box(480, 640, ImageRule(32, 32, crop="stretch")) == (0, 0, 480, 640)


@pytest.mark.parametrize(
    "size_px", [(32, 32), (480, 640), (720, 1280), (20, 20), (20, 300), (1, 1), (1, 500)]
)
@pytest.mark.parametrize("rule", [SQUARE, ImageRule(24, 48), ImageRule(32, 32, "stretch", "linear")])
def test_any_picture_becomes_the_networks_input(size_px, rule: ImageRule):
    image = prepare(np.full((*size_px, 3), (10, 20, 30), np.uint8), rule)
    assert image.shape == (rule.height_px, rule.width_px, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert (image == (30, 20, 10)).all()  # RGB


def test_shrinking_averages_every_pixel():
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    image = prepare(np.dstack([checks] * 3).astype(np.uint8), SQUARE)
    assert set(np.unique(image)) <= {127, 128}


def test_enlarging_is_smooth():
    step = np.zeros((16, 16, 3), np.uint8)
    step[:, 8:] = 255
    assert len(np.unique(prepare(step, SQUARE))) > 2


def test_a_picture_of_the_right_size_passes_unchanged_and_is_a_copy():
    pixels = SCENE[:32, :32].copy()
    image = prepare(pixels, SQUARE)
    assert (image == pixels[..., ::-1]).all()
    assert not np.shares_memory(image, pixels)


def test_a_view_that_is_not_contiguous_is_taken_too():
    assert (prepare(SCENE[::-1, ::-1], SQUARE) == prepare(SCENE[::-1, ::-1].copy(), SQUARE)).all()


@pytest.mark.parametrize("side_px", [720, 1000, 1080])
def test_a_large_picture_without_a_whole_multiple_is_averaged_as_a_whole(side_px: int):
    rough = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    pixels = cv2.resize(rough, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    exact = cv2.cvtColor(cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
    difference = np.abs(prepare(pixels, SQUARE).astype(int) - exact)
    assert difference.mean() < 1.5
    assert difference.max() <= 12


# What networks made elsewhere want


LARGE = cv2.resize(SCENE, (300, 200), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("size_px", [(32, 32), (40, 24)])
def test_blue_stays_first_where_the_network_wants_it(size_px: tuple[int, int]):
    rule = ImageRule(*size_px)
    image = prepare(LARGE, replace(rule, channels="bgr"))
    np.testing.assert_array_equal(image, prepare(LARGE, rule)[..., ::-1])
    assert image.flags.c_contiguous


def test_a_picture_of_the_networks_size_is_not_shared_with_it():
    assert not np.shares_memory(prepare(SCENE, ImageRule(48, 64, channels="bgr")), SCENE)


@pytest.mark.parametrize("pixels", [LARGE, SCENE])
def test_a_grey_network_gets_the_average_that_opencv_makes(pixels: np.ndarray):
    rule = ImageRule(48, 64, channels="grey")
    image = prepare(pixels, rule)
    assert image.shape == rule.shape == (48, 64, 1)
    box = crop_box(*pixels.shape[:2], rule)
    cut = pixels[box.top_px :, box.left_px :][: box.height_px, : box.width_px]
    grey = cv2.resize(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), (64, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(image[..., 0].astype(int) - grey).max() <= 1


@pytest.mark.parametrize("rule", [ImageRule(24, 40), ImageRule(24, 40, channels="bgr")])
def test_an_input_is_shown_in_its_own_colours(rule: ImageRule):
    np.testing.assert_array_equal(
        to_bgr(prepare(LARGE, rule), rule), prepare(LARGE, replace(rule, channels="bgr"))
    )


def test_a_grey_input_is_shown_grey():
    rule = ImageRule(24, 40, channels="grey")
    shown = to_bgr(prepare(LARGE, rule), rule)
    assert shown.shape == (24, 40, 3)
    assert (shown == shown[..., :1]).all()


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (64, 64), (640, 480)])
def test_a_picture_is_resized_and_then_cropped_as_torchvision_does(size: tuple[int, int]):
    rule = ImageRule(56, 56, resize_to_px=64)
    pixels = cv2.resize(SCENE, size, interpolation=cv2.INTER_CUBIC)
    factor = 64 / min(size)
    whole = cv2.resize(pixels, [round(side * factor) for side in size], interpolation=cv2.INTER_AREA)
    top, left = (whole.shape[0] - 56) // 2, (whole.shape[1] - 56) // 2
    expected = whole[top : top + 56, left : left + 56, ::-1]
    assert np.abs(prepare(pixels, rule).astype(int) - expected).mean() < 2


def test_the_crop_after_a_resize_is_within_the_picture():
    assert crop_box(480, 640, ImageRule(224, 224, resize_to_px=256)) == (30, 110, 420, 420)
    assert crop_box(256, 256, ImageRule(224, 320, resize_to_px=320)) == crop_box(
        256, 256, ImageRule(224, 320)
    )
