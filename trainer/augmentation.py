"""All kinds of change by name, and whole batches through those that were chosen."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..edge_runtime.errors import UsageError
from ..edge_runtime.images.opencv import cv2

# Some of the images, less sharp: a lens out of focus, or a moving hand.

_BLUR_SHARE = 0.3
_SIGMA_SHARES = (0.3 / 32, 1 / 32)
"""A lens's Gaussian, as a share of the shorter side."""
_PATH_SHARES = (1 / 32, 3 / 32)
"""How far a hand moves, as a share of the shorter side."""
_SIGMAS = 3
"""Where a kernel ends."""


def blur(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blurs 3 in 10 images, every second of them along a line; see `kinds`."""
    side_px = min(images.shape[1:3])
    count = len(images)
    is_chosen, moves = random.random(count) < _BLUR_SHARE, random.random(count) < 0.5
    sigma_px = random.uniform(*_SIGMA_SHARES, count) * side_px
    path_px = random.uniform(*_PATH_SHARES, count) * side_px
    angle = random.uniform(0, math.pi, count)
    for place in np.flatnonzero(is_chosen):
        image = images[place]
        if moves[place]:
            kernel = motion_kernel(path_px[place], angle[place])
            images[place] = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        else:
            size_px = 2 * math.ceil(_SIGMAS * sigma_px[place]) + 1
            images[place] = cv2.GaussianBlur(
                image, (size_px, size_px), sigma_px[place], borderType=cv2.BORDER_REPLICATE
            )
    return images


def motion_kernel(path_px: float, angle: float) -> np.ndarray:
    """What a point becomes that moves evenly along a line: float32 (n, n), n odd, summing to 1."""
    reach = math.ceil(path_px / 2)
    steps = np.linspace(-path_px / 2, path_px / 2, 4 * reach + 1)
    y, x = reach + steps * math.sin(angle), reach + steps * math.cos(angle)
    places = np.arange(2 * reach + 1)
    # Each step's light falls on the four pixels around it.
    in_rows = np.maximum(0, 1 - abs(places[:, np.newaxis] - y))
    in_columns = np.maximum(0, 1 - abs(places[:, np.newaxis] - x))
    kernel = in_rows @ in_columns.T
    return (kernel / kernel.sum()).astype(np.float32)


# Brightness, contrast, saturation and white balance, as they differ between cameras and hours.

_BRIGHTNESS = (0.7, 1.3)
_CONTRAST = (0.7, 1.3)
_SATURATION = (0.6, 1.4)
"""Factors; 1 changes nothing."""
_WARMTH = (-0.1, 0.1)
"""Of white balance: red is multiplied by e to this, blue divided by it. The light of a bulb under a camera
set for the day would be about 0.4; cameras correct most of it."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""How bright red, green and blue look (ITU-R BT.601)."""


def colour(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Changes each image's colours by one matrix; see `kinds`."""
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


# Images seen from nearer: a part of each, enlarged to the whole.

LEAST_SHARE = 0.7
"""Of each side: nearer than that, things are too often cut off."""


def crop(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Enlarges a box of 70 to 100 % of each image's sides, anywhere in it, to the whole; see `kinds`."""
    count, height_px, width_px, _ = images.shape
    share = random.uniform(LEAST_SHARE, 1, count)
    box_height_px = np.rint(height_px * share).astype(int)
    box_width_px = np.rint(width_px * share).astype(int)
    top = random.integers(0, height_px - box_height_px + 1)
    left = random.integers(0, width_px - box_width_px + 1)
    for image, y, x, high, wide in zip(images, top, left, box_height_px, box_width_px, strict=True):
        part = image[y : y + high, x : x + wide].copy()  # it would be overwritten while it is read
        # Cubic, as linear interpolation would blur every image of the training.
        cv2.resize(part, (width_px, height_px), dst=image, interpolation=cv2.INTER_CUBIC)
    return images


# A hole in each image (DeVries and Taylor 2017), so that a network does not rely on one part of a thing.

SIDE_SHARE = 1 / 4


def cutout(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Fills a square of a quarter of each image's shorter side with the image's mean; see `kinds`.

    Its middle is anywhere in the image, so that a part of it may lie outside.
    """
    count, height_px, width_px, _ = images.shape
    side_px = max(1, round(min(height_px, width_px) * SIDE_SHARE))
    top = random.integers(0, height_px, count) - side_px // 2
    left = random.integers(0, width_px, count) - side_px // 2
    for image, y, x in zip(images, top, left, strict=True):
        mean = np.rint(cv2.mean(image)[:3])
        image[max(0, y) : y + side_px, max(0, x) : x + side_px] = mean
    return images


# Half of the images, mirrored: most things look as natural from the other side.

_FLIP_SHARE = 1 / 2


def flip(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Mirrors half of the images left to right; see `kinds`."""
    count, height_px, width_px, channels = images.shape
    chosen = np.flatnonzero(random.random(count) < _FLIP_SHARE)
    if len(chosen):
        # As one tall image: OpenCV turns rows far faster than numpy, and is called once.
        tall = images[chosen].reshape(len(chosen) * height_px, width_px, channels)
        images[chosen] = cv2.flip(tall, 1).reshape(len(chosen), height_px, width_px, channels)
    return images


# Most of the images, as JPEG of lower quality leaves them.

_JPEG_SHARE = 4 / 5
_QUALITIES = (40, 75)
"""Above, an image that was JPEG before hardly changes; what is learnt here holds at 30 as well."""


def jpeg(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Encodes and decodes four of five images, each at a quality from 40 to 75; see `kinds`.

    Colours have half the resolution (4:2:0), as in what cameras write.
    """
    chosen = np.flatnonzero(random.random(len(images)) < _JPEG_SHARE)
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


# Some of the images, noisy: a small sensor in little light.

_NOISE_SHARE = 0.3
_LARGEST_STD = 20
"""Of 255. Night pictures have more as they leave a sensor, but are averaged where they are made small."""


def noise(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Adds Gaussian noise, independent in each pixel and channel, to 3 in 10 images; see `kinds`."""
    chosen = np.flatnonzero(random.random(len(images)) < _NOISE_SHARE)
    std = random.uniform(0, _LARGEST_STD, (len(chosen), 1, 1, 1)).astype(np.float32)
    added = std * random.standard_normal((len(chosen), *images.shape[1:]), np.float32)
    images[chosen] = np.clip(np.rint(images[chosen] + added), 0, 255)
    return images


# Images moved by a few pixels: a thing is never quite in the middle.

MOST_SHARE = 1 / 8
"""Of the side: 4 pixels of 32, as is usual for CIFAR-10."""


def shift(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Moves each image by up to an eighth of its side, down, right or both; its border is repeated.

    See `kinds`.
    """
    count, height_px, width_px, channels = images.shape
    down_px, right_px = round(height_px * MOST_SHARE), round(width_px * MOST_SHARE)
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
