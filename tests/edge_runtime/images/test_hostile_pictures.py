"""Pictures made to cost a decoder minutes or gigabytes are refused, or decoded where it can be ended.

Each test looks at the processor time of its thread: without its bound it takes several times as long.
"""

import os
import signal
import threading
import time

import numpy as np
import pytest

from edgecls.edge_runtime.camera.control import stop_on_signals
from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images import apart
from edgecls.edge_runtime.images.bounds import bounded
from edgecls.edge_runtime.images.decode import decode, decode_file, used_bits
from edgecls.edge_runtime.images.jpeg_header import read_header, size_px
from edgecls.edge_runtime.images.kinds import PNG, kind_of
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.images.prepare import prepare_jpeg
from edgecls.edge_runtime.images.rule import ImageRule
from tests.edge_runtime.images.hostile_pictures import (
    chunk,
    png,
    progressive,
    segment,
    sequential,
    texts,
    tiff,
    tiff_of_shared_entries,
)
from tests.edge_runtime.images.pictures import encoded, scene

RULE = ImageRule(32, 32)


@pytest.fixture(autouse=True)
def takes_no_time():
    start_s = time.thread_time()
    yield
    assert time.thread_time() - start_s < 2


@pytest.mark.parametrize("read", [lambda jpeg: decode(jpeg, "x"), lambda jpeg: prepare_jpeg(jpeg, RULE, "x")])
@pytest.mark.parametrize(
    ("jpeg", "why"),
    [
        (progressive(7000, 7000, 300), "300 scans; the limit for its size is 20"),
        (progressive(7000, 7000, 21), "21 scans; the limit for its size is 20"),
        (progressive(640, 480, 12_000), "12,000 scans; the limit for its size is 100"),
        (sequential(1000, 1000, scans=200), "200 scans; the limit for its size is 100"),
    ],
)
def test_a_jpeg_of_many_scans_is_refused(read, jpeg: bytes, why: str):
    with pytest.raises(BadImage, match=rf"^x: {why}$"):
        read(jpeg)


def test_as_many_scans_as_programs_write_are_decoded():
    assert decode(progressive(640, 480, 100), "x").shape == (480, 640, 3)
    assert decode(sequential(64, 48, scans=3), "x").shape == (48, 64, 3)
    assert decode(encoded(scene(64, 48), cv2.IMWRITE_JPEG_PROGRESSIVE, 1), "x").shape == (48, 64, 3)


def test_scan_markers_behind_a_picture_in_one_scan_do_not_count():
    jpeg = sequential(64, 48)
    assert decode(jpeg + b"\xff\xda" * 1000 + b"\xff\xd9", "x").shape == (48, 64, 3)


@pytest.mark.parametrize("before", [segment(0xFE, b"") * 2_000_000, b"\xff\0" * 4_000_000])
def test_a_header_without_end_is_not_read_to_its_end(before: bytes):
    jpeg = sequential(64, 48, before=before)
    assert size_px(jpeg) is None
    with pytest.raises(BadImage):
        decode_file(jpeg, "x")


def test_any_number_of_fill_bytes_is_skipped_at_once():
    assert size_px(sequential(64, 48, before=b"\xff" * 8_000_000)) == (64, 48)


def test_exif_of_very_many_entries_is_not_read_to_its_end():
    exif = segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(60_000))
    header = read_header(sequential(64, 48, before=exif * 300))
    assert header is not None
    assert header.orientation == 1


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP"])
def test_texts_in_a_png_are_not_unpacked(name: bytes):
    text = texts(7)[name]
    copies = 1 if name == b"iCCP" else 300
    pixels = decode(png(64, 48, before=text * copies, after=chunk(b"tEXt", b"a\0b") + text * copies), "x")
    assert pixels.shape == (48, 64, 3)


def test_a_png_keeps_what_stands_between_its_texts():
    transparent, text = chunk(b"tRNS", bytes(6)), texts(1)[b"zTXt"]
    plain = png(8, 8, before=transparent)
    assert bounded(png(8, 8, before=text + transparent + text, after=text), PNG, "x") == plain
    assert bounded(plain, PNG, "x") is plain


def test_a_png_of_very_many_chunks_is_refused():
    with pytest.raises(BadImage, match=r"^x: a PNG of more than 100,000 chunks; save it again$"):
        decode(png(64, 48, before=chunk(b"abCd", b"") * 200_000), "x")


def test_a_tile_far_larger_than_its_picture_is_refused():
    huge = tiff(64, data=bytes(100), tile_px=16_000)
    with pytest.raises(
        BadImage, match=r"^x: a TIFF with tiles of 16,000x16,000 pixels; save it with small ones$"
    ):
        decode(huge, "x")
    assert used_bits(huge) == 0
    assert decode(tiff(64, data=bytes(256 * 256 * 3), tile_px=256), "x").shape == (64, 64, 3)


def test_directories_that_share_their_entries_are_not_read_without_end():
    with pytest.raises(BadImage):
        decode_file(tiff_of_shared_entries(900, 60_000), "x")


def test_comments_before_a_drawing_take_no_time():
    """A pattern that goes back would try 2^70 ways."""
    assert kind_of(b"<!---->" * 72) is None
    kind = kind_of(b"<?xml?>\n" + b"<!-- a --> " * 40 + b"<svg >")
    assert kind is not None
    assert kind.name == "SVG"


def test_a_pnm_of_comments_alone_takes_no_time():
    with pytest.raises(BadImage):
        decode(b"P6 " + b"#\n" * 8_000_000, "x")


def test_xml_that_unpacks_itself_is_not_parsed():
    entities = b"".join(b'<!ENTITY e%d "%s">' % (n + 1, b"&e%d;" % n * 10) for n in range(9))
    xml = b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e0 'aaaaaaaaaa'>" + entities + b"]><x>&e9;</x>"
    with pytest.raises(BadImage, match="not an image"):
        decode(xml + bytes(600), "x")


def test_boxes_without_end_are_not_read_to_their_end():
    brand = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"
    with pytest.raises(BadImage):
        decode(brand + b"\0\0\0\x08abcd" * 2_000_000, "x")


# What is decoded in a child process.


def slow(content: bytes, flags: int) -> np.ndarray | None:
    """Stands for a picture that keeps its decoder busy, as none of those that we can make does for long."""
    if content == b"hang":
        time.sleep(600)
    if content == b"crash":
        os.abort()
    if content == b"hog":
        return np.ones(2**30, np.uint8)
    return np.full((2, 3), flags, np.uint16) if content else None


def test_what_a_child_decodes_comes_back_as_it_is():
    assert apart.decode_apart(slow, b"picture", 7, "x") == pytest.approx(np.full((2, 3), 7))
    assert apart.decode_apart(slow, b"", 7, "x") is None


@pytest.mark.parametrize(
    ("content", "how"), [(b"crash", "was ended by SIGABRT"), (b"hog", "ended with exit")]
)
def test_a_child_that_crashes_is_one_line_and_the_next_picture_is_decoded(content: bytes, how: str):
    with pytest.raises(BadImage, match=rf"^x: decoding it {how}.*; save it as JPEG or PNG$"):
        apart.decode_apart(slow, content, 0, "x")
    assert apart.decode_apart(slow, b"picture", 0, "x") is not None


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apart, "LIMIT_S", 0.5)
    with pytest.raises(BadImage, match=r"^x: decoding it takes more than 0\.5 s; save it as JPEG or PNG$"):
        apart.decode_apart(slow, b"hang", 0, "x")


def test_a_request_to_stop_ends_what_is_being_decoded():
    """As SIGTERM makes it, in a signal handler of the thread that waits for the picture."""
    with stop_on_signals() as stop:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(BadImage, match=r"^x: decoding it was interrupted; run it again$"):
            apart.decode_apart(slow, b"hang", 0, "x")
        assert stop.requested


@pytest.mark.parametrize("suffix", [".avif", ".jp2"])
def test_kinds_whose_cost_nothing_tells_are_decoded_in_a_child(suffix: str, monkeypatch: pytest.MonkeyPatch):
    names: list[str] = []

    def noted(decode, content, flags, name):
        names.append(name)
        return decode(content, flags)

    monkeypatch.setattr("edgecls.edge_runtime.images.decode.decode_apart", noted)
    content = cv2.imencode(suffix, scene(64, 48))[1].tobytes()
    assert decode(content, "x").shape == (48, 64, 3)
    assert set(names) == {"x"}


def test_a_jpeg_in_a_tiff_is_decoded_in_a_child_and_a_plain_tiff_is_not(monkeypatch: pytest.MonkeyPatch):
    names: list[str] = []

    def noted(decode, content, flags, name):
        names.append(name)
        return decode(content, flags)

    monkeypatch.setattr("edgecls.edge_runtime.images.decode.decode_apart", noted)
    assert decode(tiff(8, data=bytes(8 * 8 * 3)), "plain").shape == (8, 8, 3)
    decode(tiff(16, data=progressive(16, 16, 3), compression=7, samples=1), "jpeg")
    assert set(names) == {"jpeg"}
