"""Golden frames for an exported file: validation images that it is least and most sure of, drawn as pictures.

An unsure answer changes with every fault. A sure one hides faults, but stays the same under a camera's noise
and movement, which `camera --source demo` adds.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

import numpy as np

from ..edge_runtime.engines.engine import Engine
from ..edge_runtime.images.opencv import cv2
from ..edge_runtime.images.prepare import to_bgr
from ..edge_runtime.models.card import GoldenFrame, ModelCard
from ..edge_runtime.models.golden import (
    LEAST_FRAMES,
    MAX_FRAMES,
    budget_bytes,
    frame_bytes,
    golden_frame,
    most_picture_bytes,
)

_LOOKED_AT = 2 * MAX_FRAMES
"""An image may be both the least and the most sure one of its label: then it is chosen twice."""
_ENLARGE = 3
_SHRINK = 0.9
_LEAST_SIDE_PX = 8
_LOSSLESS = 101  # of OpenCV's WebP quality, which goes to 100
_BAR_BGR = (40, 200, 240)  # beside the picture: a crop rule that does not cut it off changes the answer


def golden_frames(
    images: np.ndarray, answers: np.ndarray, engine: Engine, card: ModelCard, network_bytes: int
) -> tuple[GoldenFrame, ...]:
    """Makes at least `LEAST_FRAMES`, and more as far as `budget_bytes` goes.

    Args:
        images: uint8 (N, *card.image.shape), the validation split.
        answers: float32 (N, C), the file's probabilities for them.
        engine: the exported file's; its probabilities for the drawn pictures are kept.
        card: of the exported file.
        network_bytes: the size of the file without its card.
    """
    left_bytes = budget_bytes(network_bytes)
    picture_bytes = most_picture_bytes(network_bytes, len(card.labels))
    frames: list[GoldenFrame] = []
    background = card.labels.index(card.background) if card.background else None
    chosen = dict.fromkeys(islice(_chosen(answers, background), _LOOKED_AT))
    for index in [*chosen][:MAX_FRAMES]:
        frame = golden_frame(_draw(to_bgr(images[index], card.image), picture_bytes), engine, card)
        size_bytes = len(frame.picture) + frame_bytes(0, len(frame.probabilities))
        if size_bytes > left_bytes and len(frames) >= LEAST_FRAMES:
            continue  # that of another class may be smaller
        left_bytes -= size_bytes
        frames.append(frame)
    return tuple(frames)


def _chosen(answers: np.ndarray, background: int | None) -> Iterator[int]:
    """Yields indices of images: one of each label that is answered, then another of each, and so on.

    They are the least and the most sure ones in turn, so that the first two are one of each kind. The
    background comes last: where few frames fit, `camera --source demo` should have something to name.
    """
    labels, confidences = answers.argmax(1), answers.max(1)
    shown = sorted(np.unique(labels).tolist(), key=lambda label: (label == background, label))
    by_confidence = np.argsort(confidences, kind="stable")
    of_label = [by_confidence[labels[by_confidence] == label] for label in shown]
    for turn in range(len(labels)):
        for way in (0, 1):
            for number, images in enumerate(of_label):
                if turn < len(images):
                    yield int(images[turn if (number + way) % 2 == 0 else -1 - turn])


def _draw(image: np.ndarray, most_bytes: int) -> bytes:
    """A BGR image as a picture of at most so many bytes: shown smaller where it has to be."""
    content = _as_picture(image)
    while len(content) > most_bytes and min(image.shape[:2]) > _LEAST_SIDE_PX:
        size_px = [max(_LEAST_SIDE_PX, int(side * _SHRINK)) for side in image.shape[1::-1]]
        image = cv2.resize(image, size_px, interpolation=cv2.INTER_AREA)
        content = _as_picture(image)
    return content


def _as_picture(image: np.ndarray) -> bytes:
    return _encoded(image.tobytes(), image.shape)


@lru_cache(MAX_FRAMES * 4)
def _encoded(pixels: bytes, shape: tuple[int, ...]) -> bytes:
    """A lossless WebP, a third smaller than a PNG; three times the image and 4:3, the image inside.

    Enlarged by whole pixels, which compress well, and moved by one pixel: averaging then mixes neighbours
    where a resize that picks pixels does not. A grey image is tinted, so that a swapped channel order shows.
    The files of an export mostly show the same images, and encoding one of 96 px takes 0.07 s: kept for them.
    """
    image = np.frombuffer(pixels, np.uint8).reshape(shape)
    picture = image
    if (picture == picture[..., :1]).all():
        picture = (picture * np.array([0.55, 0.8, 1.0])).astype(np.uint8)
    picture = np.roll(picture.repeat(_ENLARGE, 0).repeat(_ENLARGE, 1), (1, 1), (0, 1))
    bar = np.full((picture.shape[0], picture.shape[1] // 6, 3), _BAR_BGR, np.uint8)
    _, content = cv2.imencode(".webp", np.hstack([bar, picture, bar]), [cv2.IMWRITE_WEBP_QUALITY, _LOSSLESS])
    return content.tobytes()
