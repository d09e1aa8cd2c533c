"""Inspects hundreds of damaged copies of a file in one process, and prints how each ended.

    python mutants.py FILE COUNT START

COUNT copies that are truncated, then COUNT with one bit flipped; the first START of them are passed over.
Each gives a line: `facts`, `refused` (exit code 65), or the name of another exception. It takes the steps of
`inspect_model` without its child process, in which the copies would take a hundred times as long. A parser
that crashes or hangs, which that child is for, ends this process: start it again behind the copy that did it.
"""

import resource
import signal
import sys
from pathlib import Path

from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.inspect import KERAS_MEMORY_BYTES, read_network
from edgecls.edge_runtime.models.model_file import model_format, read_card

_LIMIT_S = 10


def main() -> None:
    path, count, start = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if path.suffix in (".h5", ".keras"):  # TensorFlow takes its time and memory before the first file
        from edgecls.data import keras_network  # noqa: F401 - not for the other formats
    limit_bytes = KERAS_MEMORY_BYTES if path.suffix in (".h5", ".keras") else 2**29
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
    whole = path.read_bytes()
    places = [number * len(whole) // count for number in range(count)]
    for number in range(start, 2 * count):
        at = places[number % count]
        signal.alarm(_LIMIT_S)  # ends the process even inside a parser: libhdf5 was seen to go in circles
        flipped = whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
        sys.stdout.write(_end(whole[:at] if number < count else flipped) + "\n")
        sys.stdout.flush()


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
