"""Demo pictures for an exported file: pictures of different classes that it announces correctly on camera.

They are kept in the size in which `camera --source demo` shows them, or smaller where the file has less room.
"""

import base64
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np

from ..data.originals import Originals
from ..edge_runtime.camera.sources.demo import DRAWINGS, SIZE_PX, Scene
from ..edge_runtime.engines.engine import Engine
from ..edge_runtime.images.decode import decode
from ..edge_runtime.images.opencv import cv2
from ..edge_runtime.images.prepare import prepare_jpeg
from ..edge_runtime.images.rule import ImageRule, crop_box
from ..edge_runtime.models.card import DemoPicture, ModelCard
from ..edge_runtime.models.golden import MAX_DEMO, demo_budget_bytes
from ..edge_runtime.prediction import rank

_HEIGHTS_PX = (360, 300, 240, 200, 160, 128, 96, 64)
_QUALITY = 80
_TRIED = 2
"""Pictures of each label: noise and movement may mislead the network about the first."""
_LEAST = 2
"""With fewer there is no change to announce; golden frames show more of a model that is sure of so little."""
_LEAST_BYTES = 600
"""Less room than this for each picture holds none worth looking at."""


def demo_candidates(
    answers: np.ndarray, truth: np.ndarray, card: ModelCard, originals: Originals
) -> dict[str, list[np.ndarray]]:
    """Chooses for each label, but the background, the pictures that the file is surest of and right about.

    Args:
        answers: float32 (N, C), the file's probabilities for the validation images.
        truth: int64 (N,).
        card: of the exported file.
        originals: of these images.
    """
    best, sure = answers.argmax(1), answers.max(1)
    chosen: dict[str, list[int]] = {}
    for index, label in enumerate(card.labels):
        right = np.flatnonzero((truth == index) & (best == index))
        if len(right) and label != card.background and len(chosen) < MAX_DEMO:
            chosen[label] = right[np.argsort(-sure[right], kind="stable")][:_TRIED].tolist()
    read = iter(originals.of(index for indices in chosen.values() for index in indices))
    return {label: [next(read) for _ in indices] for label, indices in chosen.items()}


def demo_pictures(
    candidates: Mapping[str, Iterable[np.ndarray]], engine: Engine, card: ModelCard, network_bytes: int
) -> tuple[DemoPicture, ...]:
    """Makes one picture of each label, as far as there is room and the file announces one correctly.

    Args:
        candidates: by label pictures, uint8 (H, W, 3) BGR of any size, the best first; read as needed.
        engine: the exported file's.
        card: of the exported file, with its threshold and golden frames.
        network_bytes: the size of the file without its card.
    """
    labels = list(candidates)[:MAX_DEMO]
    golden_bytes = sum(len(frame.picture) for frame in card.golden)
    room_bytes = demo_budget_bytes(network_bytes, golden_bytes)
    pictures: list[DemoPicture] = []
    for done, label in enumerate(labels):
        most_bytes = room_bytes // (len(labels) - done) * 3 // 4  # base64 makes four bytes of three
        if most_bytes < _LEAST_BYTES:
            break
        found = next(
            (
                picture
                for one in candidates[label]
                if (picture := _picture(one, label, engine, card, most_bytes))
            ),
            None,
        )
        if found:
            pictures.append(found)
            room_bytes -= len(found.picture)
    return tuple(pictures) if len(pictures) >= _LEAST else ()


def _picture(
    pixels: np.ndarray, label: str, engine: Engine, card: ModelCard, most_bytes: int
) -> DemoPicture | None:
    """The picture as the card holds it; None if it does not fit, or is not announced correctly."""
    content = _encoded(_shown_part(pixels, card.image), most_bytes)
    if content is None:
        return None
    for seen in _seen(content, label, card.image):
        answer = rank(
            engine.probabilities(seen),
            card.labels,
            card.threshold,
            1,
            card.temperature,
            background=card.background,
            familiarity=card.familiarity,
        )
        if answer.label != label:
            return None
    return DemoPicture(base64.b64encode(content).decode(), label)


@lru_cache(maxsize=_TRIED * MAX_DEMO)  # the files of one export mostly try the same pictures
def _seen(content: bytes, label: str, rule: ImageRule) -> tuple[np.ndarray, ...]:
    """What the network sees, uint8 (H, W, 3) RGB each, at two places of the demo camera's movement."""
    shown = Scene(label, decode(content, f"demo picture of {label}"), rule)
    return tuple(prepare_jpeg(shown.jpeg(phase), rule) for phase in (0, DRAWINGS // 2))


def _shown_part(pixels: np.ndarray, rule: ImageRule) -> np.ndarray:
    """The part of a picture that the demo camera has in its frame."""
    height_px, width_px = pixels.shape[:2]
    seen, frame = crop_box(height_px, width_px, rule), crop_box(SIZE_PX[1], SIZE_PX[0], rule)
    across_px = min(width_px, round(SIZE_PX[0] * seen.width_px / frame.width_px))
    down_px = min(height_px, round(SIZE_PX[1] * seen.height_px / frame.height_px))
    top_px, left_px = (height_px - down_px) // 2, (width_px - across_px) // 2
    return pixels[top_px : top_px + down_px, left_px : left_px + across_px]


def _encoded(pixels: np.ndarray, most_bytes: int) -> bytes | None:
    """The picture as a WebP of at most so many bytes, smaller where it has to be; None if it cannot be."""
    for height_px in (min(pixels.shape[0], _HEIGHTS_PX[0]), *_HEIGHTS_PX[1:]):
        if height_px > pixels.shape[0]:
            continue
        width_px = max(1, round(pixels.shape[1] * height_px / pixels.shape[0]))
        small = pixels
        if height_px < pixels.shape[0]:
            small = cv2.resize(pixels, (width_px, height_px), interpolation=cv2.INTER_AREA)
        _, content = cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
        if len(content) <= most_bytes:
            return content.tobytes()
    return None
