import io

import numpy as np
import pytest
from PIL import Image

from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images.decode import decode, decode_file
from edgecls.edge_runtime.images.kinds import HEAD_BYTES, is_picture, kind_of
from edgecls.edge_runtime.images.opencv import cv2
from tests.edge_runtime.images import pictures
from tests.edge_runtime.images.pictures import encoded, scene

PHOTO = scene(64, 48)
PIL_PHOTO = Image.fromarray(PHOTO[..., ::-1])


def saved(format: str, *, frames: int = 1, **options) -> bytes:  # noqa: A002 - Pillow's name
    file = io.BytesIO()
    others = [PIL_PHOTO.rotate(90 * number) for number in range(1, frames)]
    PIL_PHOTO.save(file, format, **({"save_all": True, "append_images": others} if others else {}), **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "suffix",
    (".jpg .png .gif .webp .tiff .bmp .avif .jp2 .ppm .pgm .pbm .sr .hdr .pfm").split(),  # noqa: SIM905 - short
)
def test_what_opencv_reads_is_known_by_its_first_bytes(suffix: str, tmp_path):
    pixels = PHOTO[..., 0] if suffix in (".pgm", ".pbm") else PHOTO
    ok, array = cv2.imencode(suffix, pixels.astype(np.float32) if suffix in (".hdr", ".pfm") else pixels)
    content = array.tobytes()
    kind = kind_of(content[:HEAD_BYTES])
    assert ok
    assert kind
    assert not kind.cure
    (tmp_path / "no suffix").write_bytes(content)
    assert is_picture(tmp_path / "no suffix")
    assert decode_file(content, "x").shape == PHOTO.shape


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pictures.HEIC, "HEIC is not supported; convert it to JPEG, as with `heif-convert"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC is not supported"),
        (b"\0\0\0\x18ftyphevc\0\0\0\0hevcmsf1", "HEIC or AVIF sequence is not supported"),
        (b"\0\0\0\x1cftypavis\0\0\0\0avifmsf1miaf", "HEIC or AVIF sequence is not supported"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL is not supported"),
        (b"<?xml version='1.0'?>\n<svg width='9'/>", "SVG is not supported"),
        (b"%PDF-1.7\n", "PDF is not supported"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw photograph is not supported"),
    ],
)
def test_what_is_not_read_is_named_with_its_cure(content: bytes, message: str):
    with pytest.raises(BadImage, match=f"^x: {message}"):
        decode(content, "x")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"BM",
        b"BMW is a car",
        b"P5",
        b"Pictures",
        b"RIFF\0\0\0\0AVI LIST",
        b"\0\0\0\x1cftypisom",
        b"<html>",
    ],
)
def test_other_files_are_no_pictures(content: bytes):
    assert kind_of(content) is None


# Several pictures in one file.

EXIF_OF_TWO = b"\xff\xe2\0\x0aMPF\0" + bytes(4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (saved("GIF", frames=3), "a GIF of 3 frames; save the one to use as a file of its own"),
        (saved("PNG", frames=2), "a PNG of 2 frames"),
        (saved("WEBP", frames=4), "a WebP of 4 frames"),
        (saved("TIFF", frames=2), "a TIFF of 2 pages"),
        (encoded(PHOTO) * 2, "several JPEGs in a row, a video .* use `edgecls camera --source x`"),
        (encoded(PHOTO) + b"\r\n" + encoded(PHOTO[::-1]), "several JPEGs in a row"),
    ],
)
def test_of_several_pictures_none_is_taken_for_all(content: bytes, message: str):
    with pytest.raises(BadImage, match=f"^x: {message}"):
        decode_file(content, "x")


@pytest.mark.parametrize(
    "content",
    [
        saved("GIF"),
        saved("PNG"),
        saved("WEBP"),
        saved("TIFF"),
        saved("MPO", frames=2),  # two lenses, or a picture and its previews: the first is the picture
        encoded(PHOTO) + encoded(PHOTO[::2, ::2]),  # a preview behind it
        encoded(PHOTO)[:2] + EXIF_OF_TWO + encoded(PHOTO)[2:] + encoded(PHOTO),
        pictures.with_exif(PHOTO, 1),
    ],
)
def test_one_picture_with_versions_of_itself_is_one(content: bytes):
    assert decode_file(content, "x").shape == PHOTO.shape


def test_a_reduced_page_of_a_tiff_does_not_count():
    file, preview = io.BytesIO(), PIL_PHOTO.reduce(2)
    preview.encoderinfo = {"tiffinfo": {254: 1}}
    PIL_PHOTO.save(file, "TIFF", save_all=True, append_images=[preview])
    assert decode_file(file.getvalue(), "x").shape == PHOTO.shape
