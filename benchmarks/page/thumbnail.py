"""A test image as the page shows it: in the page itself, so that nothing is fetched."""

import base64

import numpy as np

from ...edge_runtime.opencv import cv2

_LARGEST_PX = 96
_JPEG_QUALITY = 90


def data_uri(image: np.ndarray) -> str:
    """An image, uint8 (H, W, 3) RGB: small ones pixel by pixel, larger ones reduced."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    longest = max(image.shape[:2])
    if longest <= _LARGEST_PX:
        return _uri("png", cv2.imencode(".png", bgr)[1].tobytes())
    height, width = (max(1, round(side * _LARGEST_PX / longest)) for side in image.shape[:2])
    small = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)
    return _uri("jpeg", cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes())


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
