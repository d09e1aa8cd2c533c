"""Videos and streams of giant pictures: refused by the size that they state, else kept out of the memory."""

import os
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.sources import memory
from edgecls.edge_runtime.camera.sources.memory import MemoryRoom
from edgecls.edge_runtime.camera.sources.open import open_source
from edgecls.edge_runtime.camera.sources.video import Video
from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images.opencv import cv2
from tests.edge_runtime.images.hostile_pictures import sequential
from tests.edge_runtime.images.pictures import encoded, scene

SMALL, GIANT = encoded(scene(64, 48)), sequential(9000, 9000)


def avi(frames: list[bytes], width_px: int, height_px: int) -> bytes:
    """A Motion JPEG video that states a size, whatever its frames have."""

    def part(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)

    times = struct.pack("<IHHIIIIIIII", 0, 0, 0, 0, 1, 25, 0, len(frames), 1 << 20, 0, 0)
    size = struct.pack("<HHHH", 0, 0, width_px, height_px)
    stream = part(b"strh", b"vidsMJPG" + times + size)
    bitmap = struct.pack("<IiiHH4sIiiII", 40, width_px, height_px, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    stream = part(b"LIST", b"strl" + stream + part(b"strf", bitmap))
    whole = struct.pack("<10I", 40_000, 0, 0, 0, len(frames), 0, 1, 1 << 20, width_px, height_px) + bytes(16)
    content = part(b"LIST", b"hdrl" + part(b"avih", whole) + stream)
    content += part(b"LIST", b"movi" + b"".join(part(b"00dc", frame) for frame in frames))
    return part(b"RIFF", b"AVI " + content)


@pytest.mark.parametrize("stated_px", [(9000, 9000), (64, 48)])
def test_a_video_of_giant_pictures_is_one_line(tmp_path: Path, stated_px: tuple[int, int]):
    path = tmp_path / "a.avi"
    path.write_bytes(avi([GIANT, SMALL], *stated_px))
    with pytest.raises(BadImage) as raised, Video(path):
        pass
    assert str(raised.value) == f"{path}: pictures of 81 megapixels; the limit is 50; choose a smaller size"


def test_a_giant_picture_among_others_is_left_out_and_said(tmp_path: Path):
    path = tmp_path / "a.avi"
    path.write_bytes(avi([SMALL, SMALL, GIANT, SMALL], 64, 48))
    with Video(path) as video:
        assert [video.read(0) is not None for _ in range(3)] == [True] * 3
        with pytest.raises(BadImage, match="1 of 4 frames are damaged and were left out"):
            video.read(0)


def giant_later(path: Path) -> None:
    """A video in VP8 whose last key frame has 262 megapixels."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"VP80"), 12.5, (160, 120))
    for number in range(30):
        writer.write(scene(160, 120, number))
    writer.release()
    content = bytearray(path.read_bytes())
    at = content.rfind(b"\x9d\x01\x2a")
    assert 0 < content.find(b"\x9d\x01\x2a") < at
    struct.pack_into("<HH", content, at + 3, 16_200, 16_200)
    path.write_bytes(content)


def test_a_video_that_changes_to_giant_pictures_takes_little_memory(tmp_path: Path):
    """Without the limit it takes 1.2 GB more."""
    giant_later(tmp_path / "a.webm")
    program = (
        "import resource, sys, time\n"
        "from pathlib import Path\n"
        "from edgecls.edge_runtime.camera.sources import memory, video\n"
        "memory.ROOM_BYTES = 100 * 2**20\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "start = peak()\n"
        "frames = 0\n"
        "with video.Video(Path(sys.argv[1])) as source:\n"
        "    for _ in source:\n"
        "        frames += 1\n"
        "        time.sleep(0.02)  # a decoder that works ahead does so now\n"
        "print(frames, peak() - start)\n"
    )
    command = [sys.executable, "-c", program, tmp_path / "a.webm"]
    frames, kib = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(frames) >= 12
    assert int(kib) < 150_000


def test_a_video_is_decoded_in_one_thread_so_that_nothing_is_taken_between_two_frames(tmp_path: Path):
    giant_later(tmp_path / "a.webm")
    with Video(tmp_path / "a.webm") as video:
        assert isinstance(video._capture, cv2.VideoCapture)
        assert video._capture.get(cv2.CAP_PROP_N_THREADS) == 1


def test_a_room_ends_with_its_block():
    room = MemoryRoom()
    with room, pytest.raises(MemoryError):
        np.empty(memory.ROOM_BYTES + 512 * 2**20, np.uint8)
    assert np.empty(memory.ROOM_BYTES + 512 * 2**20, np.uint8).size
    room.close()
    with room:
        pass


def test_a_room_is_for_all_of_its_blocks_together():
    """And what is taken between them has no part in it."""
    room, half = MemoryRoom(), memory.ROOM_BYTES * 2 // 3
    with room:
        first = np.empty(half, np.uint8)
    outside = np.empty(half, np.uint8)
    with room, pytest.raises(MemoryError):
        np.empty(half + memory._STACK_BYTES * (os.cpu_count() or 1), np.uint8)
    del first
    with room:
        again = np.empty(half // 2, np.uint8)
    assert outside.size > again.size
    room.close()


class _Sends(BaseHTTPRequestHandler):
    content = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/x-msvideo")
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def giant_stream():
    handler = type("Sends", (_Sends,), {"content": avi([GIANT], 9000, 9000)})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/video"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_stream_of_giant_pictures_is_one_line(giant_stream: str):
    with pytest.raises(BadImage) as raised, open_source(giant_stream, one_shot=True) as source:
        list(source)
    assert str(raised.value) == (
        f"{giant_stream}: pictures of 81 megapixels; the limit is 50; choose a smaller size"
    )


def test_unattended_a_stream_of_giant_pictures_is_an_event_and_tried_again(giant_stream: str):
    texts: list[str] = []
    with open_source(giant_stream, on_event=lambda event: texts.append(event.text)) as source:
        while not texts:
            assert source.read(0.2) is None
    assert texts[0].startswith(f"{giant_stream}: pictures of 81 megapixels; the limit is 50")
    assert "trying again in 1 s" in texts[0]
