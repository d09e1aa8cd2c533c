"""Demo camera: a synthetic camera with known labels, for `--source demo`.

It shows the golden frames of a model's card as a camera might see them. They are in every file that edgecls
exports, look like the training data, and have known labels without a data set: a healthy model answers what
it answered at export. A wrong label means that something between camera and engine is wrong on this device.

It runs in the capture process and sends JPEG through the same slot as a real camera, so that everything
behind the lens is real.
"""

import base64
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache

import numpy as np

from ...classifier import calibrate
from ...errors import UsageError
from ...images.decode import decode
from ...images.opencv import cv2
from ...images.rule import ImageRule, crop_box
from ...models.card import GoldenFrame, ModelCard
from ..frame import OpenCamera, Picture

RATE_FPS = 30.0
SIZE_PX = (640, 480)
DRAWINGS = 16
"""Of each scene: one period of its movement, played forward and backward."""
SCENE_FRAMES = 8 * (DRAWINGS - 1)
"""Four seconds: each scene moves forward and backward four times, and is announced for most of the time."""
_DRIFT_PX = (4.0, 2.5)
"""The largest movement: about a quarter of an input pixel of a 32x32 network."""
_FLICKER = 0.02
"""Share by which the light changes."""
_NOISE = 4.0
"""Standard deviation of the noise, of 255, before JPEG."""
_JPEG_QUALITY = 80


def open_demo(scenes: str) -> OpenCamera:
    """Opens the demo camera on the text of `demo_scenes`.

    Raises:
        BadImage: a golden frame cannot be decoded here.
    """
    return OpenCamera(_pictures(read_scenes(scenes)), *SIZE_PX, RATE_FPS)


def _pictures(scenes: "Sequence[Scene]") -> Iterator[Picture]:
    """Yields each picture when it is due; those due while this process was stopped are skipped."""
    scenes[0].jpeg(scene_and_phase(1, len(scenes))[1])  # the first drawing takes longest
    started_s, number = time.monotonic(), 0
    while True:
        number = max(number, int((time.monotonic() - started_s) * RATE_FPS)) + 1
        index, phase = scene_and_phase(number, len(scenes))
        content = scenes[index].jpeg(phase)
        due_at_s = started_s + number / RATE_FPS
        time.sleep(max(0.0, due_at_s - time.monotonic()))
        yield Picture(content, due_at_s, scenes[index].label)


def scene_and_phase(number: int, scenes: int) -> tuple[int, int]:
    """Returns (scene, phase of its movement) for a frame; phases go 0, 1, ..., 15, 14, ..., 0, 1, ..."""
    step = number % (2 * (DRAWINGS - 1))
    return number // SCENE_FRAMES % scenes, min(step, 2 * (DRAWINGS - 1) - step)


def demo_scenes(card: ModelCard | None) -> str:
    """Returns the golden frames to show, as text for `read_scenes`.

    They are the golden frames of which the model is sure, without the background; all of them if there are
    none.

    Raises:
        UsageError: no card, or a card without golden frames.
    """
    if card is None:
        raise UsageError(
            "demo: shows the golden frames of a model that `edgecls export` wrote, and a foreign model has "
            "none; in Python, pass the model's card: open_source('demo', card=classifier.card)"
        )
    if not card.golden:
        raise UsageError(
            "demo: shows the pictures that `edgecls export` puts into a model, and this one has none; use "
            "another --source, or a model of `edgecls export`"
        )
    sure = [
        frame
        for frame in card.golden
        if _confidence(frame, card) >= card.threshold and frame.label != card.background
    ]
    scenes = [  # the background has no correct label
        ("" if frame.label == card.background else frame.label, frame.picture)
        for frame in sure or card.golden
    ]
    return json.dumps({"rule": asdict(card.image), "scenes": scenes})


def read_scenes(text: str) -> "list[Scene]":
    """Parses the text of `demo_scenes`.

    Raises:
        BadImage: a golden frame cannot be decoded here.
    """
    values = json.loads(text)
    rule = ImageRule(**values["rule"])
    return [
        Scene(label, decode(base64.b64decode(picture), f"golden frame of {label}"), rule)
        for label, picture in values["scenes"]
    ]


class Scene:
    """One picture with a known label, drawn as a camera might see it.

    Args:
        label: the answer of a healthy model.
        picture: uint8 (H, W, 3) BGR.
        rule: how the network sees pictures. It sees the same part of a drawing as of `picture`.
    """

    def __init__(self, label: str, picture: np.ndarray, rule: ImageRule) -> None:
        self.label = label
        self._picture = picture
        self._placed = _placed(picture, rule)
        self._drawn: dict[int, bytes] = {}

    def jpeg(self, phase: int) -> bytes:
        """Returns a phase of the movement, 0 to `DRAWINGS` - 1, as a JPEG of `SIZE_PX`; drawn only once."""
        if phase not in self._drawn:
            self._drawn[phase] = self._draw(phase)
        return self._drawn[phase]

    def _draw(self, phase: int) -> bytes:
        angle = math.pi * phase / (DRAWINGS - 1)
        moved_px = _DRIFT_PX[0] * math.cos(angle), _DRIFT_PX[1] * math.sin(2 * angle)
        place = self._placed + np.array([[0, 0, moved_px[0]], [0, 0, moved_px[1]]])
        drawn = cv2.warpAffine(
            self._picture, place, SIZE_PX, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )
        lit = cv2.convertScaleAbs(drawn, alpha=1 + _FLICKER * math.sin(5 * angle))
        seen = cv2.add(lit, np.roll(_noise(), 31 * phase, axis=0), dtype=cv2.CV_8U)
        return cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _placed(picture: np.ndarray, rule: ImageRule) -> np.ndarray:
    """Returns the affine map (2, 3) from the part of `picture` that the network sees to that of a drawing."""
    top, left, height, width = crop_box(picture.shape[0], picture.shape[1], rule)
    frame_top, frame_left, frame_height, frame_width = crop_box(SIZE_PX[1], SIZE_PX[0], rule)
    across, down = frame_width / width, frame_height / height
    # OpenCV's coordinates refer to the centres of pixels.
    x_px = frame_left - 0.5 + across * (0.5 - left)
    y_px = frame_top - 0.5 + down * (0.5 - top)
    return np.array([[across, 0.0, x_px], [0.0, down, y_px]])


@cache
def _noise() -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, _NOISE, (SIZE_PX[1], SIZE_PX[0], 3))
    return noise.round().astype(np.int16)


def _confidence(frame: GoldenFrame, card: ModelCard) -> float:
    probabilities = np.array(frame.probabilities, np.float32)
    return float(calibrate(probabilities, card.temperature).max())
