"""Demo camera: a synthetic camera with known labels, for `--source demo`.

It shows the demo pictures of a model's card, one after another, as a camera might see them; where a card has
none, as in small and in older files, its golden frames. All are in the file, so that a device needs nothing
else, and have known labels: a healthy model answers what it answered at export. A wrong label means that
something between camera and engine is wrong on this device.

It runs in the capture process and sends JPEG through the same slot as a real camera, so that everything
behind the lens is real.
"""

import base64
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache, cached_property

import numpy as np

from ...errors import UsageError
from ...images.decode import decode
from ...images.opencv import cv2
from ...images.prepare import prepare, to_bgr
from ...images.rule import Box, ImageRule, crop_box
from ...models.card import GoldenFrame, ModelCard
from ...prediction import rank
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
_BEYOND_BLUR_PX = 12
_CORRECTIONS = 4
"""Of an enlarged input: after these, the network sees it again to less than a level of 255 on average."""


def open_demo(scenes: str) -> OpenCamera:
    """Opens the demo camera on the text of `demo_scenes`.

    Raises:
        BadImage: a picture cannot be decoded here.
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
    """Returns what to show, as text for `read_scenes`.

    They are the card's demo pictures. Where it has none, the golden frames of which the model is sure,
    without the background; all of them if there are none.

    Raises:
        UsageError: no card, or a card without pictures.
    """
    if card is None:
        raise UsageError(
            "demo: shows pictures of a model that `edgecls export` wrote, and a foreign model has none; in "
            "Python, pass the model's card: open_source('demo', card=classifier.card)"
        )
    if card.demo:
        scenes = [(picture.label, picture.picture) for picture in card.demo]
    elif card.golden:
        scenes = _golden_scenes(card)
    else:
        raise UsageError(
            "demo: shows the pictures that `edgecls export` puts into a model, and this one has none; use "
            "another --source, or a model of `edgecls export`"
        )
    return json.dumps({"rule": asdict(card.image), "input_only": not card.demo, "scenes": scenes})


def _golden_scenes(card: ModelCard) -> list[tuple[str, str]]:
    sure = [frame for frame in card.golden if _is_announced(frame, card)]
    return [  # the background has no correct label
        ("" if frame.label == card.background else frame.label, frame.picture)
        for frame in sure or card.golden
    ]


def read_scenes(text: str) -> "list[Scene]":
    """Parses the text of `demo_scenes`.

    Raises:
        BadImage: a picture cannot be decoded here.
    """
    values = json.loads(text)
    rule = ImageRule(**values["rule"])
    scenes: list[Scene] = []
    for label, picture in values["scenes"]:
        pixels = decode(base64.b64decode(picture), f"picture of {label}")
        if values["input_only"]:  # a golden frame has bars around what the network sees
            pixels = to_bgr(prepare(pixels, rule), rule)
        scenes.append(Scene(label, pixels, rule))
    return scenes


class Scene:
    """One picture with a known label, drawn as a camera might see it.

    Args:
        label: the answer of a healthy model.
        picture: uint8 (H, W, 3) BGR.
        rule: how the network sees pictures. It sees the same part of a drawing as of `picture`; what the
            frame shows beyond the picture's edges is the picture mirrored, and out of focus.
    """

    def __init__(self, label: str, picture: np.ndarray, rule: ImageRule) -> None:
        self.label = label
        self._picture, self._rule = picture, rule
        self._drawn: dict[int, bytes] = {}

    def jpeg(self, phase: int) -> bytes:
        """Returns a phase of the movement, 0 to `DRAWINGS` - 1, as a JPEG of `SIZE_PX`; drawn only once."""
        if phase not in self._drawn:
            self._drawn[phase] = self._draw(phase)
        return self._drawn[phase]

    def _draw(self, phase: int) -> bytes:
        angle = math.pi * phase / (DRAWINGS - 1)
        moved_px = _DRIFT_PX[0] * math.cos(angle), _DRIFT_PX[1] * math.sin(2 * angle)
        drawn = cv2.warpAffine(
            self._still,
            np.array([[1, 0, moved_px[0]], [0, 1, moved_px[1]]]),
            SIZE_PX,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        lit = cv2.convertScaleAbs(drawn, alpha=1 + _FLICKER * math.sin(5 * angle))
        seen = cv2.add(lit, np.roll(_noise(), 31 * phase, axis=0), dtype=cv2.CV_8U)
        return cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()

    @cached_property
    def _still(self) -> np.ndarray:
        """uint8 (H, W, 3) BGR of `SIZE_PX`: the picture at rest."""
        picture, seen_by = self._picture, self._rule
        if picture.shape[:2] == (self._rule.height_px, self._rule.width_px):
            picture = _enlarged(picture, crop_box(SIZE_PX[1], SIZE_PX[0], self._rule)[2:])
            seen_by = replace(self._rule, resize_to_px=0)  # all of it is the network's input
        place = _placed(crop_box(picture.shape[0], picture.shape[1], seen_by), self._rule)
        still = cv2.warpAffine(picture, place, SIZE_PX, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        inside = cv2.warpAffine(np.full(picture.shape[:2], 255, np.uint8), place, SIZE_PX)
        if inside.all():
            return still
        return np.where(inside[..., None] > 0, still, cv2.GaussianBlur(still, (0, 0), _BEYOND_BLUR_PX))


def _enlarged(seen: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Enlarges a network's input to (height, width) without blocks, so that its average is the same again.

    Smoothing takes from an edge what averaging does not give back; each correction adds what is missing.
    """
    height_px, width_px = (max(side, least) for side, least in zip(size_px, seen.shape[:2], strict=True))
    large = np.zeros((height_px, width_px, 3), np.float32)
    for _ in range(1 + _CORRECTIONS):
        averaged = cv2.resize(large, seen.shape[1::-1], interpolation=cv2.INTER_AREA)
        missing = seen.astype(np.float32) - averaged
        large += cv2.resize(missing, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.rint(large), 0, 255).astype(np.uint8)


def _placed(seen: Box, rule: ImageRule) -> np.ndarray:
    """Returns the affine map (2, 3) from the part of a picture that the network sees to that of a drawing."""
    top, left, height, width = seen
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


def _is_announced(frame: GoldenFrame, card: ModelCard) -> bool:
    prediction = rank(
        np.array(frame.probabilities, np.float32),
        card.labels,
        card.threshold,
        1,
        card.temperature,
        background=card.background,
        familiarity=card.familiarity,
    )
    return prediction.label is not None
