"""Frame slot: the newest frame, never torn, whoever is stopped or killed."""

import errno
import os
import select
import subprocess
import sys
import time
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.sources.frame_slot import SlotReader, SlotWriter
from edgecls.edge_runtime.errors import BadImage
from edgecls.edge_runtime.images.jpeg_header import MAX_PIXELS

WRITER = """
import sys
import numpy as np
from edgecls.edge_runtime.camera.frame import Frame
from edgecls.edge_runtime.camera.sources.frame_slot import SlotWriter, WriterEnds

slot = SlotWriter(WriterEnds(*map(int, sys.argv[1:])))
sequence = 0
while True:
    sequence += 1
    height = 200 + sequence % 3  # the size is part of what could be torn
    slot.publish(Frame(np.full((height, 300, 3), sequence % 251, np.uint8), sequence, float(sequence)))
"""


@pytest.fixture
def reader():
    slot = SlotReader()
    yield slot
    slot.close()


def frame(sequence: int, size=(4, 6)) -> Frame:
    return Frame(np.full((*size, 3), sequence, np.uint8), sequence, sequence / 10)


def start_writer(slot: SlotReader) -> subprocess.Popen:
    ends = astuple(slot.writer_ends)
    process = subprocess.Popen([sys.executable, "-c", WRITER, *map(str, ends)], pass_fds=ends)
    slot.hand_over()
    return process


def wait(slot: SlotReader) -> bool:
    return bool(select.select([slot], [], [], 60)[0])


def is_whole(taken: Frame) -> bool:
    value = taken.sequence % 251
    return (
        taken.pixels.shape == (200 + taken.sequence % 3, 300, 3)
        and taken.captured_at_s == taken.sequence
        and bool((taken.pixels == value).all())
    )


def test_a_frame_arrives_as_it_was_published(reader):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    SlotWriter(reader.writer_ends).publish(Frame(pixels, 1 << 40, 12.125))

    taken = reader.take()

    assert np.array_equal(taken.pixels, pixels)
    assert (taken.sequence, taken.captured_at_s) == (1 << 40, 12.125)


def test_only_the_newest_frame_is_given_and_only_once(reader):
    writer = SlotWriter(reader.writer_ends)
    for sequence in (1, 2, 3):
        writer.publish(frame(sequence))

    assert reader.take().sequence == 3
    assert reader.take() is None


def test_a_frame_that_was_taken_is_not_changed_by_later_ones(reader):
    writer = SlotWriter(reader.writer_ends)
    writer.publish(frame(1))
    taken = reader.take()
    for sequence in range(2, 10):
        writer.publish(frame(sequence))

    assert (taken.pixels == 1).all()


def test_the_writer_never_waits_for_a_reader(reader):
    writer = SlotWriter(reader.writer_ends)
    for sequence in range(1, 70_000):  # more than a pipe holds
        writer.publish(frame(sequence % 256, size=(1, 1)))


def test_the_writer_goes_on_while_a_reader_is_stopped_with_a_buffer_in_hand(reader):
    writer = SlotWriter(reader.writer_ends)
    writer.publish(frame(1))
    in_hand = os.read(reader.fileno(), 1)  # as `take` does before it copies
    for sequence in range(2, 10):
        writer.publish(frame(sequence))

    assert os.read(reader.fileno(), 1) != in_hand


def test_any_order_of_publishing_and_taking_leaves_a_buffer_free(reader):
    writer = SlotWriter(reader.writer_ends)
    newest = taken = 0
    for step in np.random.default_rng(0).random(3000):
        if step < 0.5:
            newest += 1
            writer.publish(Frame(np.zeros((1, 1, 3), np.uint8), newest, 0))
        elif (given := reader.take()) is not None:
            assert given.sequence == newest > taken
            taken = given.sequence
        else:
            assert taken == newest


def test_no_frame_is_torn_and_none_comes_late_from_a_writer_at_full_speed(reader):
    process = start_writer(reader)
    try:
        assert wait(reader)
        last = 0
        for _ in range(300):
            assert wait(reader)
            taken = reader.take()
            if taken is not None:  # the writer takes a frame back to put a newer one there
                assert is_whole(taken)
                assert taken.sequence > last
                last = taken.sequence
        assert process.poll() is None  # the writer always found a free buffer
    finally:
        process.kill()
        process.wait()
    assert last > 20


def test_a_writer_killed_at_any_point_leaves_no_torn_frame():
    for pause_s in np.random.default_rng(0).random(6) * 0.02:
        slot = SlotReader()
        process = start_writer(slot)
        try:
            assert wait(slot)
            time.sleep(pause_s)  # to be killed at some point, not to wait for anything
            process.kill()
            process.wait()
            taken = slot.take()
            assert taken is None or is_whole(taken)
            assert slot.take() is None
        finally:
            slot.close()


def test_a_frame_too_large_for_the_slot_is_refused(reader):
    height = MAX_PIXELS // 1000 + 1
    pixels = np.broadcast_to(np.zeros(3, np.uint8), (height, 1000, 3))  # takes no memory

    with pytest.raises(BadImage, match=f"1000x{height}; choose a smaller size"):
        SlotWriter(reader.writer_ends).publish(Frame(pixels, 1, 0))


def test_memory_is_taken_only_for_the_size_of_the_frames(reader):
    writer = SlotWriter(reader.writer_ends)
    for sequence in range(1, 20):
        writer.publish(frame(sequence, size=(480, 640)))

    taken_bytes = os.fstat(reader.writer_ends.memory).st_blocks * 512

    assert taken_bytes < 3 * 640 * 480 * 3 + 100_000


@pytest.mark.parametrize("pipes", [0, 1])
def test_a_slot_that_cannot_be_made_leaves_no_descriptor(pipes: int, monkeypatch):
    """The system is out of descriptors after so many pipes."""
    left, pipe = [None] * pipes, os.pipe

    def made() -> tuple[int, int]:
        if not left:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        left.pop()
        return pipe()

    before = open_descriptors()
    monkeypatch.setattr(os, "pipe", made)
    with pytest.raises(OSError, match="Too many open files"):
        SlotReader()
    assert open_descriptors() == before


@pytest.mark.parametrize("handed_over", [False, True])
def test_closing_leaves_no_descriptor(handed_over):
    before = open_descriptors()
    slot = SlotReader()
    if handed_over:
        slot.hand_over()
    slot.close()

    assert open_descriptors() == before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
