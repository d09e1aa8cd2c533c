"""What a reader and its capture process say to each other: one request, then notices, as lines of JSON."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal, Self

from .frame_slot import WriterEnds


@dataclass(frozen=True)
class Request:
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
class Notice:
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

    def send(self, notice: Notice) -> None:
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

    def receive(self) -> list[Notice]:
        """The notices that came since."""
        while not self.ended:
            try:
                content = os.read(self._pipe, 65_536)
            except BlockingIOError:
                break
            self._part += content
            self.ended = not content
        *lines, self._part = self._part.split(b"\n")
        return [Notice(**json.loads(line)) for line in lines]

    def close(self) -> None:
        """Closes the pipe."""
        os.close(self._pipe)
