"""Decoding apart: in a child process, which can be ended, where nothing tells what a picture costs.

A call of OpenCV cannot be interrupted, and some pictures may keep it busy for long: a progressive JPEG in a
TIFF, an AVIF of many hidden frames. A child decodes such kinds one after the other, within limits. A thread
that finds every child busy starts another. They stay until this process ends, as a start takes 0.3 s.
"""

import atexit
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib import import_module
from itertools import chain

import numpy as np

from ..descriptors import take_stdout
from ..errors import BadImage
from ..limits import limit_memory, limit_time
from ..workers import ONE_THREAD, WorkerEnded, start_worker

LIMIT_S = 30.0
"""For one picture: a small computer takes ten seconds for the largest JPEG 2000."""
_MEMORY_BYTES = 900 * 2**20
"""The largest JPEG 2000 takes 720 MB."""

Decode = Callable[[bytes, int], "np.ndarray | None"]
"""Takes a picture and flags of `cv2.imdecode`; returns pixels, or None where it is damaged."""


def decode_apart(decode: Decode, content: bytes, flags: int, name: str) -> np.ndarray | None:
    """Calls `decode(content, flags)`, a function at the top of a module, in a child process.

    Raises:
        BadImage: it took too long or too much memory, crashed, or was ended by `end_all`; `name` is what the
            message calls the picture.
    """
    idle = _idle.setdefault(decode, [])
    child = idle.pop() if idle else _Child(decode)
    _busy.add(child)
    try:
        pixels = child.decode(content, flags)
    except WorkerEnded as error:
        child.close()
        if child.is_given_up:
            raise BadImage(f"{name}: decoding it was interrupted; run it again") from error
        why = f"takes more than {LIMIT_S:g} s" if error.is_overdue else error.how
        raise BadImage(f"{name}: decoding it {why}; save it as JPEG or PNG") from error
    except BaseException:  # interrupted in the middle of an answer
        child.close()
        raise
    finally:
        _busy.discard(child)
    idle.append(child)
    return pixels


def end_all() -> None:
    """Ends what is being decoded, as a signal handler may: `decode_apart` raises `BadImage` then."""
    for child in tuple(_busy):
        child.give_up()


class _Child:
    """One child process."""

    def __init__(self, decode: Decode) -> None:
        self._exit = ExitStack()
        call = decode.__module__, decode.__qualname__
        self._worker = self._exit.enter_context(
            start_worker(__name__, *call, name="pictures", environment=ONE_THREAD)
        )
        self.close = self._exit.close
        self.is_given_up = False

    def give_up(self) -> None:
        """Ends the process, and says that somebody wanted it."""
        self.is_given_up = True
        self._worker.kill()

    def decode(self, content: bytes, flags: int) -> np.ndarray | None:
        """Returns pixels, or None; raises WorkerEnded."""
        with self._worker.ended_after(LIMIT_S):
            self._worker.ask({"bytes": len(content), "flags": flags}, content)
            reply = self._worker.next_reply(LIMIT_S)
            if reply["shape"] is None:
                return None
            pixels = np.empty(reply["shape"], reply["type"])
            self._worker.fill(pixels.reshape(-1).view(np.uint8).data)
            return pixels


_idle: dict[Decode, list[_Child]] = {}
_busy: set[_Child] = set()
_of_parents: list[_Child] = []
"""After a fork: another process's, not to be asked or ended here."""


def _forked() -> None:
    _of_parents.extend((*chain.from_iterable(_idle.values()), *_busy))
    _idle.clear()
    _busy.clear()


def _close_idle() -> None:
    for child in chain.from_iterable(_idle.values()):
        child.close()
    _idle.clear()


atexit.register(_close_idle)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)


# The child.


def main() -> None:
    """Decodes until the parent closes stdin.

    `python -m edgecls.edge_runtime.images.apart MODULE FUNCTION`
    """
    module, function = sys.argv[1:]
    limit_memory(_MEMORY_BYTES)
    decode: Decode = getattr(import_module(module), function)
    with take_stdout() as text, suppress(BrokenPipeError):
        pipe = text.buffer
        for line in sys.stdin.buffer:
            request = json.loads(line)
            content = sys.stdin.buffer.read(request["bytes"])
            limit_time(LIMIT_S)  # should the parent be killed, nobody else would end us
            pixels = decode(content, request["flags"])
            if pixels is None:
                pipe.write(b'{"shape":null}\n')
            else:
                facts = {"shape": pixels.shape, "type": pixels.dtype.str}
                pipe.write(json.dumps(facts).encode() + b"\n" + pixels.tobytes())
            pipe.flush()


if __name__ == "__main__":
    main()
