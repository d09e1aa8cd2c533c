"""Draws the README's pictures: `pictures.py table TEXT OUT.png` or `pictures.py frames VIDEO OUT.png N`."""

import sys

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_GAP_PX = 12


def table(text_file: str, out: str) -> None:
    """A terminal's text as a picture."""
    with open(text_file) as file:  # noqa: PTH123 - a script of a few lines
        text = file.read().rstrip()
    lines = text.splitlines()
    figure = Figure((max(map(len, lines)) * 0.0855 + 0.4, len(lines) * 0.174 + 0.4), facecolor="#10141a")
    figure.text(
        0.2 / figure.get_figwidth(), 1 - 0.2 / figure.get_figheight(), text,
        family="DejaVu Sans Mono", size=10, color="#dfe6ee", va="top", linespacing=1.25,
    )  # fmt: skip
    FigureCanvasAgg(figure).print_png(out)


def frames(video: str, out: str, *numbers: str) -> None:
    """Frames of a video side by side."""
    capture = cv2.VideoCapture(video)
    pictures = []
    for number in map(int, numbers):
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        _, picture = capture.read()
        pictures += [picture, np.full((picture.shape[0], _GAP_PX, 3), 255, np.uint8)]
    cv2.imwrite(out, np.hstack(pictures[:-1]))


if __name__ == "__main__":
    {"table": table, "frames": frames}[sys.argv[1]](*sys.argv[2:])
