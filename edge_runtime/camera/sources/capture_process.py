"""One capture process, seen from its parent: started, read from, ended. When, is for capture.py to say."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict, astuple, dataclass
from typing import Literal, Self

from ...errors import Unavailable
from ..frame import Frame
from .address import CsiCamera, DemoCamera, Device, LiveAddress, Stream
from .frame_slot import SlotReader, WriterEnds

# What a reader and its capture process say to each other: one request, then notices, as lines of JSON.


@dataclass(frozen=True)
class CaptureRequest:
    """What to capture; written to the process's stdin, where no list of processes shows a password."""

    device: str
    """A path, or empty where there is a `url`."""
    url: str
    first_sequence: int
    timeout_s: float
    """After which the libraries shall give up by themselves. A reader that is there does so earlier."""
    slot: WriterEnds
    notices: int
    """The file descriptor to write notices to."""
    csi: int | None = None
    """The number of a CSI camera, where it is one."""
    least_px: tuple[int, int] | None = None
    """The (width, height) that the pictures of a camera here should have at least; None: as it is set."""
    scenes: str = ""
    """What the demo camera shows, where it is that: as `demo_scenes` writes it."""

    def to_line(self) -> bytes:
        """One line of ASCII; any file name survives it."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Reads `to_line`."""
        values = json.loads(line)
        least_px = values["least_px"] and tuple(values["least_px"])
        return cls(**values | {"slot": WriterEnds(**values["slot"]), "least_px": least_px})


@dataclass(frozen=True)
class CaptureNotice:
    """What became of the camera. Frames need no notice: the slot tells of them itself."""

    kind: Literal["opening", "opened", "corrupt", "failed", "ended"]
    text: str = ""
    """`failed`: the error's message."""
    error: str = ""
    """`failed`: the error's class, one of errors.py."""
    width_px: int = 0
    height_px: int = 0
    rate_fps: float | None = None
    """`opened`: as the camera states them."""


class NoticeWriter:
    """Writes notices without ever waiting for a reader."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        os.set_blocking(pipe, False)

    def send(self, notice: CaptureNotice) -> None:
        """Sends a notice; where nobody reads, it is lost."""
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._pipe, json.dumps(asdict(notice)).encode() + b"\n")


class NoticeReader:
    """Reads notices without waiting for a writer."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._part = b""
        self.ended = False
        """The writer's process is gone, and everything it wrote was received."""
        os.set_blocking(pipe, False)

    def fileno(self) -> int:
        """Readable while there is something to receive: for `select` and `poll`."""
        return self._pipe

    def receive(self) -> list[CaptureNotice]:
        """The notices that came since."""
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


class CaptureProcess:
    """Starts a process that captures from `address` at once; `close` kills it.

    Args:
        address: the camera.
        first_sequence: the number of its first frame.
        timeout_s: when the libraries in it shall give up by themselves.
        least_px: see `CaptureRequest.least_px`.
    """

    def __init__(
        self,
        address: LiveAddress,
        first_sequence: int,
        timeout_s: float,
        least_px: tuple[int, int] | None = None,
    ) -> None:
        with ExitStack() as undo:
            self._slot = SlotReader()
            undo.callback(self._slot.close)
            notices_take, notices_put = os.pipe()
            undo.callback(os.close, notices_take)
            stdin_take, self._stdin_put = os.pipe()
            undo.callback(os.close, self._stdin_put)
            try:
                self._process = _start(stdin_take, (*astuple(self._slot.writer_ends), notices_put))
            finally:
                os.close(stdin_take)
                os.close(notices_put)
            undo.pop_all()
        self._slot.hand_over()
        self._notices = NoticeReader(notices_take)
        request = CaptureRequest(
            device=address.path if isinstance(address, Device) else "",
            url=address.url if isinstance(address, Stream) else "",
            first_sequence=first_sequence,
            timeout_s=timeout_s,
            slot=self._slot.writer_ends,
            notices=notices_put,
            least_px=least_px,
            csi=address.number if isinstance(address, CsiCamera) else None,
            scenes=address.scenes if isinstance(address, DemoCamera) else "",
        )
        try:
            _send(self._stdin_put, request.to_line())  # it stays open: its end tells the child of ours
        except Unavailable:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def gone(self) -> bool:
        """It ended, and all its notices were received."""
        return self._notices.ended

    @property
    def death(self) -> str:
        """How a process that is gone came to its end."""
        code = self._reap()
        if code is None:
            return "ended but hangs in a driver"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def wait(self, timeout_s: float) -> None:
        """Returns when there is a frame or a notice, or after `timeout_s`."""
        poll = select.poll()
        poll.register(self._slot, select.POLLIN)
        poll.register(self._notices, select.POLLIN)
        poll.poll(max(0.0, timeout_s) * 1000)

    def receive(self) -> list[CaptureNotice]:
        """The notices that came since."""
        return self._notices.receive()

    def take(self) -> Frame | None:
        """The newest frame not taken before, or None."""
        return self._slot.take()

    def close(self) -> None:
        """Kills the process, also one that is stopped or hangs in a read, and gives back all it had."""
        self._process.kill()
        self._reap()
        os.close(self._stdin_put)
        self._notices.close()
        self._slot.close()

    def _reap(self) -> int | None:
        try:
            return self._process.wait(_REAP_S)
        except subprocess.TimeoutExpired:  # a killed process in a driver's hands ends when that lets go
            return None


def _send(pipe: int, line: bytes) -> None:
    """Writes a request without waiting for a process that may hang: the pipe is made to hold all of it.

    Raises:
        Unavailable: the system has no room for it; without root, a pipe holds a megabyte.
    """
    try:
        if len(line) > fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, len(line))
        os.write(pipe, line)
    except BrokenPipeError:  # the process is gone already, which is noticed later
        return
    except OSError as error:
        raise Unavailable(f"cannot start the capture process: {error.strerror}") from error


def _start(stdin: int, descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    """Starts the process with the file descriptors that it inherits.

    Raises:
        Unavailable: the system has no room for another process.
    """
    try:
        return subprocess.Popen(
            # -P: no module in the current folder stands in for one of ours.
            [sys.executable, "-P", "-m", f"{__package__}.capture_child"],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            pass_fds=descriptors,
            process_group=0,  # Ctrl-C goes to the whole group, also while this process is still starting
        )
    except OSError as error:
        raise Unavailable(f"cannot start the capture process: {error.strerror}") from error
