"""Worker processes: functions and programs that run in a child process and answer in lines of JSON.

A parser written in C may crash, hang or take all memory on a damaged or hostile file (seen: LiteRT's
CompiledModel crashed on 4 of 4 truncated files; libhdf5 never returned from one with a single flipped bit).
`ask_worker` calls one of our functions on such bytes in a child process with limits, where all of that is an
error message and nothing else. Benchmarks start a program for each file by `start_worker`, and ask it again
and again.
"""

import io
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Timer
from typing import IO, Any, cast

from . import errors
from .descriptors import open_standard_descriptors, scratch_file, take_stdout
from .errors import BadModel, EdgeclsError
from .limits import MEMORY_BYTES, MEMORY_FACTOR, limit_memory, limit_time_for_good, memory_limit_bytes
from .masking import child_environment
from .text import one_reason, shortened

TIME_S = 60.0
TRIAL_TIME_S = 40.0
"""To read, open and run a network; Python and an engine alone take 4 s on a Raspberry Pi Zero 2."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""The thread pools of numpy and the engines take memory for every core."""


# The parent: starting a worker, and asking it.


def ask_worker(
    function: Callable[..., Any],
    content: bytes,
    name: str,
    *,
    memory_bytes: int = MEMORY_BYTES,
    more_bytes: int = 0,
    time_s: float = TIME_S,
    arguments: Mapping[str, Any] | None = None,
) -> Any:
    """Calls `function(content, name, **arguments)` in a child process with limits, and returns its result.

    The bytes go through stdin, so that the child reads what was checked and not what has replaced it since.

    Args:
        function: a function at the top of a module; it returns what JSON can hold, tuples as lists.
        content: a file's bytes, which nobody has vouched for.
        name: what messages call the file.
        memory_bytes: the child may take this much and `MEMORY_FACTOR` times the file's size.
        more_bytes: and this much more, once it asks for it with `allow_memory`.
        time_s: the child is ended after this time.
        arguments: what JSON can hold.

    Raises:
        EdgeclsError: the same that `function` raised.
        BadModel: it crashed, took too long, wanted too much memory, or raised anything else.
    """
    allowed_bytes = memory_bytes + MEMORY_FACTOR * len(content)
    limits = (allowed_bytes, more_bytes, time_s)
    call = (function.__module__, function.__qualname__, name, *limits, json.dumps(arguments or {}))
    try:
        with start_worker(__name__, *call, name=name, environment=ONE_THREAD) as worker:
            reply = worker.answer_to(content, time_s)
    except WorkerEnded as error:
        if error.is_overdue:
            raise _overdue(name, time_s, error.processor_s) from error
        raise _refused(name, f"cannot be read: the parser {error.how}") from error
    match reply:
        case {"result": result}:
            return result
        case {"memory": int(limit_bytes)}:
            raise BadModel(
                f"{name}: reading it takes more than {limit_bytes / 2**20:,.0f} MB of memory; take a smaller "
                "network or input, or a file you can trust"
            )
        case {"raised": reason}:
            raise _refused(name, f"cannot be read: {reason}")
        case _:
            raise _refused(name, "cannot be read")


def _overdue(name: str, time_s: float, processor_s: float) -> BadModel:
    """What to say of a reading that was ended: without the processor, it says nothing of the file."""
    why = f"reading it took more than {time_s:g} s"
    if processor_s > time_s / 2:
        return _refused(name, why)
    return BadModel(
        f"{name}: {why}, of which it had the processor for {processor_s:.0f} s; try again when the machine "
        "is less busy, or take a file you can trust"
    )


def _refused(name: str, why: str) -> BadModel:
    return BadModel(f"{name}: {why}; it may be damaged: copy it again, or take a file you can trust")


class WorkerEnded(BadModel):
    """A worker ended, or had to be ended, before it answered.

    Args:
        name: the file that it worked on.
        how: `was ended by SIGSEGV`, `ended with exit code 3 (...)`.
        is_overdue: whether it was ended because it took too long.
        processor_s: what it had of the processor, if so.
    """

    def __init__(self, name: str, how: str, *, is_overdue: bool, processor_s: float = 0.0) -> None:
        super().__init__(f"{name}: its process {how}; export it again")
        self.how, self.is_overdue, self.processor_s = how, is_overdue, processor_s


@contextmanager
def start_worker(
    module: str, *arguments: object, name: str, environment: Mapping[str, str]
) -> Generator["Worker"]:
    """Runs `python -m MODULE ARGUMENTS...` until the block ends.

    Args:
        module: answers through `serve`.
        arguments: its command line.
        name: the file that it works on, for messages.
        environment: what is set for it, beside our own.
    """
    # -P: a folder `numpy`, `h5py` or `keras` where the user stands must not be imported.
    command = [sys.executable, "-P", "-m", module, *map(str, arguments)]
    open_standard_descriptors()  # a pipe with one of their numbers would not reach the process
    with scratch_file() as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=child_environment() | dict(environment),
        )
        try:
            yield Worker(process, stderr, name)
        finally:
            process.kill()  # it has nothing to save
            with suppress(OSError), process:  # closes the pipes and waits
                pass


class Worker:
    """A child process, asked through its stdin; see `start_worker`.

    Its methods raise the error that the process reports, or `WorkerEnded` where it crashed or hung.
    """

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes], name: str) -> None:
        # `start_worker` opens both pipes, which the type cannot say.
        self._requests = cast("IO[bytes]", process.stdin)
        self._replies = cast("io.BufferedReader", process.stdout)
        self._process, self._stderr, self._name = process, stderr, name
        self._is_overdue, self._processor_s = False, 0.0

    @property
    def process_id(self) -> int:
        """The process's number in the system."""
        return self._process.pid

    def ask(self, request: Mapping[str, Any], content: bytes = b"") -> None:
        """Sends a request, which `requests` gives the process, and bytes; `reply` waits for the answer."""
        with suppress(OSError):  # it has ended; the missing reply says so
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.write(content)
            self._requests.flush()

    def reply(self, limit_s: float) -> dict[str, Any]:
        """The answer to the last request, or what the process says at its start."""
        with self.ended_after(limit_s):
            return self.next_reply(limit_s)

    def answer_to(self, content: bytes, limit_s: float) -> dict[str, Any]:
        """Sends bytes and the end of its input, and returns the answer."""
        with self.ended_after(limit_s):
            with suppress(OSError):
                self._requests.write(content)
                self._requests.close()
            return self.next_reply(limit_s)

    @contextmanager
    def ended_after(self, limit_s: float) -> Generator[None]:
        """Ends the process if the block takes longer than this."""
        timer = Timer(limit_s, self._end_overdue)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end_overdue(self) -> None:
        self._is_overdue, self._processor_s = True, _processor_s(self.process_id)
        self._process.kill()

    def kill(self) -> None:
        """Ends the process, as a signal handler may; who waits for its answer gets `WorkerEnded`."""
        self._process.kill()

    def fill(self, buffer: memoryview) -> None:
        """Fills a buffer with the bytes that follow a reply, within `ended_after`."""
        while len(buffer):
            count = self._replies.readinto(buffer)
            if not count:
                raise self._end(0.0)
            buffer = buffer[count:]

    def next_reply(self, limit_s: float) -> dict[str, Any]:
        """The answer to the last request, within `ended_after`."""
        line = self._replies.readline()
        if not line.endswith(b"\n"):
            raise self._end(limit_s)
        reply = json.loads(line)
        if "error" in reply:
            raise getattr(errors, reply["kind"])(reply["error"])
        return reply

    def _end(self, limit_s: float) -> WorkerEnded:
        code = self._process.wait()
        how = f"gave no answer in {limit_s:g} s" if self._is_overdue else self._last_words(code)
        return WorkerEnded(self._name, how, is_overdue=self._is_overdue, processor_s=self._processor_s)

    def _last_words(self, code: int) -> str:
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
        return f"ended with exit code {code} ({shortened(last)})"


def _processor_s(process_id: int) -> float:
    """What a process has had of the processor, in seconds; unlimited where the system does not tell."""
    try:
        # After the name in parentheses, which may hold anything: user and system time are fields 14 and 15.
        fields = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return math.inf


# The child: answering.


def serve(replies: Iterable[Mapping[str, Any]]) -> None:
    """Writes each reply as a line of JSON; an error of ours ends them, and is raised in the parent."""
    with take_stdout() as pipe:
        try:
            for reply in replies:
                pipe.write(json.dumps(reply, separators=(",", ":")) + "\n")
        except EdgeclsError as error:
            pipe.write(json.dumps({"error": str(error), "kind": type(error).__name__}) + "\n")


def requests() -> Iterator[dict[str, Any]]:
    """What the parent asks, until it closes the pipe."""
    return map(json.loads, sys.stdin)


def main() -> None:
    """The child of `ask_worker`: sets its limits, calls the function and answers.

    `python -m edgecls.edge_runtime.workers MODULE FUNCTION NAME MEMORY_BYTES MORE_BYTES TIME_S ARGUMENTS`
    """
    module, function, name, memory_bytes, more_bytes, time_s, arguments = sys.argv[1:]
    limit_memory(int(memory_bytes), int(more_bytes))
    limit_time_for_good(float(time_s))  # should the parent be killed, nobody else would end us
    serve(_call(module, function, name, json.loads(arguments)))


def _call(module: str, function: str, name: str, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    try:
        content = sys.stdin.buffer.read()
        yield {"result": getattr(import_module(module), function)(content, name, **arguments)}
    except EdgeclsError:
        raise
    except MemoryError:
        yield {"memory": memory_limit_bytes()}
    except Exception as error:  # a parser's own errors share no base class
        yield {"raised": f"{type(error).__name__}: {one_reason(error)}"}


if __name__ == "__main__":
    main()
