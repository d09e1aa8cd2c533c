"""Short fingerprints of images, for the card: whether an image was used can be told without keeping it."""

import base64
import hashlib
from collections.abc import Iterable

import numpy as np

_BYTES = 5
"""Of each, so 2.5 kB for 512 images. That one of 10,000 other images seems to be among them by chance happens
once in 200,000 times."""


def fingerprint(image: np.ndarray) -> bytes:
    """The fingerprint of a uint8 (H, W, 3) image: BLAKE2b of its pixels, cut."""
    return hashlib.blake2b(image.tobytes(), digest_size=_BYTES).digest()


def to_text(images: Iterable[np.ndarray]) -> str:
    """The fingerprints of uint8 (H, W, 3) images as base64 for JSON, sorted: their order tells nothing."""
    return base64.b64encode(b"".join(sorted(map(fingerprint, images)))).decode()


def from_text(text: str) -> frozenset[bytes]:
    """Reads `to_text`.

    Raises:
        ValueError: it is something else.
    """
    content = base64.b64decode(text, validate=True)
    return frozenset(content[place : place + _BYTES] for place in range(0, len(content), _BYTES))
