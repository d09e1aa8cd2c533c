"""Inspects hundreds of damaged copies of each file in one process, and prints how each ended.

    python mutants.py COUNT FILE...

For each file, COUNT copies that are truncated, then COUNT with one bit flipped. Each gives a line: `facts`,
`refused` (exit code 65), `crash`, or the name of another exception. It takes the steps of `inspect_model`
without a process for each copy, which would take a hundred times as long: one child inspects copies until a
parser crashes or hangs, and the next one, which has the libraries loaded too, goes on behind the copy that
did it. The files are all Keras's, or none is: they share a limit on memory.
"""

import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.inspect import KERAS_MEMORY_BYTES, read_network
from edgecls.edge_runtime.models.model_file import model_format, read_card

_LIMIT_S = 10


def main() -> None:
    count, paths = int(sys.argv[1]), list(map(Path, sys.argv[2:]))
    are_keras = all(path.suffix in (".h5", ".keras") for path in paths)
    if are_keras:  # TensorFlow takes its time and memory before the first file
        from edgecls.data.keras_files import network  # noqa: F401 - not for the other formats
    limit_bytes = KERAS_MEMORY_BYTES if are_keras else 2**29
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    for path in paths:
        sys.stdout.write("\n".join(_ends(path.read_bytes(), count)) + "\n")
        sys.stdout.flush()  # or the next child would have it too


def _ends(whole: bytes, count: int) -> list[str]:
    ends: list[str] = []
    while len(ends) < 2 * count:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            _inspect(whole, count, len(ends), writing)
        os.close(writing)
        with os.fdopen(reading) as lines:
            ends += lines.read().split()
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            ends.append("crash")
        elif status:
            sys.exit(os.waitstatus_to_exitcode(status))
    return ends


def _inspect(whole: bytes, count: int, start: int, writing: int) -> NoReturn:
    """In a child: writes how each copy ends, but for the first ones."""
    code = 1
    try:
        for number in range(start, 2 * count):
            at = number % count * len(whole) // count
            signal.alarm(_LIMIT_S)  # ends the child even inside a parser: libhdf5 was seen to go in circles
            flipped = whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
            os.write(writing, _end(whole[:at] if number < count else flipped).encode() + b"\n")
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _end(content: bytes) -> str:
    try:
        if not content.startswith(b"PK"):
            read_card(content, model_format(content, "mutant"), "mutant")
        read_network(content, "mutant")
    except BadModel:
        return "refused"
    except Exception as error:
        return type(error).__name__
    return "facts"


if __name__ == "__main__":
    main()
