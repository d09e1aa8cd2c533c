"""Augmentation: eight kinds of random changes, by name, for whole batches of uint8 images.

`augment` applies the chosen kinds. To change a kind, change its function and the constants above it; to add
one, add its function and its entry in `_CHANGES`, which stands in the order of application.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..edge_runtime.errors import UnknownChoice
from ..edge_runtime.images.opencv import cv2

_JPEG_SHARE = 4 / 5
_JPEG_QUALITIES = (40, 75)
"""Above, an image that was JPEG before hardly changes; what is learnt here still helps at 30."""


def jpeg(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Compresses 4 in 5 images as JPEG, each at a quality from 40 to 75.

    Colours have half the resolution (4:2:0), as in what cameras write.
    """
    chosen = np.flatnonzero(random.random(len(images)) < _JPEG_SHARE)
    qualities = random.integers(*_JPEG_QUALITIES, len(chosen), endpoint=True)
    if len(chosen):
        blue_first = _swapped(images[chosen])
        decoded = map(_encoded_and_decoded, blue_first, qualities.tolist())
        images[chosen] = _swapped(np.stack(list(decoded)))
    return images


def _swapped(images: np.ndarray) -> np.ndarray:
    """Swaps red and blue, as one tall image, in a single call of OpenCV."""
    return cv2.cvtColor(images.reshape(-1, *images.shape[2:]), cv2.COLOR_RGB2BGR).reshape(images.shape)


def _encoded_and_decoded(image: np.ndarray, quality: int) -> np.ndarray:
    subsampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    _, content = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality, *subsampling))
    return cv2.imdecode(content, cv2.IMREAD_COLOR)  # pyright: ignore[reportReturnType] - None is for bad files


_FLIP_SHARE = 1 / 2


def flip(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Mirrors half of the images left to right."""
    count, height_px, width_px, channels = images.shape
    chosen = np.flatnonzero(random.random(count) < _FLIP_SHARE)
    if len(chosen):
        # As one tall image: OpenCV turns rows far faster than numpy, and is called once.
        tall = images[chosen].reshape(len(chosen) * height_px, width_px, channels)
        images[chosen] = cv2.flip(tall, 1).reshape(len(chosen), height_px, width_px, channels)
    return images


_LARGEST_SHIFT_SHARE = 1 / 8
"""As a share of the side: 4 pixels of 32, as is usual for CIFAR-10."""


def shift(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Moves each image by up to an eighth of its sides, in any direction; the border is repeated."""
    count, height_px, width_px, channels = images.shape
    down_px, right_px = round(height_px * _LARGEST_SHIFT_SHARE), round(width_px * _LARGEST_SHIFT_SHARE)
    padded = np.pad(images, ((0, 0), (down_px, down_px), (right_px, right_px), (0, 0)), mode="edge")
    # Every run of bytes that is as long as a row: rows are copied whole, which is what makes this fast.
    rows = padded.reshape(count, height_px + 2 * down_px, -1)
    runs = np.lib.stride_tricks.sliding_window_view(rows, width_px * channels, axis=2)
    top = random.integers(0, 2 * down_px + 1, count)
    left = random.integers(0, 2 * right_px + 1, count)
    chosen = runs[
        np.arange(count)[:, np.newaxis],
        top[:, np.newaxis] + np.arange(height_px),
        left[:, np.newaxis] * channels,
    ]
    return chosen.reshape(images.shape)


_LEAST_CROP_SHARE = 0.7
"""The smallest crop, as a share of each side: smaller ones cut objects off too often."""


def crop(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Enlarges a box of 70 to 100 % of each image's sides, anywhere in it, to the whole image."""
    count, height_px, width_px, _ = images.shape
    share = random.uniform(_LEAST_CROP_SHARE, 1, count)
    box_height_px = np.rint(height_px * share).astype(int)
    box_width_px = np.rint(width_px * share).astype(int)
    top = random.integers(0, height_px - box_height_px + 1)
    left = random.integers(0, width_px - box_width_px + 1)
    for image, y, x, high, wide in zip(images, top, left, box_height_px, box_width_px, strict=True):
        part = image[y : y + high, x : x + wide].copy()  # it would be overwritten while it is read
        # Cubic, as linear interpolation would blur every image of the training.
        cv2.resize(part, (width_px, height_px), dst=image, interpolation=cv2.INTER_CUBIC)
    return images


_BLUR_SHARE = 0.3
_BLUR_SIGMA_SHARES = (0.3 / 32, 1 / 32)
"""Sigma of a Gaussian blur (a lens out of focus), as a share of the shorter side."""
_BLUR_PATH_SHARES = (1 / 32, 3 / 32)
"""Length of a motion blur (a moving hand), as a share of the shorter side."""
_BLUR_KERNEL_SIGMAS = 3
"""Half the width of a Gaussian kernel, in sigmas."""


def blur(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blurs 3 in 10 images, half of them along a line, half by a Gaussian."""
    side_px = min(images.shape[1:3])
    count = len(images)
    is_chosen, moves = random.random(count) < _BLUR_SHARE, random.random(count) < 0.5
    sigma_px = random.uniform(*_BLUR_SIGMA_SHARES, count) * side_px
    path_px = random.uniform(*_BLUR_PATH_SHARES, count) * side_px
    angle = random.uniform(0, math.pi, count)
    for place in np.flatnonzero(is_chosen):
        image = images[place]
        if moves[place]:
            kernel = motion_kernel(path_px[place], angle[place])
            images[place] = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        else:
            size_px = 2 * math.ceil(_BLUR_KERNEL_SIGMAS * sigma_px[place]) + 1
            images[place] = cv2.GaussianBlur(
                image, (size_px, size_px), sigma_px[place], borderType=cv2.BORDER_REPLICATE
            )
    return images


def motion_kernel(path_px: float, angle: float) -> np.ndarray:
    """Returns the kernel of an even movement along a line: float32 (n, n), n odd, summing to 1."""
    reach = math.ceil(path_px / 2)
    steps = np.linspace(-path_px / 2, path_px / 2, 4 * reach + 1)
    y, x = reach + steps * math.sin(angle), reach + steps * math.cos(angle)
    places = np.arange(2 * reach + 1)
    # Each step's light falls on the four pixels around it.
    in_rows = np.maximum(0, 1 - abs(places[:, np.newaxis] - y))
    in_columns = np.maximum(0, 1 - abs(places[:, np.newaxis] - x))
    kernel = in_rows @ in_columns.T
    return (kernel / kernel.sum()).astype(np.float32)


_BRIGHTNESS = (0.7, 1.3)
_CONTRAST = (0.7, 1.3)
_SATURATION = (0.6, 1.4)
"""Factors; 1 changes nothing."""
_WARMTH = (-0.1, 0.1)
"""White balance: red is multiplied by e to this, blue divided by it. A light bulb under a camera set for
daylight would be about 0.4; cameras correct most of it."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in brightness (ITU-R BT.601)."""


def colour(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Changes brightness, contrast, saturation and white balance of each image."""
    count = len(images)
    brightness, contrast, saturation, warmth = (
        random.uniform(*limits, (count, 1, 1)).astype(np.float32)
        for limits in (_BRIGHTNESS, _CONTRAST, _SATURATION, _WARMTH)
    )
    # The grey of a pixel, and its colour as the difference from that: only the latter is scaled.
    matrices = saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * _LUMA
    matrices = brightness * np.exp(warmth * [[1], [0], [-1]]) * matrices  # (N, 3, 3)
    means = matrices @ np.array([cv2.mean(image)[:3] for image in images])[..., np.newaxis]
    # Contrast is scaled about the mean luma, which stays.
    offsets = np.repeat((1 - contrast) * (_LUMA @ means)[..., np.newaxis], 3, axis=1)
    transforms = np.concatenate([contrast * matrices, offsets], axis=2)
    for image, transform in zip(images, transforms, strict=True):
        cv2.transform(image, transform, dst=image)
    return images


_NOISE_SHARE = 0.3
_LARGEST_NOISE_STD = 20
"""Of 255. Sensors give more noise at night, but it is averaged where pictures are made smaller."""


def noise(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Adds Gaussian noise, independent in each pixel and channel, to 3 in 10 images."""
    chosen = np.flatnonzero(random.random(len(images)) < _NOISE_SHARE)
    std = random.uniform(0, _LARGEST_NOISE_STD, (len(chosen), 1, 1, 1)).astype(np.float32)
    added = std * random.standard_normal((len(chosen), *images.shape[1:]), np.float32)
    images[chosen] = np.clip(np.rint(images[chosen] + added), 0, 255)
    return images


_CUTOUT_SHARE = 1 / 4
"""Side of the square, as a share of the shorter side."""


def cutout(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Fills a square in each image with the image's mean (DeVries and Taylor 2017).

    So a network does not rely on one part of an object. The middle of the square is anywhere in the image; a
    part of it may lie outside.
    """
    count, height_px, width_px, _ = images.shape
    side_px = max(1, round(min(height_px, width_px) * _CUTOUT_SHARE))
    top = random.integers(0, height_px, count) - side_px // 2
    left = random.integers(0, width_px, count) - side_px // 2
    for image, y, x in zip(images, top, left, strict=True):
        mean = np.rint(cv2.mean(image)[:3])
        image[max(0, y) : y + side_px, max(0, x) : x + side_px] = mean
    return images


_CHUNK_BYTES = 2**20
"""Images changed at a time: they stay in the processor's cache from one kind to the next."""

_CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    # First: data sets hold JPEG files. Saved again, their blocks begin at the same corner, and two roundings
    # add up, which costs most accuracy. Images that were shifted before would not show that.
    "jpeg": jpeg,
    # Then along the path of light: where objects are, the lens and the hand, the sensor.
    "flip": flip,
    "shift": shift,
    "crop": crop,
    "blur": blur,
    "colour": colour,
    "noise": noise,
    # Last: the hole is no part of the scene, so it must stay sharp and have the image's mean.
    "cutout": cutout,
}
"""Each takes uint8 (N, H, W, 3) RGB, which it may change, and returns the same shape."""

KINDS: tuple[str, ...] = tuple(_CHANGES)
"""In the order of application."""


def augment(
    images: np.ndarray, random: np.random.Generator, kinds: Sequence[str], mirrored_is_same: bool = True
) -> np.ndarray:
    """Changes each image independently, by each of the chosen kinds.

    Args:
        images: uint8 (N, H, W, 3) RGB; not changed.
        random: source of all choices; the same generator gives the same images.
        kinds: names in `KINDS`, in any order.
        mirrored_is_same: False where a mirrored image would be of another class, such as a digit: `flip` is
            left out.

    Returns:
        uint8 (N, H, W, 3) RGB, a new array.
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
    """Parses `flip,shift`, `all` or `none`; returns names, each once, in the order of `KINDS`.

    Raises:
        UsageError: an unknown name.
    """
    named = {"all": KINDS, "none": ()}.get(text.strip(), [part.strip() for part in text.split(",")])
    for name in named:
        if name not in KINDS:
            raise UnknownChoice(
                f"--augment {name}: no such kind; use {','.join(KINDS)}, all or none",
                name,
                (*KINDS, "all", "none"),
            )
    return tuple(kind for kind in KINDS if kind in named)
