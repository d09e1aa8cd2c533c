import struct
from pathlib import Path

import pytest
from edgecls.edge_runtime.camera.container import is_cut_short
from edgecls.edge_runtime.opencv import cv2

from ...mjpeg_server import numbered_picture


def riff(size: int, content: bytes = b"AVI " + bytes(20)) -> bytes:
    return b"RIFF" + struct.pack("<I", size) + content


def box(kind: bytes, size: int, content: bytes = bytes(16)) -> bytes:
    return struct.pack(">I", size) + kind + content


FTYP = box(b"ftyp", 24)
EBML = bytes.fromhex("1a45dfa3 84") + bytes(4)
SEGMENT = bytes.fromhex("18538067")


@pytest.mark.parametrize(
    ("content", "cut"),
    [
        (riff(24), False),
        (riff(25), True),
        (riff(0), False),  # the recorder was stopped
        (riff(24) + riff(24, b"AVIX" + bytes(20)), False),
        (riff(24) + riff(2400, b"AVIX" + bytes(20)), True),
        (riff(24) + b"trailing bytes", False),
        (FTYP + box(b"mdat", 24), False),
        (FTYP + box(b"mdat", 25), True),
        (FTYP + box(b"mdat", 0), False),  # to the end of the file
        (FTYP + box(b"mdat", 1, struct.pack(">Q", 24) + bytes(8)), False),
        (FTYP + box(b"mdat", 1, struct.pack(">Q", 5_000_000_000)), True),
        (FTYP + box(b"mdat", 24) + b"\0\0\0", False),
        (EBML + SEGMENT + b"\x88" + bytes(8), False),
        (EBML + SEGMENT + b"\x88" + bytes(7), True),
        (EBML + SEGMENT + b"\xff" + bytes(8), False),  # its size is not known
        (EBML + SEGMENT + bytes.fromhex("01ffffffffffffff") + bytes(8), False),
        (EBML + SEGMENT + bytes.fromhex("0100000000000009") + bytes(8), True),
        (EBML, False),
        (b"", False),
        (b"no container", False),
    ],
)
def test_a_file_is_cut_short_when_its_container_states_more(tmp_path, content, cut):
    path = tmp_path / "clip"
    path.write_bytes(content)

    assert is_cut_short(path) is cut


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("avi", "MJPG"), ("avi", "XVID"), ("mp4", "mp4v"), ("mkv", "MJPG"), ("webm", "VP80")],
)
def test_written_videos_are_whole_and_cut_ones_are_not(tmp_path, suffix, codec):
    path = tmp_path / f"clip.{suffix}"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (160, 120))
    assert writer.isOpened()
    for number in range(20):
        writer.write(numbered_picture(number))
    writer.release()
    content = path.read_bytes()

    assert not is_cut_short(path)
    assert [share for share in range(10, 100, 5) if not cut_to(path, content, share)] == []


def cut_to(path: Path, content: bytes, percent: int) -> bool:
    path.write_bytes(content[: len(content) * percent // 100])
    return is_cut_short(path)
