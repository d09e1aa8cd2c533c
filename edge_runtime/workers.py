"""Calls one of our functions on bytes that nobody has vouched for, in a process of its own with limits.

A parser written in C may crash, hang or take all memory on a damaged or hostile file (seen: LiteRT's
CompiledModel crashed on 4 of 4 truncated files; libhdf5 never returned from one with a single flipped bit).
In a child that is an error message, and nothing else.

The child is `python -m edgecls.edge_runtime.workers MODULE FUNCTION NAME MEMORY_BYTES TIME_S`. The bytes come
through stdin, so that it reads what was checked and not what has replaced it since; a line of JSON goes back.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Timer
from typing import IO, Any, TextIO, cast

from . import errors
from .errors import BadModel, EdgeclsError

try:
    import resource
except ImportError:  # Windows: the time limit alone holds there
    resource = None

MEMORY_BYTES = 192 * 2**20
"""The child's private memory, beside `MEMORY_FACTOR` files; an engine takes 65 MB before it sees one."""
MEMORY_FACTOR = 8
"""The file itself, its parsed form, and the engine's copy of the weights in another order."""
TIME_S = 60.0


def run_guarded(
    function: Callable[[bytes, str], Any],
    content: bytes,
    name: str,
    *,
    memory_bytes: int = MEMORY_BYTES,
    time_s: float = TIME_S,
) -> Any:
    """Calls `function(content, name)` in a child process and returns its answer.

    Args:
        function: a function at the top of a module; what it returns is what JSON can hold.
        content: a file's bytes.
        name: what messages call the file.
        memory_bytes: the child may take this much and `MEMORY_FACTOR` times the file's size.
        time_s: the child is ended after this time.

    Raises:
        EdgeclsError: the same that `function` raised.
        BadModel: it crashed, took too long, wanted too much memory, or raised anything else.
    """
    allowed_bytes = memory_bytes + MEMORY_FACTOR * len(content)
    call = [function.__module__, function.__qualname__, name, str(allowed_bytes), str(time_s)]
    # -P: a folder `numpy` or `h5py` where the user stands must not be imported.
    command = [sys.executable, "-P", "-m", __name__, *call]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=time_s, env=_environment(), check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _refused(name, f"reading it took more than {time_s:g} s") from error
    return _answer(done, name, allowed_bytes)


def _answer(done: subprocess.CompletedProcess[bytes], name: str, allowed_bytes: int) -> Any:
    try:
        reply = json.loads(done.stdout)
    except ValueError:
        reply = {"ended": _last_words(done)}
    match reply:
        case {"result": result}:
            return result
        case {"error": str(kind), "text": str(text)}:
            raise getattr(errors, kind)(text)
        case {"memory": _}:
            raise _refused(name, f"reading it takes more than {allowed_bytes / 2**20:,.0f} MB of memory")
        case {"ended": reason}:
            raise _refused(name, f"cannot be read: {reason}")
    raise _refused(name, "cannot be read")


def _last_words(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"the parser was ended by {signal.Signals(-done.returncode).name}"
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "no message")
    return f"the parser ended with exit code {done.returncode} ({last[:200]})"


def _refused(name: str, why: str) -> BadModel:
    return BadModel(f"{name}: {why}; it may be damaged: copy it again, or take a file you can trust")


def _environment() -> dict[str, str]:
    """One thread each: the pools of numpy's and the engines' take memory for every core."""
    return os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def main() -> None:
    """The child: sets its limits, calls the function and answers."""
    module, function, name, memory_bytes, time_s = sys.argv[1:]
    _limit(int(memory_bytes), float(time_s))
    with _take_stdout() as replies:
        replies.write(json.dumps(_call(module, function, name)))


def _limit(memory_bytes: int, time_s: float) -> None:
    if resource is None:
        return
    # Private memory: the address space also holds libraries, 1.8 GB of it with TensorFlow.
    _lower(resource.RLIMIT_DATA, memory_bytes)
    _lower(resource.RLIMIT_CPU, int(time_s) + 1)  # should the parent be killed, nobody else would end us
    _lower(resource.RLIMIT_CORE, 0)  # a crash is expected here: no dump of it on an SD card


def _lower(limit: int, wanted: int) -> None:
    assert resource  # noqa: S101 - the caller has looked
    _, hard = resource.getrlimit(limit)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(limit, (allowed, allowed))


def _take_stdout() -> TextIO:
    """A stdout of our own; what libraries print to theirs goes to stderr from now on."""
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "w", encoding="utf-8")


def _call(module: str, function: str, name: str) -> dict[str, Any]:
    try:
        content = sys.stdin.buffer.read()
        return {"result": getattr(import_module(module), function)(content, name)}
    except EdgeclsError as error:
        return {"error": type(error).__name__, "text": str(error)}
    except MemoryError:
        return {"memory": None}
    except Exception as error:  # a parser's own errors share no base class
        return {"ended": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}


# The processes that measure: how they are started, heard, and ended.


class Child:
    """A program of this folder in a process of its own, and the file that it works on."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes], path: str) -> None:
        # `started` gives both pipes, which the type cannot say.
        self.requests, self._replies = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        self._process, self._stderr, self._path = process, stderr, path

    @property
    def process_id(self) -> int:
        """The process's number in the system."""
        return self._process.pid

    def read_line(self, limit_s: float) -> bytes:
        """The next line that it writes.

        Raises:
            BadModel: it ended or hung. An engine may crash on a file; that must not end the benchmark.
        """
        overdue = Timer(limit_s, self._process.kill)
        overdue.start()
        try:
            line = self._replies.readline()
        finally:
            in_time = overdue.is_alive()
            overdue.cancel()
        if line.endswith(b"\n"):
            return line
        code = self._process.wait()
        why = self._last_words(code) if in_time else f"gave no answer in {limit_s:g} s"
        raise BadModel(f"{self._path}: its process {why}; export it again")

    def _last_words(self, code: int) -> str:
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
        return f"ended with exit code {code} ({last[:200]})"


@contextmanager
def started(module: str, path: str, *arguments: str, threads: int) -> Iterator[Child]:
    """Runs `python -m MODULE PATH ARGUMENTS... THREADS`, until the block ends."""
    # -P: a folder `numpy` or `keras` where the user stands must not be imported.
    command = [sys.executable, "-P", "-m", module, path, *arguments, str(threads)]
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | _tensorflow_threads(threads),
        )
        try:
            yield Child(process, stderr, path)
        finally:
            process.kill()  # it has nothing to save
            with suppress(BrokenPipeError), process:  # closes the pipes and waits
                pass


def _tensorflow_threads(threads: int) -> dict[str, str]:
    """TensorFlow takes every core unless told otherwise, and is slower for it: 0.72 ms against 0.38 ms."""
    return {"TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": "1"}


# Asking a process that measures: a line of JSON each way.


class Dialogue:
    """Asks a process and gets its answers.

    Args:
        child: the process.
        limit_s: how long it may take to be ready; and, for an answer, beyond what the request needs.
    """

    def __init__(self, child: Child, limit_s: float) -> None:
        self.child = child
        self._limit_s = limit_s

    def ask(self, request: dict[str, Any]) -> None:
        """Sends a request."""
        with suppress(BrokenPipeError):  # it has ended; the missing reply will tell
            self.child.requests.write(json.dumps(request).encode() + b"\n")
            self.child.requests.flush()

    def reply(self, needs_s: float = 0.0) -> dict[str, Any]:
        """The answer to the last request, or what the process says at its start.

        Raises:
            EdgeclsError: the one that the process reports, or `BadModel` where it crashed or hung.
        """
        reply = json.loads(self.child.read_line(self._limit_s + needs_s))
        if "error" in reply:
            raise getattr(errors, reply["kind"])(reply["error"])
        return reply


# The pipe that a measuring process answers through.


def take_stdout() -> TextIO:
    """A line-buffered stdout of our own; what libraries print to theirs goes to stderr from now on."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "w", buffering=1, encoding="utf-8")


# Holds back what native libraries write straight to stderr, past Python's logging.


@contextmanager
def native_stderr_held() -> Iterator[None]:
    """Keeps file descriptor 2 silent; when the block fails, what was held back is written after all.

    TensorFlow announces CPU features and missing GPUs through a logger that writes before its own log level
    is read, so no setting stops it. An interruption is no failure. Not for use while another thread writes to
    stderr.
    """
    sys.stderr.flush()
    real = os.dup(2)
    try:
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield
            except Exception:
                held.seek(0)
                os.write(real, held.read())
                raise
            finally:
                os.dup2(real, 2)
    finally:
        os.close(real)


if __name__ == "__main__":
    main()
