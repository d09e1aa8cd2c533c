"""Pins of `--on LABEL gpio:PIN`: told to a process that holds them, and turns them off when this one ends."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from ...errors import EdgeclsError, Unavailable, UsageError
from ...masking import child_environment
from ..control import StopRequest
from ..outputs.destination import Carrying
from .pin_child import DONE, FAILED, READY, REFUSED
from .rules import PinAction, pin_words

# -P: modules in the current folder are not imported in place of ours.
CHILD = [sys.executable, "-P", "-m", f"{__package__}.pin_child"]
START_S = 30.0
"""For the library to be loaded, on a slow SD card."""
ANSWER_S = 2.0
END_S = 0.5
_ENDED = "the process that holds the pins has ended"


class PinBoard:
    """The pins of all rules, as a courier's destination of states: `on`, `off` and `pulse 2` of each pin.

    Another process holds them. Where it dies, it is started again, with its pins as they should be.

    Args:
        actions: of the rules with pins; those of one pin agree on its level.
        stop: the loop's; while the library is loaded, a request ends the wait for it.

    Raises:
        Unavailable: the library is not there, or a pin cannot be used.
        UsageError: this board has no such pin.
    """

    name = "gpio"

    def __init__(self, actions: Sequence[PinAction], stop: StopRequest | None = None) -> None:
        self._words = pin_words(actions)
        self._held: dict[int, str] = {}
        self._is_closed = False
        self._lock = threading.Lock()
        self._process: _PinProcess | None = None
        stop = stop or StopRequest()
        try:
            self._process = _PinProcess(self._words, lambda: stop.requested)
        except Unavailable as error:
            if not stop.requested:
                raise Unavailable(f"{self.name}: {error}") from error
            self._is_closed = True  # the loop ends before its first frame

    def deliver(self, item: tuple[int, str], attempt: Carrying) -> None:
        """Tells the process of a pin's change; see `Destination.deliver`.

        Raises:
            Unavailable: it does not do it, or cannot be started.
        """
        pin, verb = item
        if not verb.startswith("pulse"):
            self._held[pin] = verb
        with self._lock:
            if self._is_closed:
                return
            process = self._process
        if process is None:
            process = self._started_again(attempt)
        try:
            process.tell(f"{pin} {verb}", attempt)
        except (OSError, Unavailable) as error:
            with self._lock:
                self._process = None
            process.end()
            why = error if isinstance(error, Unavailable) else _ENDED
            raise Unavailable(f"{self.name}: {why}") from error

    @property
    def lost(self) -> dict[int, str]:
        """What each pin should be, where the process that holds them has ended by itself; else nothing."""
        process = self._process
        return dict(self._held) if process and process.has_ended and not self._is_closed else {}

    def close(self) -> None:
        """Turns every pin off. May be called twice."""
        with self._lock:
            self._is_closed = True
            process, self._process = self._process, None
        if process:
            process.end()

    def _started_again(self, attempt: Carrying) -> "_PinProcess":
        try:
            process = _PinProcess(self._words, lambda: attempt.is_interrupted)
        except Unavailable as error:
            raise Unavailable(f"{self.name}: {error}") from error
        with self._lock:
            if self._is_closed:
                process.end()
                raise Unavailable(f"{self.name}: closed")
            self._process = process
        for pin, verb in self._held.items():
            process.tell(f"{pin} {verb}", attempt)
        return process


class _PinProcess:
    """The process that holds the pins; see `pin_child.py`. Its start fails as that of a `PinBoard`."""

    def __init__(self, words: Sequence[str], gives_up: Callable[[], bool]) -> None:
        self._process = subprocess.Popen(
            [*CHILD, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # gpiozero warns there of what is an error here
            env=child_environment(),
            process_group=0 if os.name == "posix" else None,  # Ctrl-C goes to our group
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._hearing = threading.Thread(target=self._hear, name="pins", daemon=True)
        self._hearing.start()
        try:
            self._expect(READY, START_S, gives_up)
        except EdgeclsError:
            self.end()
            raise

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def tell(self, line: str, attempt: Carrying) -> None:
        """Has it do something.

        Raises:
            OSError, Unavailable: it does not.
        """
        given = self._process.stdin
        assert given  # noqa: S101 - for the type: it is a pipe
        os.write(given.fileno(), f"{line}\n".encode())  # a few bytes, and each is answered before the next
        self._expect(DONE, ANSWER_S, lambda: attempt.is_interrupted)

    def end(self) -> None:
        """Ends it: it turns its pins off when its standard input ends, or is killed."""
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._hearing.join(END_S)
        with suppress(OSError):
            if self._process.stdout:
                self._process.stdout.close()

    def _hear(self) -> None:
        for line in self._lines():
            self._answers.put(line)
        self._answers.put("")

    def _lines(self) -> Iterator[str]:
        with suppress(OSError, ValueError):  # closed by `end`
            for line in self._process.stdout or ():
                yield line.decode(errors="replace").strip()

    def _expect(self, answer: str, limit_s: float, gives_up: Callable[[], bool]) -> None:
        ends_s = time.monotonic() + limit_s
        while time.monotonic() < ends_s and not gives_up():
            try:
                said = self._answers.get(timeout=0.1)
            except queue.Empty:
                continue
            if said == answer:
                return
            kind, _, why = said.partition(" ")
            if kind == REFUSED:
                raise UsageError(f"gpio: {why}")
            raise Unavailable(why if kind == FAILED else _ENDED)
        raise Unavailable("the process that holds the pins does not answer")
