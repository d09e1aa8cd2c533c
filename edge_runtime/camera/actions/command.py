"""Commands of `--on LABEL run:COMMAND`: found at the start, run without a shell, ended with children."""

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

from ...descriptors import scratch_file
from ...errors import MissingInput, PermissionRefused, Unavailable
from ...masking import child_environment
from ...text import printable
from ..event import Event, OnEvent
from ..outputs.destination import Carrying
from .announced import Announced
from .rules import CommandAction

MOST_LINES, LONGEST_LINE = 20, 200
"""Of a run's output in the event log."""
POLL_S = 0.05
END_S = 0.3
"""After SIGTERM; then SIGKILL."""
_CHUNK_BYTES = 65_536
_IS_POSIX = os.name == "posix"


def check_command(action: CommandAction, name: str, path: str | None = None) -> Path:
    """Finds the program of a command.

    Args:
        action: the command.
        name: what messages call it.
        path: where programs are looked for, as in PATH; None: there.

    Raises:
        MissingInput: there is no such program.
        PermissionRefused: it is no program, or not executable.
    """
    program = action.words[0]
    found = shutil.which(program, path=path)
    if found:
        return Path(found)
    if "/" in program and Path(program).exists():
        remedy = "name a program" if Path(program).is_dir() else f"run `chmod +x {program}`"
        raise PermissionRefused(f"--on {name}: {program}: not executable; {remedy}")
    is_line = " " in program
    remedy = "leave its quotes out" if is_line else "install it, or write its whole path"
    raise MissingInput(f"--on {name}: {program}: no such program; {remedy}")


class CommandRunner:
    """A command as a courier's destination: at most one run at a time.

    A run gets the event as JSON on its standard input and as variables, and has a process group of its own,
    which ends with it, or with the camera. What it writes becomes events, in bounded number and length.

    Args:
        name: see `OnRule.name`.
        action: what to run.
        on_output: gets `action_output`, in the courier's thread.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        action: CommandAction,
        on_output: OnEvent,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._action = action
        self._on_output = on_output
        self._clock = clock

    def deliver(self, item: Announced, attempt: Carrying) -> None:
        """Runs the command to its end; see `Destination.deliver`.

        Raises:
            Unavailable: it cannot be started, takes too long, or fails.
        """
        output = _Lines(self.name, self._on_output)
        with self._guard() as guard, self._started(item) as process:
            try:
                guard.watch(process)
                is_late = self._followed(process, output, attempt)
            finally:
                _end_group(process, guard)
            output.read(process.stdout)
            output.close()
        if is_late:
            raise Unavailable(f"{self.name}: not finished after {self._action.limit_s:g} s; ended")
        if attempt.is_interrupted:
            raise Unavailable(f"{self.name}: ended early")
        if code := process.returncode:
            how = f"exit code {code}" if code > 0 else f"ended by {_signal_name(-code)}"
            raise Unavailable(f"{self.name}: {how}")

    def _guard(self) -> "_Guard":
        try:
            return _Guard()
        except OSError as error:
            raise self._no_start(error) from error

    def _started(self, item: Announced) -> "subprocess.Popen[bytes]":
        try:
            with _readable(item.to_json()) as event:
                process = subprocess.Popen(
                    self._action.words,
                    stdin=event,
                    stdout=subprocess.PIPE if _IS_POSIX else subprocess.DEVNULL,
                    stderr=subprocess.STDOUT,
                    env=child_environment() | item.environment(),
                    process_group=0 if _IS_POSIX else None,
                )
        except OSError as error:
            raise self._no_start(error) from error
        if process.stdout:
            os.set_blocking(process.stdout.fileno(), False)
        return process

    def _no_start(self, error: OSError) -> Unavailable:
        return Unavailable(f"{self.name}: cannot start: {(error.strerror or str(error)).lower()}")

    def _followed(self, process: "subprocess.Popen[bytes]", output: "_Lines", attempt: Carrying) -> bool:
        """Reads what the process writes until it ends or is to end; returns whether it took too long."""
        ends_s = self._clock() + self._action.limit_s
        while not _has_ended(process) and not attempt.is_interrupted:
            if self._clock() >= ends_s:
                return True
            output.read(process.stdout)
            attempt.wait(POLL_S)
        return False


class _Guard:
    """A process that ends the group of a run when the camera ends before it, also by `kill -9`.

    It waits for the end of a pipe whose other side is ours alone.

    Raises:
        OSError: it cannot be started.
    """

    _PROGRAM = f"""
        read -r group || exit
        read -r _ && exit
        kill -TERM "-$group"
        sleep {END_S:g}
        kill -KILL "-$group"
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if not _IS_POSIX:
            return
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", self._PROGRAM, "edgecls"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.defpath},
            process_group=0,  # Ctrl-C goes to our group
        )

    def watch(self, process: "subprocess.Popen[bytes]") -> None:
        """Has it end this process's group with the camera."""
        if self._process and self._process.stdin:
            with suppress(OSError):  # somebody has ended it
                os.write(self._process.stdin.fileno(), f"{process.pid}\n".encode())

    def close(self) -> None:
        """Ends the guard. May be called twice."""
        if self._process:
            self._process.kill()
            with suppress(OSError), self._process:  # closes the pipe and waits
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _readable(content: bytes) -> Generator[IO[bytes]]:
    """Gives what a process can read some bytes from, without somebody who writes them meanwhile.

    A pipe holds 64 kB; a file in memory is for more, and cannot be written where `ulimit -f` forbids it.
    """
    if _IS_POSIX and len(content) <= select.PIPE_BUF:
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb", buffering=0) as file:
            try:
                os.write(writer, content)
            finally:
                os.close(writer)
            yield file
        return
    with scratch_file() as file:
        file.write(content)
        file.seek(0)
        yield file


class _Lines:
    """What a run writes, as events: whole lines, cleaned, bounded in number and length."""

    def __init__(self, name: str, on_output: OnEvent) -> None:
        self._name, self._on_output = name, on_output
        self._part = b""
        self._count = self._left_out = 0

    def read(self, said: "IO[bytes] | None") -> None:
        """Reads what there is by now, which is as much as a pipe holds."""
        if said is None:
            return
        with suppress(OSError):  # BlockingIOError: there is nothing
            content = self._part + os.read(said.fileno(), _CHUNK_BYTES)
            *lines, rest = content.split(b"\n", max(0, MOST_LINES - self._count))
            for line in lines:
                self._add(line)
            if self._count >= MOST_LINES:  # the rest is not looked at: a command may write without end
                self._left_out += rest.count(b"\n")
                self._part = b""
            else:
                self._part = rest[: 4 * LONGEST_LINE]  # of a line without end, no more is kept

    def close(self) -> None:
        """Tells the rest."""
        if self._part:
            self._add(self._part)
        if self._left_out:
            self._tell(f"... and {self._left_out:,} more lines")

    def _add(self, line: bytes) -> None:
        self._count += 1
        text = printable(line[: 4 * LONGEST_LINE].decode(errors="replace").strip())
        if text:
            self._tell(text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}...")

    def _tell(self, text: str) -> None:
        self._on_output(Event("action_output", f"{self._name}: {text}", facts={"output": self._name}))


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether a process has ended; it stays a zombie, so that its group keeps its number."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _end_group(process: "subprocess.Popen[bytes]", guard: _Guard) -> None:
    """Ends a process and all of its group: by SIGTERM, and what is left a moment later by SIGKILL."""
    if not _IS_POSIX:
        process.kill()
        return
    if not _has_ended(process):
        _signal_group(process, signal.SIGTERM)
        until_s = time.monotonic() + END_S
        while not _has_ended(process) and time.monotonic() < until_s:
            time.sleep(0.01)
    _signal_group(process, signal.SIGKILL)  # its children, and itself
    guard.close()  # before the group's number may belong to another
    process.wait()


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
