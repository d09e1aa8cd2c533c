"""The synthetic camera of `--source demo`: known labels at a camera's pace, where there is no camera.

It runs in the capture process and its frames go through the same slot as a real camera's, as JPEG, so that
everything behind the lens is the real thing; see demo_scene.py for what it shows, and why.
"""

import time
from collections.abc import Iterator, Sequence

from .capture_backend import Opened, Picture
from .demo_scene import DRAWINGS, SIZE_PX, Scene, read_scenes

RATE_FPS = 30.0
SCENE_FRAMES = 8 * (DRAWINGS - 1)
"""Four seconds: each scene moves forward and backward four times, and is announced for most of the time."""


def open_demo(scenes: str) -> Opened:
    """Opens the demo camera on what `demo_scenes` wrote.

    Raises:
        BadImage: a golden frame cannot be decoded here.
    """
    return Opened(_pictures(read_scenes(scenes)), *SIZE_PX, RATE_FPS)


def _pictures(scenes: Sequence[Scene]) -> Iterator[Picture]:
    """A picture whenever one is due; those that fell due while this process was stopped are left out."""
    scenes[0].jpeg(shown(1, len(scenes))[1])  # the first drawing takes longest: before the clock starts
    started_s, number = time.monotonic(), 0
    while True:
        number = max(number, int((time.monotonic() - started_s) * RATE_FPS)) + 1
        index, phase = shown(number, len(scenes))
        content = scenes[index].jpeg(phase)
        due_at_s = started_s + number / RATE_FPS
        time.sleep(max(0.0, due_at_s - time.monotonic()))
        yield Picture(content, due_at_s, scenes[index].label)


def shown(number: int, scenes: int) -> tuple[int, int]:
    """(scene, phase of its movement) of a frame; phases go 0, 1, ..., 15, 14, ..., 0, 1, ..."""
    step = number % (2 * (DRAWINGS - 1))
    return number // SCENE_FRAMES % scenes, min(step, 2 * (DRAWINGS - 1) - step)
