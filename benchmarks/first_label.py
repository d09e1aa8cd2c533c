"""A whole classification in one short life.

    python -m edgecls.benchmarks.first_label MODEL IMAGE PEER THREADS

Prints the label as soon as it is known, and then the most memory that the process ever held: bytes, or null.
"""

import json
import re
import sys
from pathlib import Path

from ..edge_runtime.errors import EdgeclsError
from ..edge_runtime.images.prepare import prepare, read_image
from ..edge_runtime.workers import take_stdout
from .worker_main import open_file


def main() -> None:
    """Classifies the image that the command line names."""
    model_path, image_path, peer, threads = sys.argv[1:]
    with take_stdout() as replies:
        try:
            engine, model = open_file(model_path, int(threads), peer)
            probabilities = engine.probabilities(prepare(read_image(image_path), model.card.image))
        except EdgeclsError as error:
            sys.exit(str(error))
        replies.write(model.card.labels[probabilities.argmax()] + "\n")
        replies.write(json.dumps(peak_memory_bytes()) + "\n")


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held in RAM, or None where the system does not say.

    Not `ru_maxrss`: on Linux a child inherits its parent's, and ours holds a data set: all would look alike.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    peak = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(peak[1]) * 1024 if peak else None


if __name__ == "__main__":
    main()
