"""Capture process on Windows, where a child inherits no file descriptors: memory with a name, and two pipes.

    parent ── stdin:  the request, then the numbers of buffers that are free again ──> child
    parent <── stdout: notices, and the numbers of buffers with a new frame ─────────── child

A thread of the parent takes each number as it comes and gives back the one that nobody took: `take` gets the
newest frame, as from `frame_slot.py`. The buffers are the same.
"""

import json
import mmap
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import deque
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...descriptors import take_stdout
from ...masking import child_environment
from ..frame import Frame
from .address import LiveAddress
from .capture_process import (
    ANY_AUTHORITY,
    CHILD_COMMAND,
    CaptureNotice,
    Trust,
    cannot_start,
    death_in_words,
    request_for,
    wait_for_end,
)
from .frame_slot import BUFFERS, SLOT_BYTES, WriterEnds, frame_at, put_frame

_NO_DESCRIPTORS = WriterEnds(-1, -1, -1, -1)


NEEDED = sys.platform == "win32" or not hasattr(os, "set_blocking")
"""Whether this system needs it."""


def named_memory(name: str) -> memoryview:
    """Returns the shared memory of this name; it is made by the first process that asks for it.

    Raises:
        OSError: the system has no room for it.
    """
    try:  # Windows frees it with the last process that has it, however that ends
        return memoryview(mmap.mmap(-1, SLOT_BYTES, tagname=name))  # pyright: ignore
    except TypeError:  # elsewhere only a file has a name
        with _file_of(name).open("a+b") as file:
            file.truncate(SLOT_BYTES)
            return memoryview(mmap.mmap(file.fileno(), SLOT_BYTES))


def _file_of(name: str) -> Path:
    return Path(tempfile.gettempdir(), name)


class NamedCaptureProcess:
    """A capture process; see `CaptureProcess`, whose methods it has.

    Raises:
        Unavailable: the system has no room for another process.
    """

    def __init__(
        self,
        address: LiveAddress,
        first_sequence: int,
        timeout_s: float,
        least_px: tuple[int, int] | None = None,
        trust: Trust = ANY_AUTHORITY,
    ) -> None:
        self._name = f"edgecls-{os.getpid()}-{os.urandom(8).hex()}"
        try:
            self._memory = named_memory(self._name)
            self._process = subprocess.Popen(
                CHILD_COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env=child_environment(),
                # Ctrl-C goes to our group.
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:
            raise cannot_start(error) from error
        self._changed = threading.Condition()
        self._notices: deque[CaptureNotice] = deque()
        self._newest: int | None = None
        self._ended = False
        ends = _NO_DESCRIPTORS
        request = request_for(
            address, first_sequence, timeout_s, least_px, trust, slot=ends, notices=-1, memory_name=self._name
        )
        reader = threading.Thread(target=self._read, args=(request.to_line(),), name="capture", daemon=True)
        reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def gone(self) -> bool:
        """Whether it has ended and all its notices were received."""
        with self._changed:
            return self._ended and not self._notices

    @property
    def death(self) -> str:
        """How a process that is gone ended, in words."""
        return death_in_words(wait_for_end(self._process))

    def wait(self, timeout_s: float) -> None:
        """Waits for a frame or a notice, at most `timeout_s`."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._newest is not None or self._notices or self._ended, max(0.0, timeout_s)
            )

    def receive(self) -> list[CaptureNotice]:
        """Returns the notices that have arrived since the last call."""
        with self._changed:
            received = list(self._notices)
            self._notices.clear()
            return received

    def take(self) -> Frame | None:
        """Returns the newest frame that was not taken before, or None."""
        with self._changed:
            number, self._newest = self._newest, None
        if number is None:
            return None
        frame = frame_at(self._memory, number)
        self._give_back(number)
        return frame

    def close(self) -> None:
        """Kills the process, even if it is stopped or hangs in a read; the system frees its resources."""
        self._process.kill()
        wait_for_end(self._process)
        with suppress(OSError):  # it is no file
            _file_of(self._name).unlink()

    def _read(self, request: bytes) -> None:
        """Sends the request, then takes what the process writes until it ends."""
        assert self._process.stdin  # noqa: S101 - it is a pipe
        assert self._process.stdout  # noqa: S101 - as above
        with suppress(OSError), self._process.stdout as lines:
            self._process.stdin.write(request)
            while line := lines.readline():
                self._take_line(json.loads(line))
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take_line(self, values: dict[str, Any]) -> None:
        with self._changed:
            unread = None
            if "buffer" in values:
                unread, self._newest = self._newest, values["buffer"]
            else:
                self._notices.append(CaptureNotice(**values))
            self._changed.notify_all()
        if unread is not None:
            self._give_back(unread)

    def _give_back(self, number: int) -> None:
        assert self._process.stdin  # noqa: S101 - it is a pipe
        with suppress(OSError, ValueError):  # the process has ended; its last frame is still good
            self._process.stdin.write(bytes([number]))


class NamedWriter:
    """The child's side: publishes frames and sends notices."""

    def __init__(self, memory_name: str) -> None:
        self._memory = named_memory(memory_name)
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(BUFFERS):
            self._free.put(number)
        self._lines = take_stdout()
        threading.Thread(target=self._read_returned, daemon=True).start()

    def send(self, notice: CaptureNotice) -> None:
        """Sends a notice."""
        self._write(asdict(notice))

    def publish(self, frame: Frame) -> None:
        """Makes `frame` the one that the parent takes next.

        Raises:
            BadImage: it is too large.
        """
        number = self._free.get()
        put_frame(self._memory, number, frame)
        self._write({"buffer": number})

    def _write(self, values: dict[str, Any]) -> None:
        with suppress(OSError):  # the parent has ended, and so do we
            self._lines.write(json.dumps(values) + "\n")

    def _read_returned(self) -> None:
        """Takes the numbers of free buffers; ends this process when the parent closes stdin, or has ended."""
        while numbers := os.read(sys.stdin.fileno(), BUFFERS):
            for number in numbers:
                self._free.put(number)
        os._exit(0)
