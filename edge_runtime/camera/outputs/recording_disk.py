"""The disk of a recording, which may fill up, break, or be a stick that somebody pulls out and puts back."""

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ...errors import EdgeclsError, OutputFailed, can_waiting_help, writing_failed
from ...files import FolderThatReturns
from ..event import Event, OnEvent, ignore

RESERVE_BYTES = 16_000_000
"""Disk space to leave free: an mp4 cannot be played without the index that is written at its end."""
RETRY_S = 2.0
"""Between two attempts to go on."""


class RecordingDisk:
    """Watches the disk of a recording; says when writing stops, and when it may go on.

    Args:
        target: what is recorded to, for messages.
        folder: the folder that is written to.
        on_event: called when the recording stops, and when it goes on.
        reserve_bytes: disk space to leave free.
        resumes: whether the recording goes on once the disk is back, as that of a camera that nobody watches;
            otherwise it ends at the first failure, which `close` raises.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        target: Path,
        folder: Path,
        on_event: OnEvent = ignore,
        reserve_bytes: int = RESERVE_BYTES,
        *,
        resumes: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failure: EdgeclsError | None = None
        """Why nothing is written now."""
        self.is_ending = False
        """Whether the loop has ended, and so the recording, whatever the disk does."""
        self._target, self._folder = target, folder
        self._on_event, self._reserve_bytes = on_event, reserve_bytes
        self._resumes, self._clock = resumes, clock
        self._retry_at_s = 0.0
        self._is_full = False
        self._place = FolderThatReturns(folder)

    def check(self) -> None:
        """Checks that there is room for another frame.

        Raises:
            OSError: there is none, or the disk is gone.
        """
        if self.failure:
            self._place.make()
        # After it was full, twice the room: it would be full again at once, and each time make another file.
        needed_bytes = self._reserve_bytes * (2 if self.failure and self._is_full else 1)
        if shutil.disk_usage(self._folder).free < needed_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def may_write(self) -> bool:
        """Whether to write now: nothing has failed, or it is time for another attempt."""
        if self.failure is None:
            return True
        if not self._resumes or self._clock() < self._retry_at_s:
            return False
        self._retry_at_s = self._clock() + RETRY_S
        return self._place.may_return

    def has_failed(self, cause: OSError | EdgeclsError) -> None:
        """Notes that writing failed; the first failure is an event."""
        failure = writing_failed(self._target, cause) if isinstance(cause, OSError) else cause
        reason = failure.__cause__ if failure is cause else cause
        is_full = isinstance(reason, OSError) and reason.errno in (errno.ENOSPC, errno.EDQUOT)
        if is_full:
            failure = OutputFailed(
                f"cannot write {self._target}: no space left on device; free space and run it again"
            )
        self._retry_at_s = self._clock() + RETRY_S
        if self.failure is not None:
            return
        self.failure, self._is_full = failure, is_full
        ends = "pauses" if self._resumes and not self.is_ending else "ends here"
        if is_full:
            self._on_event(Event("disk_full", f"the disk is full; the recording {self._target} {ends}"))
        else:
            self._on_event(Event("record_failed", f"the recording {ends}: {failure}"))

    def goes_on(self, path: Path) -> None:
        """Notes that frames are written again, to `path`."""
        if self.failure is not None:
            self.failure = None
            self._on_event(Event("record_resumed", f"recording again, to {path}"))

    def close(self) -> None:
        """Raises what ended a recording that does not resume; once."""
        failure, self.failure = self.failure, None
        if failure and not self._resumes:
            raise failure

    def start_failed(self, failure: EdgeclsError) -> None:
        """Takes an error of the start for one that may pass; raises it where waiting cannot help."""
        cause = failure.__cause__
        if not (self._resumes and isinstance(cause, OSError) and can_waiting_help(cause)):
            raise failure
        self.has_failed(cause)
