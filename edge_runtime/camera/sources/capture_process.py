"""Starts, reads and ends one capture process; `capture.py` decides when.

Parent and child exchange lines of JSON: one request, then notices. Frames go through shared memory.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from typing import Literal, Self

from ...descriptors import open_standard_descriptors
from ...errors import Unavailable
from ...masking import child_environment
from ..frame import Frame
from .address import CsiCamera, DemoCamera, Device, LiveAddress, Stream
from .frame_slot import SlotReader, WriterEnds

try:
    import fcntl
except ImportError:  # Windows; see `capture_by_name.py`
    fcntl = None

CHILD_COMMAND = [sys.executable, "-P", "-m", f"{__package__}.capture_child"]
"""-P: modules in the current folder are not imported in place of ours."""


@dataclass(frozen=True)
class Trust:
    """Which certificates of network cameras are trusted, beside those that authorities vouch for."""

    ca_file: str = ""
    """A PEM file with the camera's certificate or its authority's; empty: none."""
    fingerprint: str = ""
    """The SHA-256 of the only certificate that is accepted, as 64 hexadecimal digits; empty: any trusted."""


ANY_AUTHORITY = Trust()


@dataclass(frozen=True)
class CaptureRequest:
    """What to capture. It is sent through stdin, as a list of processes would show a password."""

    device: str
    """The path of a V4L2 camera; empty for other sources."""
    url: str = field(repr=False)
    """The URL of a stream; empty for other sources."""
    first_sequence: int
    """The sequence number of the first frame."""
    timeout_s: float
    """Timeout of the capture libraries. The parent gives up earlier, while it runs."""
    slot: WriterEnds
    notices: int
    """The file descriptor for notices."""
    csi: int | None = None
    """The number of a CSI camera; None for other sources."""
    least_px: tuple[int, int] | None = None
    """Minimum (width, height) for the pictures of a local camera; None: its current mode."""
    trust: Trust = ANY_AUTHORITY
    """Which certificates of network cameras are trusted."""
    scenes: str = ""
    """What the demo camera shows, from `demo_scenes`; empty for other sources."""
    memory_name: str = ""
    """Where no descriptors are inherited: the name of the shared memory; see `capture_by_name.py`."""

    def to_line(self) -> bytes:
        """Returns one line of ASCII, in which any file name survives."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Parses a line of `to_line`."""
        values = json.loads(line)
        least_px = values["least_px"] and tuple(values["least_px"])
        ends, trust = WriterEnds(**values["slot"]), Trust(**values["trust"])
        return cls(**values | {"slot": ends, "least_px": least_px, "trust": trust})


@dataclass(frozen=True)
class CaptureNotice:
    """A change in the state of the camera. Frames need no notice."""

    kind: Literal[
        "opening",  # the driver is loaded; the camera's own time begins
        "step",  # what opening waits for, where it may take long
        "answered",  # a network camera has answered; its first picture may take its time
        "opened",
        "receiving",  # a picture is on its way, and takes longer than usual
        "corrupt",
        "failed",
        "ended",
    ]
    text: str = ""
    """`failed`: the error's message. `step`: the error's message if it is never completed."""
    error: str = ""
    """`failed`: the name of the error's class in errors.py."""
    width_px: int = 0
    """`opened`: as the camera states it, or 0."""
    height_px: int = 0
    rate_fps: float | None = None
    """`opened`: as the camera states it, or None."""


Notify = Callable[[CaptureNotice], None]
"""Takes notices from the driver of a camera."""


class NoticeWriter:
    """Writes notices, without waiting for the reader."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        os.set_blocking(pipe, False)

    def send(self, notice: CaptureNotice) -> None:
        """Sends a notice; it is lost if nobody reads."""
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._pipe, json.dumps(asdict(notice)).encode() + b"\n")


class NoticeReader:
    """Reads notices, without waiting for the writer."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._part = b""
        self.ended = False
        """The writer has ended, and everything it wrote was received."""
        os.set_blocking(pipe, False)

    def fileno(self) -> int:
        """Readable while there is something to receive, for `select` and `poll`."""
        return self._pipe

    def receive(self) -> list[CaptureNotice]:
        """Returns the notices that have arrived since the last call."""
        while not self.ended:
            try:
                content = os.read(self._pipe, 65_536)
            except BlockingIOError:
                break
            self._part += content
            self.ended = not content
        *lines, self._part = self._part.split(b"\n")
        return [CaptureNotice(**json.loads(line)) for line in lines]

    def close(self) -> None:
        """Closes the pipe."""
        os.close(self._pipe)


_REAP_S = 0.5
"""How long to wait for a killed process."""


class CaptureProcess:
    """A capture process, which starts at once; `close` kills it.

    Args:
        address: the camera or stream.
        first_sequence: see `CaptureRequest`, as for the others.
        timeout_s: see there.
        least_px: see there.
        trust: see there.

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
        open_standard_descriptors()  # a pipe with one of their numbers would not reach the process
        try:
            stdin, notices_take, notices_put = self._started()
        except OSError as error:  # no memory, no process or no file descriptor is left
            raise cannot_start(error) from error
        self._slot.hand_over()
        self._stdin_put = stdin
        self._notices = NoticeReader(notices_take)
        ends = self._slot.writer_ends
        request = request_for(
            address, first_sequence, timeout_s, least_px, trust, slot=ends, notices=notices_put
        )
        try:
            _send(self._stdin_put, request.to_line())  # stays open: when it closes, the child ends
        except Unavailable:
            self.close()
            raise

    def _started(self) -> tuple[int, int, int]:
        """Starts the process; returns our end of its stdin, and both ends of the pipe for notices."""
        with ExitStack() as undo:
            self._slot = SlotReader()
            undo.callback(self._slot.close)
            notices_take, notices_put = os.pipe()
            undo.callback(os.close, notices_take)
            with ExitStack() as always:
                always.callback(os.close, notices_put)
                stdin_take, stdin_put = os.pipe()
                undo.callback(os.close, stdin_put)
                always.callback(os.close, stdin_take)
                self._process = _start(stdin_take, (*self._slot.writer_ends.descriptors, notices_put))
            undo.pop_all()
        return stdin_put, notices_take, notices_put

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def gone(self) -> bool:
        """Whether it has ended and all its notices were received."""
        return self._notices.ended

    @property
    def death(self) -> str:
        """How a process that is gone ended, in words."""
        return death_in_words(wait_for_end(self._process))

    def wait(self, timeout_s: float) -> None:
        """Waits for a frame or a notice, at most `timeout_s`."""
        if not hasattr(select, "poll"):  # some builds of Python for macOS
            select.select([self._slot, self._notices], [], [], max(0.0, timeout_s))
            return
        poll = select.poll()
        poll.register(self._slot, select.POLLIN)
        poll.register(self._notices, select.POLLIN)
        poll.poll(max(0.0, timeout_s) * 1000)

    def receive(self) -> list[CaptureNotice]:
        """Returns the notices that have arrived since the last call."""
        return self._notices.receive()

    def take(self) -> Frame | None:
        """Returns the newest frame that was not taken before, or None."""
        return self._slot.take()

    def close(self) -> None:
        """Kills the process, even if it is stopped or hangs in a read, and frees its resources."""
        self._process.kill()
        wait_for_end(self._process)
        os.close(self._stdin_put)
        self._notices.close()
        self._slot.close()


def request_for(
    address: LiveAddress,
    first_sequence: int,
    timeout_s: float,
    least_px: tuple[int, int] | None,
    trust: Trust,
    *,
    slot: WriterEnds,
    notices: int,
    memory_name: str = "",
) -> CaptureRequest:
    """Returns the request to capture from an address; see `CaptureRequest`."""
    return CaptureRequest(
        device=address.path if isinstance(address, Device) else "",
        url=address.url if isinstance(address, Stream) else "",
        first_sequence=first_sequence,
        timeout_s=timeout_s,
        slot=slot,
        notices=notices,
        least_px=least_px,
        trust=trust,
        csi=address.number if isinstance(address, CsiCamera) else None,
        scenes=address.scenes if isinstance(address, DemoCamera) else "",
        memory_name=memory_name,
    )


def wait_for_end(process: subprocess.Popen[bytes]) -> int | None:
    """Returns the exit code of a process that was killed, or has ended; None: it hangs in a driver."""
    try:
        return process.wait(_REAP_S)
    except subprocess.TimeoutExpired:
        return None


def death_in_words(code: int | None) -> str:
    """Returns how a capture process ended, from `wait_for_end`."""
    if code is None:
        return "ended but hangs in a driver"
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def cannot_start(error: OSError) -> Unavailable:
    """Returns the error to raise where the system has no room for another process."""
    return Unavailable(f"cannot start the capture process: {error.strerror}")


def _send(pipe: int, line: bytes) -> None:
    """Writes a request without waiting for the process: the pipe is enlarged to hold all of it.

    Raises:
        Unavailable: the system has no room for it; without root, a pipe holds up to a megabyte.
    """
    try:
        if fcntl is None or not hasattr(fcntl, "F_SETPIPE_SZ"):  # macOS: the process reads it in its own time
            threading.Thread(target=_write, args=(pipe, line), daemon=True).start()
            return
        if len(line) > fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, len(line))
        os.write(pipe, line)
    except BrokenPipeError:  # the process has ended already, which is noticed later
        return
    except OSError as error:
        raise cannot_start(error) from error


def _write(pipe: int, line: bytes) -> None:
    with suppress(OSError):  # the process has ended already, which is noticed later
        os.write(pipe, line)


def _start(stdin: int, descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    """Starts the process, which inherits `descriptors`."""
    return subprocess.Popen(
        CHILD_COMMAND,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        env=child_environment(),
        pass_fds=descriptors,
        process_group=0,  # Ctrl-C goes to our group, also while the child is still starting
    )
