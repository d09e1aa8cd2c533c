"""A whole classification in one short life.

    python -m edgecls.benchmarks.first_label MODEL IMAGE PEER CARD THREADS

Answers with the label as soon as it is known, and then with the most memory that the process ever held, in
bytes, or null.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..edge_runtime.images.decode import read_image
from ..edge_runtime.images.prepare import prepare
from ..edge_runtime.workers import serve
from .worker_main import open_file


def main() -> None:
    """Classifies the image that the command line names."""
    model_path, image_path, peer, card, threads = sys.argv[1:]
    serve(_answers(model_path, image_path, peer, card, int(threads)))


def _answers(
    model_path: str, image_path: str, peer: str, card: str, threads: int
) -> Iterator[dict[str, Any]]:
    engine, model = open_file(model_path, threads, peer, card)
    probabilities = engine.probabilities(prepare(read_image(image_path), model.card.image))
    yield {"label": model.card.labels[probabilities.argmax()]}
    yield {"peak_memory_bytes": peak_memory_bytes()}


def peak_memory_bytes(process: int | str = "self") -> int | None:
    """The most memory that a process has held in RAM, by its number; None where the system does not say.

    Not `ru_maxrss`: on Linux a child inherits its parent's, and ours holds a data set: all would look alike.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended, or there is no /proc
        return None
    peak = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(peak[1]) * 1024 if peak else None


if __name__ == "__main__":
    main()
