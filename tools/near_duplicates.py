"""The time to find near-duplicates among very many pictures: `python -m tools near-duplicates`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecls.data.signatures import linked, nearest, signatures
from edgecls.edge_runtime.images.opencv import cv2
from edgecls.edge_runtime.text_table import table

_SIDE_PX = 32
_TESTED = 10
"""One picture in so many is looked up among the others."""


@dataclass(frozen=True)
class SearchTime:
    """Processor seconds for one set of pictures."""

    pictures: str
    count: int
    signatures_s: float
    groups_s: float
    nearest_s: float
    """For a tenth of them, among the others, as between test and training pictures."""
    groups: int


def time_searches(
    count: int, photographs: np.ndarray, on_step: Callable[[str], None], seed: int = 0
) -> Iterator[SearchTime]:
    """Yields the times for sets of `count` pictures that are hard in different ways, on one core.

    Args:
        count: of pictures in each set.
        photographs: uint8 (N, H, W, 3) RGB, real ones; if there are fewer, variations are added.
        on_step: called with what comes next.
        seed: of all that is random.
    """
    cv2.setNumThreads(1)
    random = np.random.default_rng(seed)
    for name, make in _SETS.items():
        on_step(f"{name}, {count:,} pictures")
        yield _timed(name, make(count, photographs, random))


def render(times: list[SearchTime]) -> str:
    """Returns a table of the times."""
    rows = [
        [
            one.pictures,
            f"{one.count:,}",
            *(f"{value:.1f}" for value in (one.signatures_s, one.groups_s, one.nearest_s)),
            f"{one.groups:,}",
        ]
        for one in times
    ]
    return table(["pictures", "count", "signatures s", "groups s", "1 in 10 s", "groups"], rows)


def _timed(name: str, images: np.ndarray) -> SearchTime:
    looks, signatures_s = _clocked(lambda: signatures(images))
    groups, groups_s = _clocked(lambda: linked(looks))
    tests = np.arange(len(images)) % _TESTED == 0
    _, nearest_s = _clocked(lambda: nearest(looks.at(tests), looks.at(~tests)))
    return SearchTime(name, len(images), signatures_s, groups_s, nearest_s, len(np.unique(groups)))


def _clocked(work: Callable[[], Any]) -> tuple[Any, float]:
    started_s = time.process_time()
    result = work()
    return result, time.process_time() - started_s


def _photographs(count: int, photographs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Real pictures, then variations of them: moved by a pixel, other colours, saved again as JPEG."""
    chosen = photographs[random.permutation(len(photographs))[:count]]
    varied = [_varied(chosen[place % len(chosen)], random) for place in range(count - len(chosen))]
    return np.concatenate([chosen, np.stack(varied)]) if varied else chosen


def _varied(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    tinted = np.clip(image + random.integers(-6, 7, (1, 1, 3)), 0, 255).astype(np.uint8)
    moved = np.roll(tinted, random.integers(-1, 2, 2), (0, 1))
    quality = int(random.integers(50, 95))
    content = cv2.imencode(".jpg", moved, (cv2.IMWRITE_JPEG_QUALITY, quality))[1]
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR))


def _noise(count: int, _: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return random.integers(0, 256, (count, _SIDE_PX, _SIDE_PX, 3), np.uint8)


def _colours(count: int, _: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(random.integers(0, 256, (count, 1, 1, 3), np.uint8), (count, 8, 8, 3))


def _camera(count: int, photographs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One scene with a sensor's noise; one picture in twenty shows something else."""
    scene = photographs[0]
    noise = random.integers(-9, 10, (count, *scene.shape), np.int8)
    images = np.clip(noise + scene.astype(np.int16), 0, 255).astype(np.uint8)
    images[::20] = photographs[random.integers(0, len(photographs), len(images[::20]))]
    return images


def _film(count: int, photographs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One scene that slowly becomes another."""
    share = np.linspace(0, 1, count, dtype=np.float32)[:, np.newaxis, np.newaxis, np.newaxis]
    images = photographs[0] * (1 - share) + photographs[1] * share
    images += random.integers(-5, 6, images.shape, np.int8)
    return np.clip(images, 0, 255).astype(np.uint8)


def _alike_in_hash(count: int, _: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Grey pictures that become darker to the right: one hash for all, and no two alike."""
    rows = np.sort(random.integers(0, 256, (count, 8, 8, 1), np.uint8), axis=2)[:, :, ::-1]
    return np.ascontiguousarray(rows.repeat(3, axis=3))


_SETS = {
    "photographs": _photographs,
    "noise": _noise,
    "flat colours": _colours,
    "fixed camera": _camera,
    "slow film": _film,
    "one hash": _alike_in_hash,
}
