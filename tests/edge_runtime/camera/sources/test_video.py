"""Video files as a source: every frame, in real time, damaged or truncated."""

import itertools
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.sources.open import open_source
from edgecls.edge_runtime.camera.sources.source import EndOfSource
from edgecls.edge_runtime.camera.sources.video import Video, is_truncated
from edgecls.edge_runtime.errors import BadImage, MissingInput
from edgecls.edge_runtime.images.opencv import cv2
from tests.edge_runtime.images.pictures import damaged
from tests.fakes import Clock
from tests.mjpeg_server import numbered_picture, read_number

FRAMES = 50


def write_video(path: Path, codec: str = "MJPG", frames: int = FRAMES) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 12.5, (160, 120))
    assert writer.isOpened()
    for number in range(1, frames + 1):
        writer.write(numbered_picture(number))
    writer.release()
    return path


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def read_all(path: Path) -> tuple[list, Exception]:
    frames = []
    with Video(path) as source:
        while True:
            try:
                frames.append(source.read(0))
            except (EndOfSource, BadImage) as end:
                return frames, end


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.avi", "MJPG"), ("a.avi", "XVID"), ("a.mp4", "mp4v"), ("a.mkv", "MJPG"), ("a.webm", "VP80")],
)
def test_every_frame_is_given_in_order_whatever_the_format(tmp_path, name, codec):
    frames, end = read_all(write_video(tmp_path / name, codec))

    assert [read_number(frame.pixels) for frame in frames] == list(range(1, FRAMES + 1))
    assert [frame.sequence for frame in frames] == list(range(1, FRAMES + 1))
    times = [frame.captured_at_s for frame in frames]
    assert times == sorted(times)
    assert isinstance(end, EndOfSource)


def test_the_rate_and_the_size_are_those_of_the_file(tmp_path):
    with Video(write_video(tmp_path / "a.avi", frames=2)) as source:
        assert source.rate_fps == pytest.approx(12.5)
        assert source.read(0).pixels.shape == (120, 160, 3)
        assert not source.live


def test_a_truncated_avi_gives_what_it_holds_and_then_says_so(tmp_path):
    path = cut(write_video(tmp_path / "clip.avi"), 0.5)

    frames, end = read_all(path)

    assert [read_number(frame.pixels) for frame in frames] == list(range(1, len(frames) + 1))
    assert 10 < len(frames) < 40
    assert isinstance(end, BadImage)
    assert str(end) == f"{path}: read {len(frames)} of 50 frames: the file is truncated; copy it again"


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "MJPG"), ("a.webm", "VP80")])
def test_a_truncated_matroska_says_so_too(tmp_path, name, codec):
    _, end = read_all(cut(write_video(tmp_path / name, codec), 0.6))

    assert isinstance(end, BadImage)
    assert "of 50 frames: the file is truncated" in str(end)


def test_fewer_frames_than_stated_are_no_alarm_in_a_whole_file(tmp_path):
    """As in videos of a variable rate, and in those trimmed without encoding."""
    path = write_video(tmp_path / "variable.avi")
    content = path.read_bytes()
    stated = content.count(struct.pack("<I", FRAMES), 0, 300)
    assert stated == 2  # avih's dwTotalFrames and strh's dwLength
    path.write_bytes(content[:300].replace(struct.pack("<I", FRAMES), struct.pack("<I", 120)) + content[300:])

    frames, end = read_all(path)

    assert len(frames) == FRAMES
    assert isinstance(end, EndOfSource)


def test_a_format_that_states_nonsense_is_no_alarm(tmp_path):
    with Video(write_video(tmp_path / "short.wmv", "WMV2", frames=1)) as source:
        assert source.rate_fps is None  # FFmpeg says 1000 and 80 frames
        assert source.read(0) is not None
        with pytest.raises(EndOfSource):
            source.read(0)


def unreadable(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "clip.mp4"
    match kind:
        case "truncated":
            return cut(write_video(path, "mp4v"), 0.6)
        case "text":
            path = tmp_path / "clip.txt"  # FFmpeg would render it, letter by letter
            path.write_text("hello\n" * 500)
        case "playlist":
            path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n")
        case "empty":
            path.write_bytes(b"")
        case "random":
            path.write_bytes(bytes(range(256)) * 100)
    return path


@pytest.mark.parametrize("kind", ["truncated", "text", "playlist", "empty", "random"])
def test_what_is_not_a_video_says_so(tmp_path, capfd, kind):
    path = unreadable(tmp_path, kind)

    with pytest.raises(BadImage, match="not a readable video"), Video(path):
        pass
    assert capfd.readouterr() == ("", "")  # nothing of OpenCV's or FFmpeg's own


def test_a_file_that_is_gone_is_missing(tmp_path):
    with pytest.raises(MissingInput), Video(tmp_path / "gone.avi"):
        pass


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "a.avi", frames=3).rename("concat:x|y.avi")

    frames, _ = read_all(Path("concat:x|y.avi"))

    assert len(frames) == 3


def test_a_change_of_resolution_on_the_way_is_taken(tmp_path):
    path = tmp_path / "changing.mjpeg"
    sizes = [(160, 120)] * 3 + [(320, 240)] * 3
    pictures = [numbered_picture(number, size) for number, size in enumerate(sizes)]
    path.write_bytes(b"".join(cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures))

    frames, end = read_all(path)

    assert [read_number(frame.pixels) for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert {frame.pixels.shape for frame in frames} == {(120, 160, 3)}
    assert isinstance(end, EndOfSource)


def jpegs_in_a_row(count: int) -> list[bytes]:
    return [cv2.imencode(".jpg", numbered_picture(number))[1].tobytes() for number in range(count)]


@pytest.mark.parametrize("name", ["a.mjpg", "a.jpg", "without suffix"])
@pytest.mark.parametrize("padding", [b"", bytes(7), b"\r\n"])
def test_jpegs_in_a_row_are_a_video_by_their_content(tmp_path, name, padding):
    (tmp_path / name).write_bytes(b"".join(jpeg + padding for jpeg in jpegs_in_a_row(40)))

    with open_source(str(tmp_path / name)) as source:
        frames = list(source)

    assert isinstance(source, Video)
    assert [read_number(frame.pixels) for frame in frames] == list(range(40))
    assert [frame.position_s for frame in frames[:3]] == [0.0, 0.04, 0.08]
    assert source.corrupt_frames == 0


def test_damaged_jpegs_in_a_row_are_left_out_and_counted(tmp_path, capfd):
    given = jpegs_in_a_row(8)
    given[2], given[5] = damaged(given[2]), given[5][: len(given[5]) // 2]
    (tmp_path / "a.mjpg").write_bytes(b"".join(given))

    frames, end = read_all(tmp_path / "a.mjpg")

    assert [read_number(frame.pixels) for frame in frames] == [0, 1, 3, 4, 6, 7]
    assert str(end).endswith("a.mjpg: 2 of 8 frames are damaged and were left out; copy it again")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.avi", "a.mkv", "a.mov"])
def test_damaged_jpegs_of_a_video_are_left_out_and_counted(tmp_path, name, capfd):
    path = write_video(tmp_path / name, frames=6)
    content = bytearray(path.read_bytes())
    starts = [found.start() for found in re.finditer(rb"\xff\xd8\xff", content)]
    middle = (starts[2] + starts[3]) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)
    capfd.readouterr()  # what OpenCV says of writing a .mov

    frames, end = read_all(path)

    assert [read_number(frame.pixels) for frame in frames] == [1, 2, 4, 5, 6]
    assert str(end).endswith(f"{name}: 1 of 6 frames are damaged and were left out; copy it again")
    assert capfd.readouterr() == ("", "")


def test_a_row_of_jpegs_that_ends_within_one_is_truncated(tmp_path):
    given = jpegs_in_a_row(5)
    (tmp_path / "a.mjpg").write_bytes(b"".join(given)[:-20])

    frames, end = read_all(tmp_path / "a.mjpg")

    assert len(frames) == 4
    assert str(end).endswith("a.mjpg: read 4 frames: the file is truncated; copy it again")


def test_the_file_is_closed_at_the_end(tmp_path):
    path = write_video(tmp_path / "a.avi", frames=2)
    with Video(path) as source:
        source.read(0)
        assert open_files(path) == 1
    assert open_files(path) == 0


def open_files(path: Path) -> int:
    links = Path("/proc/self/fd").iterdir()
    return sum(1 for link in links if link.exists() and link.resolve() == path)


def test_each_frame_knows_its_place_in_the_video(tmp_path):
    frames, _ = read_all(write_video(tmp_path / "a.mp4", "mp4v", frames=10))

    assert [frame.position_s for frame in frames] == pytest.approx(
        [index / 12.5 for index in range(10)], abs=2e-3
    )
    assert all(frame.time_s == frame.position_s for frame in frames)


def test_without_a_clock_the_place_follows_from_the_rate(tmp_path):
    path = tmp_path / "raw.mjpeg"  # pictures one after the other, without times
    pictures = [numbered_picture(number) for number in range(4)]
    path.write_bytes(b"".join(cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures))
    with Video(path) as source:
        frames = list(source)

    steps_s = [second.position_s - first.position_s for first, second in itertools.pairwise(frames)]
    assert frames[0].position_s == 0
    assert steps_s == pytest.approx([1 / 25] * 3)


class TestInRealTime:
    """A video that plays as a camera would give it, by a clock of its own."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def playing(self, tmp_path, clock) -> Callable[[int], Video]:
        def play(frames: int) -> Video:
            path = write_video(tmp_path / "a.avi", frames=frames)
            return Video(path, realtime=True, clock=clock, sleep=clock.sleep)

        return play

    def test_frames_come_when_they_are_due(self, playing, clock):
        with playing(6) as source:
            frames, arrived_at_s = [], []
            for frame in source:
                frames.append(frame)
                arrived_at_s.append(clock())

        assert [read_number(frame.pixels) for frame in frames] == [1, 2, 3, 4, 5, 6]
        steps_s = [second.captured_at_s - first.captured_at_s for first, second in itertools.pairwise(frames)]
        assert steps_s == pytest.approx([1 / 12.5] * 5, abs=2e-3)
        assert arrived_at_s == pytest.approx([frame.captured_at_s for frame in frames])

    def test_a_frame_that_is_not_due_is_none_after_the_timeout_and_comes_later(self, playing):
        with playing(3) as source:
            assert source.read(0).sequence == 1
            assert source.read(0.01) is None
            assert source.read(0.01) is None
            assert source.read(5).sequence == 2

    def test_what_falls_due_while_nobody_reads_is_skipped(self, playing, clock):
        with playing(30) as source:
            first = source.read(0)
            clock.sleep(10.5 / 12.5)  # as a slow consumer
            later = source.read(1)

        assert later.sequence == read_number(later.pixels) == 11
        assert later.captured_at_s == pytest.approx(
            first.captured_at_s + (later.sequence - 1) / 12.5, abs=2e-3
        )

    def test_behind_by_more_than_two_seconds_it_goes_on_from_where_it_is(self, playing, clock):
        with playing(60) as source:
            source.read(0)
            clock.sleep(2.3)
            assert source.read(1).sequence == 2

    def test_it_ends_with_its_last_frame(self, playing):
        with playing(3) as source:
            assert [frame.sequence for frame in source] == [1, 2, 3]
            with pytest.raises(EndOfSource):
                source.read(0)

    def test_a_truncated_file_says_so_after_all_that_it_holds(self, tmp_path, clock):
        path = cut(write_video(tmp_path / "clip.avi", frames=10), 0.6)
        frames = []
        with (
            Video(path, realtime=True, clock=clock, sleep=clock.sleep) as source,
            pytest.raises(BadImage, match="of 10 frames: the file is trunc"),
        ):
            frames += iter(lambda: source.read(1), None)

        assert [frame.sequence for frame in frames] == list(range(1, len(frames) + 1))
        assert len(frames) >= 2


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
def test_a_file_is_truncated_when_its_container_states_more(tmp_path, content, cut):
    path = tmp_path / "clip"
    path.write_bytes(content)

    assert is_truncated(path) is cut


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

    assert not is_truncated(path)
    assert [share for share in range(10, 100, 5) if not cut_to(path, content, share)] == []


def cut_to(path: Path, content: bytes, percent: int) -> bool:
    path.write_bytes(content[: len(content) * percent // 100])
    return is_truncated(path)
