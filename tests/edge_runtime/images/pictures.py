"""Pictures that the tests of image preparation share."""

import numpy as np

from edgecls.edge_runtime.images.opencv import cv2


def scene(width_px: int, height_px: int, seed: int = 0) -> np.ndarray:
    """Smooth shapes under the noise of a cheap camera."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 216, (9, 12, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return (smooth + 8 * rng.standard_normal(smooth.shape, np.float32)).clip(0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".jpg", pixels, options)[1].tobytes()


def damaged(jpeg: bytes) -> bytes:
    """A JPEG of which a tenth is missing in the middle; its end is there."""
    at = (jpeg.index(b"\xff\xda") + len(jpeg)) // 2
    return jpeg[:at] + jpeg[at + len(jpeg) // 10 :]


HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(300)
"""The start of a photograph of an iPhone."""


def with_exif(pixels: np.ndarray, orientation: int, order: str = "little") -> bytes:
    """A JPEG that says how its camera was held, and has a thumbnail, as phones write it."""

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, order)

    entry = number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + bytes(2)
    tiff = (b"II" if order == "little" else b"MM") + number(42, 2) + number(8, 4)
    tiff += number(1, 2) + entry + number(0, 4) + encoded(pixels[::8, ::8])
    body = b"Exif\0\0" + tiff
    content = encoded(pixels)
    return content[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body + content[2:]
