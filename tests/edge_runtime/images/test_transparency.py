"""Transparent pictures are laid on white, where the model's card says so, in training and on the device."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from edgecls.edge_runtime.camera.sources.address import ImageFiles
from edgecls.edge_runtime.camera.sources.source import Stills
from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images.decode import decode, used_bits
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from tests.fakes import fake_classifier

WHITE = ImageRule(16, 16, transparent="white")
COLOUR = (200, 100, 40)  # RGB


def drawn() -> np.ndarray:
    """RGBA: above transparent, half so in the middle, opaque below."""
    alpha = np.full((48, 40, 1), 255, np.uint8)
    alpha[:16], alpha[16:32] = 0, 128
    return np.concatenate([np.full((48, 40, 3), COLOUR, np.uint8), alpha], axis=2)


def saved(format: str, mode: str = "RGBA", **options) -> bytes:  # noqa: A002 - Pillow's name
    file = io.BytesIO()
    Image.fromarray(drawn()).convert(mode).save(file, format, **options)
    return file.getvalue()


def by_opencv(suffix: str, factor: int = 1) -> bytes:
    pixels = drawn()[..., [2, 1, 0, 3]]
    pixels = pixels.astype(np.uint16) * factor if factor > 1 else pixels
    return cv2.imencode(suffix, pixels)[1].tobytes()


def bands(pixels: np.ndarray) -> list[list[int]]:
    """The RGB in the middle of each third."""
    return [pixels[row, 20, ::-1].tolist() for row in (8, 24, 40)]


HALF = [(colour + 255) // 2 for colour in COLOUR]


@pytest.mark.parametrize(
    "content",
    [
        saved("PNG"),
        saved("WEBP", lossless=True, exact=True),
        saved("WEBP", quality=95),
        saved("TIFF"),
        saved("TIFF", compression="tiff_lzw"),
        saved("AVIF", quality=95),
        by_opencv(".png", 257),
        by_opencv(".tiff", 257),
        by_opencv(".bmp"),
    ],
)
def test_every_format_is_laid_on_white(content: bytes):
    seen = np.array(bands(decode(content, "x", WHITE)))
    assert np.abs(seen - [[255] * 3, HALF, COLOUR]).max() <= 3
    if not content.startswith((b"II", b"MM")):  # libtiff lays 8 bits on black
        assert np.abs(np.array(bands(decode(content, "x"))) - [COLOUR] * 3).max() <= 3


@pytest.mark.parametrize("content", [saved("PNG", "P", transparency=0), saved("GIF"), saved("PNG", "LA")])
def test_palettes_and_greys_too(content: bytes):
    above, _, below = bands(decode(content, "x", WHITE))
    assert above == [255] * 3
    assert max(below) < 255


def test_a_colour_or_grey_that_is_named_as_transparent():
    grey = Image.new("L", (40, 48), 90)
    grey.paste(200, (0, 0, 40, 16))
    for mode, key in (("L", 200), ("RGB", (200, 200, 200))):
        file = io.BytesIO()
        grey.convert(mode).save(file, "PNG", transparency=key)
        assert bands(decode(file.getvalue(), "x", WHITE)) == [[255] * 3, [90] * 3, [90] * 3]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_the_transparency_is_turned_with_the_picture(format: str, orientation: int):  # noqa: A002
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    content = saved(format, exif=exif, **options)
    opened = Image.open(io.BytesIO(content))

    ground = Image.new("RGBA", ImageOps.exif_transpose(opened).size, "white")
    expected = np.asarray(Image.alpha_composite(ground, ImageOps.exif_transpose(opened)))[..., 2::-1]
    assert np.abs(decode(content, "x", WHITE).astype(int) - expected).max() <= 1


def test_a_grey_tiff_whose_transparency_cannot_be_read_says_so():
    with pytest.raises(BadImage, match="x: a grey TIFF with transparency, which is not read; save it as PNG"):
        decode(saved("TIFF", "LA"), "x", WHITE)
    assert decode(saved("TIFF", "L"), "x", WHITE).shape == (48, 40, 3)


def test_a_fourth_channel_that_nobody_filled_is_none():
    pixels = np.dstack([drawn()[..., :3], np.zeros((48, 40), np.uint8)])
    content = cv2.imencode(".png", pixels)[1].tobytes()
    assert np.array_equal(decode(content, "x", WHITE), pixels[..., :3])


def test_the_command_the_library_and_the_camera_see_the_same(tmp_path):
    path = tmp_path / "icon.png"
    path.write_bytes(saved("PNG"))
    classifier = fake_classifier((0.9, 0.06, 0.04))
    classifier.card = ModelCard(classifier.card.labels, WHITE)
    for picture in (path, path.read_bytes(), Image.open(path)):
        classifier.classify(picture)
    by_path, by_bytes, by_pillow = classifier.engine.images
    still = Stills(ImageFiles((path,), "icon.png"), rule=WHITE).read(0)
    assert still is not None
    classifier.classify(still.pixels)
    assert by_path[0].tolist() == [[255] * 3] * 16
    for other in (by_bytes, by_pillow, classifier.engine.images[-1]):
        assert np.abs(other.astype(int) - by_path).max() <= 1


def test_a_card_from_before_there_was_a_choice_goes_on_as_it_was():
    card = ModelCard(("cat", "dog"), WHITE)
    text = card.to_json()
    assert ModelCard.from_json(text, "new").image == WHITE
    old = text.replace(',"transparent":"white","bits":16,"decode":"whole"', "")
    assert ModelCard.from_json(old, "old").image == ImageRule(16, 16)
    assert bands(decode(saved("PNG"), "x", ImageRule(16, 16))) == [list(COLOUR)] * 3


# Pictures of more than 8 bits.


def deep(value: int, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, np.full((8, 8), value, np.uint16))[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".pgm"])
def test_pictures_of_12_bits_are_scaled_by_what_is_used(suffix: str):
    assert used_bits(deep(4000, suffix)) == 12
    assert decode(deep(4000, suffix), "x", ImageRule(8, 8, bits=12)).max() == 250
    assert decode(deep(9000, suffix), "x", ImageRule(8, 8, bits=12)).min() == 255
    assert decode(deep(40_000, suffix), "x").max() == 156
    assert used_bits(cv2.imencode(suffix, np.full((8, 8), 200, np.uint8))[1].tobytes()) == 0


def test_12_bits_with_transparency():
    seen = np.array(bands(decode(by_opencv(".png", 16), "x", ImageRule(8, 8, transparent="white", bits=12))))
    assert np.abs(seen - [[255] * 3, HALF, COLOUR]).max() <= 3


@pytest.mark.parametrize("number", [np.float32, np.int32, np.float64])
def test_a_tiff_whose_white_is_unknown_says_so(number):
    file = io.BytesIO()
    if number is np.float64:
        file.write(cv2.imencode(".tiff", np.full((8, 8, 3), 0.5, number))[1].tobytes())
    else:
        Image.fromarray(np.full((8, 8), 1, number)).save(file, "TIFF")
    with pytest.raises(BadImage, match=f"a TIFF of {np.dtype(number)} numbers, whose white is unknown; save"):
        decode(file.getvalue(), "x")
