"""All kinds of change by name, and whole batches through those that were chosen."""

from collections.abc import Callable, Sequence

import numpy as np

from ...edge_runtime.errors import UsageError
from .blur import blur
from .colour import colour
from .crop import crop
from .cutout import cutout
from .flip import flip
from .jpeg import jpeg
from .noise import noise
from .shift import shift

_CHUNK_BYTES = 2**20
"""Images are changed so many at a time, which stay in the processor's cache from one kind to the next."""

_CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    # First, because data sets hold JPEG files: saved again, their blocks begin at the same corner, and two
    # roundings add up, which costs most. Images that were shifted before would never show that.
    "jpeg": jpeg,
    # Then the way of light: where things stand, the lens and the hand, the sensor.
    "flip": flip,
    "shift": shift,
    "crop": crop,
    "blur": blur,
    "colour": colour,
    "noise": noise,
    # Last, because the hole is no part of the scene: it must stay sharp, and of the image's mean.
    "cutout": cutout,
}
"""Each takes uint8 (N, H, W, 3) RGB, which it may change, and gives as many of the same size."""

KINDS: tuple[str, ...] = tuple(_CHANGES)
"""In the order in which they are applied."""


def augment(
    images: np.ndarray, random: np.random.Generator, kinds: Sequence[str], mirrored_is_same: bool = True
) -> np.ndarray:
    """Changes each image by itself, in each of the chosen ways.

    Args:
        images: uint8 (N, H, W, 3) RGB; they are not changed.
        random: where the choices come from; the same generator gives the same images.
        kinds: names in `KINDS`; their order does not matter.
        mirrored_is_same: False where a mirrored image would be of another class, such as a digit; then
            there is no `flip`.

    Returns:
        uint8 (N, H, W, 3) RGB, an array of its own.
    """
    changes = [_CHANGES[kind] for kind in KINDS if kind in kinds and (mirrored_is_same or kind != "flip")]
    changed = np.array(images, order="C")
    per_chunk = max(1, _CHUNK_BYTES // max(1, images[:1].nbytes))
    for start in range(0, len(changed), per_chunk):
        chunk = changed[start : start + per_chunk]
        for change in changes:
            chunk = change(chunk, random)
        changed[start : start + per_chunk] = chunk
    return changed


def parse_kinds(text: str) -> tuple[str, ...]:
    """`flip,shift`, `all` or `none` as names, each once and in the order of `KINDS`.

    Raises:
        UsageError: a name is not known.
    """
    named = {"all": KINDS, "none": ()}.get(text.strip(), [part.strip() for part in text.split(",")])
    for name in named:
        if name not in KINDS:
            raise UsageError(f"--augment {name}: no such kind; use {','.join(KINDS)}, all or none")
    return tuple(kind for kind in KINDS if kind in named)
