"""A first program with a camera: `python -m tools.naive_camera URL MODEL`.

Reads with `cv2.VideoCapture`, classifies as naive.py does, and prints each label's number.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgecls.edge_runtime.images.opencv import cv2

from .naive import Naive


def main() -> None:
    """Classifies until it is ended or the stream ends."""
    url, model = sys.argv[1:]
    for answer in Naive(Path(model)).answer_pictures(_read(cv2.VideoCapture(url))):
        print(answer.label, flush=True)


def _read(capture: cv2.VideoCapture) -> Iterator[tuple[np.ndarray, int]]:
    while True:
        given, pixels = capture.read()
        if not given:
            return
        yield pixels, 0


if __name__ == "__main__":
    main()
