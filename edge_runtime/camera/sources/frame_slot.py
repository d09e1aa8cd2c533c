"""Frame slot: shared memory through which one process passes its newest frame to another.

It holds three buffers, each owned by one side at a time. Their numbers travel through two pipes:

    writer ── mailbox, holds at most one number ──> reader
    writer <───────────── returned ──────────────── reader

A writer with a newer frame takes the unread number back out of the mailbox before it puts the new one in. So
the reader always gets the newest frame, the writer never waits, and of the three buffers one is always free:
one may be in the mailbox and one with the reader.

Neither side touches a buffer that it does not own, so a torn frame is impossible, even if a process is
stopped or killed at any point, and on processors that reorder memory, as the kernel orders what passes
through a pipe. A lock in shared memory could be held by a stopped process; a counter around the pixels (a
seqlock) needs memory barriers, which Python does not have.
"""

import os
import struct
from contextlib import ExitStack, suppress
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from ...errors import BadImage
from ...images.jpeg_header import MAX_PIXELS
from ..frame import Frame
from .shared_memory import SharedMemory, create_memory

if TYPE_CHECKING:
    import numpy as np

BUFFERS = 3
_HEADER = struct.Struct("<QdIIII")
"""sequence, captured_at_s, height, width (both 0 for a JPEG), bytes of the picture, bytes of the truth."""
_HEADER_BYTES = 4096
_TRUTH_BYTES = _HEADER_BYTES - _HEADER.size
_BUFFER_BYTES = _HEADER_BYTES + 3 * MAX_PIXELS
"""Of address space: a page takes memory only when it is first written."""
SLOT_BYTES = BUFFERS * _BUFFER_BYTES


@dataclass(frozen=True)
class WriterEnds:
    """File descriptors inherited by the writer's process."""

    memory: int
    """See `SharedMemory.handle`: below 0 it is no descriptor."""
    mailbox_take: int
    mailbox_put: int
    returned_take: int

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Those to inherit."""
        return tuple(number for number in astuple(self) if number >= 0)


class SlotReader:
    """Creates the slot and takes frames from it.

    Raises:
        OSError: the system has no memory or no file descriptors left.
    """

    def __init__(self) -> None:
        with ExitStack() as undo:
            self._memory = create_memory(SLOT_BYTES)
            undo.callback(self._memory.close)
            if self._memory.handle >= 0:
                undo.callback(os.close, self._memory.handle)
            mailbox_take, mailbox_put = os.pipe()
            undo.callback(os.close, mailbox_take)
            undo.callback(os.close, mailbox_put)
            returned_take, self._returned_put = os.pipe()
            undo.pop_all()
        for descriptor in (mailbox_take, returned_take):
            os.set_blocking(descriptor, False)
        self.writer_ends = WriterEnds(self._memory.handle, mailbox_take, mailbox_put, returned_take)
        self._mailbox_take = mailbox_take
        self._handed_over = False

    def hand_over(self) -> None:
        """Closes the writer's descriptors, once its process has inherited them."""
        if not self._handed_over:
            for descriptor in self.writer_ends.descriptors:
                if descriptor != self._mailbox_take:
                    os.close(descriptor)
        self._handed_over = True

    def fileno(self) -> int:
        """Readable while a frame waits, for `select` and `poll`."""
        return self._mailbox_take

    def take(self) -> Frame | None:
        """Returns the newest frame not taken before, with a copy of its picture; None if there is none."""
        number = _take_number(self._mailbox_take)
        if number is None:
            return None
        frame = frame_at(self._memory.view, number)
        with suppress(BrokenPipeError):  # the writer has ended; its last frame is still good
            os.write(self._returned_put, bytes([number]))
        return frame

    def close(self) -> None:
        """Frees the memory and closes the descriptors."""
        self.hand_over()
        self._memory.close()
        os.close(self._mailbox_take)
        os.close(self._returned_put)


class SlotWriter:
    """Puts frames into a slot that another process created."""

    def __init__(self, ends: WriterEnds) -> None:
        self._memory = SharedMemory(ends.memory, SLOT_BYTES, is_writable=True).view
        self._ends = ends
        self._free = list(range(BUFFERS))

    def publish(self, frame: Frame) -> None:
        """Makes `frame` the one that the reader takes next, without waiting.

        Raises:
            BadImage: it is larger than `MAX_PIXELS`.
        """
        number = self._free.pop()
        put_frame(self._memory, number, frame)
        self._reclaim(self._ends.mailbox_take)
        os.write(self._ends.mailbox_put, bytes([number]))
        # After the mailbox: if the reader was faster there, it has returned its previous buffer by now.
        self._reclaim(self._ends.returned_take)

    def _reclaim(self, pipe: int) -> None:
        while (number := _take_number(pipe)) is not None:
            self._free.append(number)


def put_frame(memory: memoryview, number: int, frame: Frame) -> None:
    """Writes a frame into a buffer of the slot.

    Raises:
        BadImage: it is larger than `MAX_PIXELS`.
    """
    jpeg = frame.jpeg
    content = frame.pixels.tobytes() if jpeg is None else jpeg
    height_px, width_px = frame.pixels.shape[:2] if jpeg is None else (0, 0)
    if len(content) > 3 * MAX_PIXELS:
        raise BadImage(f"the camera's pictures are {width_px}x{height_px}; choose a smaller size")
    truth = frame.truth.encode()[:_TRUTH_BYTES]
    start = number * _BUFFER_BYTES
    sizes = (height_px, width_px, len(content), len(truth))
    _HEADER.pack_into(memory, start, frame.sequence, frame.captured_at_s, *sizes)
    for at, part in ((start + _HEADER.size, truth), (start + _HEADER_BYTES, content)):
        memory[at : at + len(part)] = part


def frame_at(memory: memoryview, number: int) -> Frame:
    """Returns the frame in a buffer of the slot, with a copy of its picture."""
    start = number * _BUFFER_BYTES
    sequence, captured_at_s, *sizes, truth_bytes = _HEADER.unpack_from(memory, start)
    truth_at = start + _HEADER.size
    truth = str(memory[truth_at : truth_at + truth_bytes], "utf-8", "ignore")
    picture = _copied_picture(memory, start + _HEADER_BYTES, *sizes)
    return Frame(picture, sequence, captured_at_s, truth=truth)


def _take_number(pipe: int) -> int | None:
    """Returns the next buffer number in a pipe; None if it is empty, closed or not."""
    try:
        number = os.read(pipe, 1)
    except BlockingIOError:
        return None
    return number[0] if number else None


def _copied_picture(
    memory: memoryview, start: int, height_px: int, width_px: int, size_bytes: int
) -> "np.ndarray | bytes":
    if not height_px:
        return bytes(memory[start : start + size_bytes])
    import numpy as np  # noqa: PLC0415 - not needed for JPEG

    return np.ndarray((height_px, width_px, 3), np.uint8, memory, start).copy()
