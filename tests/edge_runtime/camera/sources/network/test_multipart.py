"""Multipart answers as real cameras write them, in pieces of every size."""

import re

import numpy as np
import pytest

from edgecls.edge_runtime.camera.sources.network.multipart import (
    MAX_PICTURE_BYTES,
    Body,
    Need,
    jpegs,
    pictures,
)
from edgecls.edge_runtime.images.opencv import cv2
from tests.mjpeg_server import numbered_picture

JPEGS = [cv2.imencode(".jpg", numbered_picture(number))[1].tobytes() for number in range(1, 5)]
LENGTH = b"Content-Length: %d\r\n"
BY_THE_BOOK = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %(length)d\r\n\r\n%(jpeg)b\r\n"

STYLES = {
    "by the book": ("frame", BY_THE_BOOK),
    "mjpg-streamer": (
        "boundarydonotcross",
        b"--boundarydonotcross \r\nContent-Type: image/jpeg\r\nContent-Length: %(length)d\r\n"
        b"X-Timestamp: 0.000000\r\n\r\n%(jpeg)b\r\n",
    ),
    "esp32-cam": (
        "123456789000000000000987654321",
        b"\r\n--123456789000000000000987654321\r\nContent-Type: image/jpeg\r\nContent-Length: %(length)d\r\n"
        b"X-Timestamp: 1.2\r\n\r\n%(jpeg)b",
    ),
    "esp32-cam, old: the delimiter behind the picture": (
        "123456789000000000000987654321",
        b"Content-Type: image/jpeg\r\nContent-Length: %(length)d\r\n\r\n%(jpeg)b"
        b"\r\n--123456789000000000000987654321\r\n",
    ),
    "axis": (
        "myboundary",
        b"--myboundary\r\nContent-Type: image/jpeg\r\nContent-Length: %(length)d\r\n\r\n%(jpeg)b\r\n",
    ),
    "panasonic: dashes in the header too": (
        "--myboundary",
        b"--myboundary\r\nContent-length: %(length)d\r\nContent-type: image/jpeg\r\n\r\n%(jpeg)b\r\n",
    ),
    "d-link: a blank, and dashes at both ends": (
        "--video boundary--",
        b"--video boundary--\r\nContent-length: %(length)d\r\nContent-type: image/jpeg\r\n\r\n%(jpeg)b\r\n",
    ),
    "motion": (
        "BoundaryString",
        b"--BoundaryString\r\nContent-type: image/jpeg\r\nContent-Length:    %(length)d\r\n\r\n%(jpeg)b\r\n",
    ),
    "ustreamer": (
        "boundarydonotcross",
        b"--boundarydonotcross\r\nContent-Type: image/jpeg\r\nContent-Length: %(length)d\r\n"
        b"X-Timestamp: 1.1\r\nX-UStreamer-Online: true\r\n\r\n%(jpeg)b\r\n",
    ),
    "ffmpeg: no length": ("ffmpeg", b"--ffmpeg\r\nContent-type: image/jpeg\r\n\r\n%(jpeg)b\r\n"),
    "quotes": ('"frame"', BY_THE_BOOK),
    "no dashes": ("frame", b"frame\r\nContent-Type: image/jpeg\r\n\r\n%(jpeg)b\r\n"),
    "four dashes": ("--frame", b"----frame\r\nContent-Type: image/jpeg\r\n\r\n%(jpeg)b\r\n"),
    "another boundary than announced": ("frame", BY_THE_BOOK.replace(b"frame", b"other")),
    "none announced": ("", BY_THE_BOOK),
    "LF": ("frame", BY_THE_BOOK.replace(b"\r\n", b"\n")),
    "no headers": ("frame", b"--frame\r\n\r\n%(jpeg)b\r\n"),
    "not even an empty line": ("frame", b"--frame\r\n%(jpeg)b"),
    "a length that is wrong": ("frame", BY_THE_BOOK.replace(b"%(length)d", b"17")),
    "padding behind the picture": ("frame", BY_THE_BOOK.replace(b"%(jpeg)b", b"%(jpeg)b\0\0\0\0")),
    "a short boundary": ("b", b"--b\r\n\r\n%(jpeg)b\r\n"),
}


def read(content: bytes, boundary: str | None, piece_bytes: int = 4096) -> list[bytes | None]:
    """What comes out when `content` arrives in pieces; a boundary of None: JPEGs and nothing else."""
    body, given, at = Body(), [], 0
    for came in jpegs(body) if boundary is None else pictures(body, boundary):
        if came is not Need.MORE:
            given.append(came and came.content)
            continue
        assert len(body.content) <= MAX_PICTURE_BYTES + piece_bytes
        if at >= len(content):
            break
        body.add(content[at : at + piece_bytes])
        at += piece_bytes
    return given


def stream(part: bytes, jpegs=JPEGS) -> bytes:
    return b"".join(part % {b"length": len(jpeg), b"jpeg": jpeg} for jpeg in jpegs)


@pytest.mark.parametrize("piece_bytes", [1, 7, 1448, 1_000_000])
@pytest.mark.parametrize("style", STYLES)
def test_every_picture_comes_out_as_it_was_sent(style, piece_bytes):
    boundary, part = STYLES[style]

    assert read(stream(part), boundary, piece_bytes) == JPEGS


@pytest.mark.parametrize("style", ["by the book", "ffmpeg: no length", "no headers"])
def test_a_picture_is_given_with_its_last_byte_and_not_with_the_next_delimiter(style):
    boundary, part = STYLES[style]
    content = stream(part, JPEGS[:1])
    end = content.index(JPEGS[0]) + len(JPEGS[0])

    assert read(content[: end - 1], boundary) == []
    assert read(content[:end], boundary) == JPEGS[:1]


@pytest.mark.parametrize("piece_bytes", [1, 1448, 1_000_000])
@pytest.mark.parametrize("style", ["by the book", "ffmpeg: no length", "LF", "a length that is wrong"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.5, 0.99])
def test_a_picture_that_is_cut_is_damaged_and_the_next_one_is_not(style, kept, piece_bytes):
    boundary, part = STYLES[style]
    jpegs = [JPEGS[0], JPEGS[1][: int(len(JPEGS[1]) * kept)], JPEGS[2]]

    assert read(stream(part, jpegs), boundary, piece_bytes) == [JPEGS[0], None, JPEGS[2]]


@pytest.mark.parametrize("noise", [np.random.default_rng(0).bytes(5000), b"\xff\xd8\xff\xff\xff", b"text"])
def test_what_is_no_picture_is_damaged_and_the_next_one_is_not(noise):
    content = stream(BY_THE_BOOK, [JPEGS[0], noise, JPEGS[2]])

    assert read(content, "frame") == [JPEGS[0], None, JPEGS[2]]


def test_a_part_without_an_end_is_damaged_and_takes_no_more_memory_than_allowed():
    scan = JPEGS[0][: JPEGS[0].index(b"\xff\xda") + 20]
    content = stream(BY_THE_BOOK, [JPEGS[0], scan + bytes(2 * MAX_PICTURE_BYTES), JPEGS[2]])

    assert read(content, "frame", 1_000_000) == [JPEGS[0], None, JPEGS[2]]


def test_an_endless_answer_without_a_picture_takes_no_more_memory_than_allowed():
    assert read(b"--frame\r\n" + bytes(2 * MAX_PICTURE_BYTES), "frame", 1_000_000) == []


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture():
    thumbnail = JPEGS[1]
    header = b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2) + b"Exif\0\0" + thumbnail
    jpeg = JPEGS[0][:2] + header + JPEGS[0][2:]

    assert read(stream(BY_THE_BOOK, [jpeg, JPEGS[2]]), "frame", 100) == [jpeg, JPEGS[2]]


def test_a_short_delimiter_within_a_picture_is_part_of_it():
    jpeg = JPEGS[0][:-2] + b"--b" + JPEGS[0][-2:]

    assert read(stream(b"--b\r\n\r\n%(jpeg)b\r\n", [jpeg, JPEGS[2]]), "b") == [jpeg, JPEGS[2]]


def test_a_picture_was_captured_when_its_first_bytes_came():
    body, times_s = Body(), []
    content = stream(BY_THE_BOOK, JPEGS[:2])
    pieces = [content[:10], content[10:200], content[200:-50], content[-50:]]
    arrivals_s = []
    for came in pictures(body, "frame"):
        if came is not Need.MORE:
            times_s.append(came.captured_at_s)
        elif pieces:
            body.add(pieces.pop(0))
            arrivals_s.append(body.received_at_s)
        else:
            break

    assert times_s == [arrivals_s[1], arrivals_s[2]]


@pytest.mark.parametrize(("style", "is_known"), [("by the book", True), ("a length that is wrong", False)])
def test_a_reader_may_sleep_until_the_rest_of_a_picture_is_there_but_not_longer(style, is_known):
    boundary, part = STYLES[style]
    content, body, at, slept = stream(part), Body(), 0, []
    ends = [match.end() for match in re.finditer(rb"\xff\xd9", content)]
    for came in pictures(body, boundary):
        if came is Need.MORE:
            missing = next((end for end in ends if end > at), len(content)) - at
            assert 1 <= body.awaited_bytes <= max(1, missing)
            if at >= len(content):
                break
            slept.append(body.awaited_bytes)
            body.add(content[at : at + body.awaited_bytes])
            at += body.awaited_bytes

    assert at == len(content)
    assert (max(slept) > 1000) == is_known


def test_nothing_that_arrives_breaks_it():
    random = np.random.default_rng(0)
    whole = stream(BY_THE_BOOK)
    for _ in range(300):
        content = bytearray(whole)
        for at in random.integers(0, len(content), 30):
            content[at] = random.integers(256)
        cut = sorted(random.integers(0, len(content), 2))
        del content[cut[0] : min(cut[1], cut[0] + 500)]
        for jpeg in read(bytes(content), "frame", int(random.integers(1, 3000))):
            assert jpeg is None or re.match(rb"\xff\xd8\xff.*\xff\xd9$", jpeg, re.DOTALL)


@pytest.mark.parametrize(
    "other",
    [
        b"--frame\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello\r\n",
        b'--frame\r\nContent-Type: application/json\r\n\r\n{"motion": true}\r\n',
        b"--frame\r\nContent-Type: application/xml\r\n\r\n<a>\xc3\xa9</a>\r\n",
        b"--frame\r\nContent-Type: audio/basic\r\n\r\n\x00\xff\xfe\x80\r\n",
        b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 0\r\n\r\n\r\n",
        b"--frame\r\n\r\n\r\n",
        b"--frame\r\n",
        b"--frame\r\n\r\nkeep-alive\r\n",
        b"--frame--\r\n",
        b"--frame--\r\n\r\n",
    ],
)
def test_parts_without_a_picture_are_no_damage(other):
    part = BY_THE_BOOK + other

    assert read(stream(part), "frame", 7) == JPEGS
    assert read(other * 20 + stream(part), "frame") == JPEGS


@pytest.mark.parametrize("kind", [b"text/plain", b"application/octet-stream", b"image/pjpeg", b"video/jpeg"])
def test_a_picture_is_taken_whatever_its_part_is_called(kind):
    assert read(stream(BY_THE_BOOK.replace(b"image/jpeg", kind)), "frame") == JPEGS


PNGS = [cv2.imencode(".png", numbered_picture(number))[1].tobytes() for number in range(1, 4)]


@pytest.mark.parametrize("piece_bytes", [1, 100, 1_000_000])
def test_pngs_come_out_as_they_were_sent_and_may_be_damaged(piece_bytes):
    part = BY_THE_BOOK.replace(b"image/jpeg", b"image/png")

    assert read(stream(part, PNGS), "frame", piece_bytes) == PNGS
    assert read(stream(part, [PNGS[0], PNGS[1][:-20], PNGS[2]]), "frame", piece_bytes) == [
        PNGS[0],
        None,
        PNGS[2],
    ]


@pytest.mark.parametrize("between", [b"", b"\r\n", bytes(50)])
@pytest.mark.parametrize("piece_bytes", [1, 1448, 1_000_000])
def test_jpegs_in_a_row_need_no_delimiter(piece_bytes, between):
    thumbnail = JPEGS[1]
    header = b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2) + b"Exif\0\0" + thumbnail
    sent = [JPEGS[0][:2] + header + JPEGS[0][2:], *JPEGS[1:]]

    assert read(between.join(sent), None, piece_bytes) == sent


@pytest.mark.parametrize("piece_bytes", [1, 1448, 1_000_000])
def test_of_jpegs_in_a_row_one_that_is_cut_is_damaged_and_the_next_one_is_not(piece_bytes):
    content = JPEGS[0] + JPEGS[1][:-200] + JPEGS[2]

    assert read(content, None, piece_bytes) == [JPEGS[0], None, JPEGS[2]]
