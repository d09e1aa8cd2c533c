"""Most of the images, as JPEG of lower quality leaves them."""

import numpy as np

from ...edge_runtime.opencv import cv2

_SHARE = 4 / 5
_QUALITIES = (40, 75)
"""Above, an image that was JPEG before hardly changes; what is learnt here holds at 30 as well."""


def jpeg(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Encodes and decodes four of five images, each at a quality from 40 to 75; see `kinds`.

    Colours have half the resolution (4:2:0), as in what cameras write.
    """
    chosen = np.flatnonzero(random.random(len(images)) < _SHARE)
    qualities = random.integers(*_QUALITIES, len(chosen), endpoint=True)
    if len(chosen):
        blue_first = _swapped(images[chosen])
        decoded = map(_encoded_and_decoded, blue_first, qualities.tolist())
        images[chosen] = _swapped(np.stack(list(decoded)))
    return images


def _swapped(images: np.ndarray) -> np.ndarray:
    """Red for blue, as one tall image: OpenCV is called once."""
    return cv2.cvtColor(images.reshape(-1, *images.shape[2:]), cv2.COLOR_RGB2BGR).reshape(images.shape)


def _encoded_and_decoded(image: np.ndarray, quality: int) -> np.ndarray:
    subsampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    _, content = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality, *subsampling))
    return cv2.imdecode(content, cv2.IMREAD_COLOR)  # pyright: ignore[reportReturnType] - None is for bad files
