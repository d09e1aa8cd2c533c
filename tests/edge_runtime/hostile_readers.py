"""Readers that misbehave as parsers do, for `test_workers`: its child imports them by this module's name."""

import ctypes
import os
import resource
import sys
import time

from edgecls.edge_runtime.errors import MissingInput
from edgecls.edge_runtime.limits import allow_memory


def count(content: bytes, name: str) -> dict[str, object]:
    return {"name": name, "bytes": len(content)}


def crash(content: bytes, name: str) -> None:
    ctypes.string_at(0)


def abort(content: bytes, name: str) -> None:
    os.abort()


def hang(content: bytes, name: str) -> None:
    time.sleep(600)


def hog(content: bytes, name: str) -> int:
    return len(bytearray(2**30))


def grow(content: bytes, name: str, asked: int, taken: int) -> int:
    allow_memory(asked)
    return len(bytearray(taken))


def chatter(content: bytes, name: str) -> str:
    sys.stdout.write("to stdout, through Python\n")
    os.write(1, b"to stdout, past Python\n")
    sys.stderr.write("to stderr\n")
    return "the answer"


def leave(content: bytes, name: str) -> None:
    os.write(2, b"the last words\n")
    os._exit(3)


def refuse(content: bytes, name: str) -> None:
    raise MissingInput(f"{name}: not here; look elsewhere")


def stumble(content: bytes, name: str) -> None:
    raise ZeroDivisionError("a parser's own error\nof two lines")


def limits(content: bytes, name: str) -> dict[str, int]:
    return {
        "data": resource.getrlimit(resource.RLIMIT_DATA)[0],
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
    }
