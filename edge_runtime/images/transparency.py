"""Transparent pictures: laid on white, as browsers show them.

What a transparent pixel holds is not seen by anybody: most programs leave black there, which makes black
icons on a transparent ground entirely black.
"""

import struct

import numpy as np

from .jpeg_header import exif_orientation
from .kinds import AVIF, BMP, GIF, JPEG_2000, PNG, TIFF, WEBP, Kind
from .opencv import cv2

_BAND = 64
"""Rows that are laid on white at once."""
_PNG_TYPE_AT, _PNG_DEPTH_AT = 25, 24
_PNG_GREY, _PNG_WITH_ALPHA = 0, (4, 6)
_TURNS = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
_MIRRORED_TURNS = {4: cv2.ROTATE_180, 5: cv2.ROTATE_90_CLOCKWISE, 7: cv2.ROTATE_90_COUNTERCLOCKWISE}


def is_transparent(content: bytes, kind: Kind | None) -> bool:
    """Whether a picture may have transparent pixels, as far as its header tells."""
    if kind is PNG:
        return content[_PNG_TYPE_AT] in _PNG_WITH_ALPHA or _png_chunk(content, b"tRNS") is not None
    if kind is WEBP:
        return bool(content[15:16] == b"L" and content[24] & 0x10) or bool(
            content[15:16] == b"X" and content[20] & 0x10
        )
    if kind is BMP:
        return content[28] == 32
    return kind in (GIF, TIFF, AVIF, JPEG_2000)


def on_white(pixels: np.ndarray, raw: np.ndarray, content: bytes, kind: Kind | None) -> np.ndarray:
    """Lays a picture on white.

    Args:
        pixels: uint8 (H, W, 3) BGR, without its transparency.
        raw: what `cv2.IMREAD_UNCHANGED` gives of it.
        content: the file.
        kind: what it is.
    """
    alpha = _alpha(raw, content, kind)
    if alpha is None:
        return pixels
    if kind in (PNG, WEBP):  # OpenCV turns pixels as EXIF says, but not these
        alpha = _turned(alpha, _orientation(content, kind))
    # libtiff has multiplied 8-bit pixels by their alpha already.
    return lay_on_white(pixels, alpha, is_multiplied=kind is TIFF and raw.dtype == np.uint8)


def lay_on_white(pixels: np.ndarray, alpha: np.ndarray, *, is_multiplied: bool = False) -> np.ndarray:
    """Lays uint8 (H, W, 3) pixels of any order on white.

    Args:
        pixels: the colours.
        alpha: uint8 (H, W); 0 is transparent. If it is 0 everywhere, it is a writer's unused fourth channel.
        is_multiplied: whether the colours have been multiplied by it.
    """
    if not alpha.any() or alpha.min() == 255 or alpha.shape != pixels.shape[:2]:
        return pixels
    laid = np.empty_like(pixels)
    for top in range(0, len(pixels), _BAND):  # the whole of a large picture takes gigabytes
        rows = slice(top, top + _BAND)
        opaque = alpha[rows, :, np.newaxis].astype(np.uint32)
        shown = pixels[rows] * (np.uint32(255) if is_multiplied else opaque) + (255 - opaque) * 255
        laid[rows] = ((shown + 127) // 255).clip(0, 255)
    return laid


def _alpha(raw: np.ndarray, content: bytes, kind: Kind | None) -> np.ndarray | None:
    """Returns uint8 (H, W), 0 for transparent; None for a picture without."""
    if raw.ndim == 2 and kind is PNG:
        return _grey_key(raw, content)
    if raw.ndim != 3 or raw.shape[2] != 4:
        return None
    alpha = raw[..., 3]
    if alpha.dtype == np.uint8:
        return alpha
    used_bits = max(8, int(alpha.max()).bit_length())
    return (alpha >> (used_bits - 8)).astype(np.uint8)


def _grey_key(raw: np.ndarray, content: bytes) -> np.ndarray | None:
    """The transparency of a grey PNG that names one grey as transparent, which OpenCV leaves out."""
    chunk = _png_chunk(content, b"tRNS")
    if content[_PNG_TYPE_AT] != _PNG_GREY or chunk is None or len(chunk) < 2:
        return None
    depth = content[_PNG_DEPTH_AT]
    grey = int.from_bytes(chunk[:2]) * (1 if depth >= 8 else 255 // (2**depth - 1))
    return np.where(raw == grey, 0, 255).astype(np.uint8)


def _png_chunk(content: bytes, name: bytes) -> bytes | None:
    """Returns what a chunk in front of the pixels holds; None if there is none."""
    at = 8
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if kind == name:
            return content[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            return None
        at += 12 + length
    return None


def _orientation(content: bytes, kind: Kind | None) -> int:
    if kind is PNG:
        return exif_orientation(_png_chunk(content, b"eXIf") or b"")
    at = content.find(b"EXIF")
    return exif_orientation(content[at + 8 :].removeprefix(b"Exif\0\0")) if at >= 0 else 1


def _turned(alpha: np.ndarray, orientation: int) -> np.ndarray:
    """Turns and mirrors as EXIF says (Exif 2.32, tag 0x0112)."""
    if orientation in _TURNS:
        return cv2.rotate(alpha, _TURNS[orientation])
    if orientation == 2:
        return cv2.flip(alpha, 1)
    if orientation in _MIRRORED_TURNS:
        return cv2.flip(cv2.rotate(alpha, _MIRRORED_TURNS[orientation]), 1)
    return alpha
