"""Background output: what a reader that is slow, asleep or gone does to whoever writes."""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgecls.edge_runtime.camera.control import StopRequest
from edgecls.edge_runtime.camera.outputs import background
from edgecls.edge_runtime.camera.outputs.background import MAX_WAITING_BYTES, BackgroundOutput, BackgroundText

LINE = b"x" * 4095 + b"\n"


@dataclass
class Pipe:
    out: int
    end: int

    def fill(self) -> int:
        """Puts as much into it as there is room for; returns how many bytes that was."""
        os.set_blocking(self.end, False)
        size_bytes = 0
        with suppress(BlockingIOError):
            while True:
                size_bytes += os.write(self.end, b"." * 4096)
        os.set_blocking(self.end, True)
        return size_bytes

    def read(self, size_bytes: int) -> bytes:
        content = b""
        while len(content) < size_bytes:
            content += os.read(self.out, size_bytes - len(content))
        return content


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = Pipe(*os.pipe())
    yield ends
    for end in (ends.out, ends.end):
        with suppress(OSError):  # a test may have closed it
            os.close(end)


def test_lines_come_in_their_order_and_nobody_waits(pipe: Pipe):
    output = BackgroundOutput(pipe.end, StopRequest(), may_drop=True)
    for number in range(1000):
        assert output.put(b"%03d\n" % number) == 0
    assert pipe.read(4000) == b"".join(b"%03d\n" % number for number in range(1000))
    assert output.drain() == 0


def test_where_nobody_reads_the_oldest_lines_are_dropped_and_counted(pipe: Pipe):
    filling_bytes = pipe.fill()
    output = BackgroundOutput(pipe.end, StopRequest(), may_drop=True)
    count = 2 * MAX_WAITING_BYTES // 8
    dropped = sum(output.put(b"%07d\n" % number) for number in range(count))
    assert 0 < dropped < count
    pipe.read(filling_bytes)
    got = pipe.read((count - dropped) * 8).split()
    numbers = [int(number) for number in got]
    assert numbers == sorted(numbers)
    assert numbers[-1] == count - 1  # the newest are there


def test_a_run_that_ends_gives_a_slow_reader_every_line(pipe: Pipe):
    output = BackgroundOutput(pipe.end, StopRequest(), may_drop=False)
    count = 2 * MAX_WAITING_BYTES // len(LINE)
    got: list[bytes] = []

    def read_slowly() -> None:
        while sum(map(len, got)) < count * len(LINE):
            got.append(os.read(pipe.out, 5000))

    reader = threading.Thread(target=read_slowly)
    reader.start()
    assert sum(output.put(LINE) for _ in range(count)) == 0
    assert output.drain() == 0
    reader.join(60)
    assert b"".join(got) == count * LINE


@pytest.mark.parametrize("may_drop", [True, False])
def test_a_request_to_stop_ends_every_wait(
    pipe: Pipe, within: Callable[[float], AbstractContextManager[None]], may_drop: bool
):
    pipe.fill()
    stop = StopRequest()
    output = BackgroundOutput(pipe.end, stop, may_drop=may_drop)
    threading.Timer(0.2, stop.request).start()
    with within(3):
        while not stop.requested:
            output.put(LINE)
        assert output.drain() > 0


def test_where_there_is_no_second_way_to_the_pipe_the_thread_writes_everything(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(background, "_reopened", lambda _: None)  # as without /proc, and of a socket
    output = BackgroundOutput(pipe.end, StopRequest(), may_drop=True)
    for number in range(1000):
        assert output.put(b"%03d\n" % number) == 0
    assert pipe.read(4000) == b"".join(b"%03d\n" % number for number in range(1000))
    os.close(pipe.out)
    output.put(LINE)
    with pytest.raises(BrokenPipeError):
        output.drain()


def test_a_descriptor_stays_as_others_share_it(pipe: Pipe):
    output = BackgroundOutput(pipe.end, StopRequest(), may_drop=True)
    output.put(b"a\n")
    output.drain()
    assert not fcntl.fcntl(pipe.end, fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_pipe_that_others_made_non_blocking_gets_every_line_too(pipe: Pipe):
    filling_bytes = pipe.fill()
    os.set_blocking(pipe.end, False)
    output = BackgroundOutput(pipe.end, StopRequest(), may_drop=False)
    output.put(LINE * 40)
    assert pipe.read(filling_bytes + 40 * len(LINE)).endswith(40 * LINE)
    assert output.drain() == 0


def test_a_reader_that_has_gone_is_told_for_good(pipe: Pipe):
    os.close(pipe.out)
    output = BackgroundOutput(pipe.end, StopRequest(), may_drop=True)
    for _ in range(2):
        with pytest.raises(BrokenPipeError):
            output.put(LINE)
    with pytest.raises(BrokenPipeError):
        output.drain()
    assert output.is_broken


def test_half_a_line_that_a_full_disk_took_is_ended_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    descriptor = os.open(tmp_path / "lines", os.O_WRONLY | os.O_CREAT)
    room = [4]

    def write(to: int, content: bytes) -> int:
        if to == descriptor and not room[0]:
            raise OSError(errno.ENOSPC, "full")
        taken = real_write(to, content[: room[0]] if to == descriptor else content)
        room[0] -= taken if to == descriptor else 0
        return taken

    real_write = os.write
    monkeypatch.setattr(background.os, "write", write)
    output = BackgroundOutput(descriptor, StopRequest(), may_drop=True)
    with pytest.raises(OSError, match="full"):
        output.put(b"abcdef\n")
    room[0] = 100
    output.put(b"ghi\n")
    os.close(descriptor)
    assert (tmp_path / "lines").read_bytes() == b"abcd\nghi\n"


def test_a_text_stream_counts_what_nobody_took(pipe: Pipe):
    pipe.fill()
    with open(pipe.end, "w", closefd=False) as stream:
        text = BackgroundText(stream, BackgroundOutput(pipe.end, StopRequest(), may_drop=True))
        print("äöü", "and", "more", file=text)
        text.drain()
        assert text.dropped == 1
        os.close(pipe.out)
        while not text.output.is_broken:  # the thread was still writing the first line
            time.sleep(0.01)
        print("for nobody", file=text)  # no error
        print("for nobody", file=text, flush=True)
        assert text.dropped == 3
        assert (text.isatty(), text.fileno()) == (False, pipe.end)
