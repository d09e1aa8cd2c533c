"""Corruptions that spoil pictures before a network sees them, in five levels each, the same every time.

The levels are those of CIFAR-10-C (Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to
Common Corruptions and Perturbations", ICLR 2019; `make_cifar_c.py`, which CIFAR-10-C was made with), but for
JPEG, whose 80, 65, 58, 50 and 40 leave out what a good camera sends and what a thin line is given.

Pictures are spoiled at the network's input size, after crop and resize. It is how CIFAR-10-C does it, and
the one way in which a level means the same for every data set: a blur of 1 px or a JPEG's blocks vanish
where a large photograph is averaged to 32 px, and so would say more of the photograph than of the network.
What a larger picture suffers before it is resized is therefore milder than what is measured here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from ...edge_runtime.images.opencv import cv2

SIDE_PX = 32
"""Of the images that the levels were chosen for."""
_SEED = 0
_CHUNK = 256
"""Images at a time, so that what is worked out in float32 stays small."""
_SIGMAS = 4
"""Where a blur's kernel ends; the same in scikit-image, which CIFAR-10-C was made with."""


@dataclass(frozen=True)
class Corruption:
    """One kind of corruption."""

    name: str
    """Short, for figures: `jpeg`."""
    text: str
    """For people, with the parameter, its unit, and a place for values: `noise, std {} of 255`."""
    levels: tuple[float, float, float, float, float]
    """Of the parameter, from mild to severe."""
    change: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    """Images, uint8 (N, H, W, 3) RGB, a value of the parameter, and where chance comes from, to the same."""
    grows_with_size: bool = False
    """Whether the levels are lengths in images of `SIDE_PX`, which are longer in larger ones."""

    def values(self, height_px: int, width_px: int) -> tuple[float, ...]:
        """The parameter's, level by level, for images of this size."""
        factor = min(height_px, width_px) / SIDE_PX if self.grows_with_size else 1
        return tuple(level * factor for level in self.levels)

    def describe(self, *values: float) -> str:
        """With these values in it: `JPEG quality 70`."""
        return self.text.format(", ".join(f"{value:.4g}" for value in values))


def corrupt(images: np.ndarray, corruption: Corruption, value: float) -> np.ndarray:
    """Spoils uint8 (N, H, W, 3) RGB images; the same images give the same result.

    Noise is the same pattern at each level, so that levels differ in strength alone.
    """
    random = np.random.default_rng(_SEED)
    spoiled = np.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        spoiled[chunk] = corruption.change(images[chunk], value, random)
    return spoiled


def jpeg(images: np.ndarray, quality: int) -> np.ndarray:
    """Encodes and decodes uint8 (N, H, W, 3) RGB as a JPEG of quality 0 to 100.

    Colours have half the resolution (4:2:0), as cameras and most programs write them.
    """
    options = (cv2.IMWRITE_JPEG_QUALITY, quality)
    options += (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420)
    spoiled = np.empty_like(images)
    for image, out in zip(images, spoiled, strict=True):
        _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
        decoded = cast("np.ndarray", cv2.imdecode(content, cv2.IMREAD_COLOR))  # None were it no image
        cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB, out)
    return spoiled


def blur(images: np.ndarray, sigma_px: float) -> np.ndarray:
    """A Gaussian blur, as of a lens out of focus, of uint8 (N, H, W, 3); borders are repeated."""
    side_px = 2 * round(_SIGMAS * sigma_px) + 1
    spoiled = np.empty_like(images)
    for image, out in zip(images, spoiled, strict=True):
        cv2.GaussianBlur(image, (side_px, side_px), sigma_px, out, borderType=cv2.BORDER_REPLICATE)
    return spoiled


def add_noise(images: np.ndarray, std: float, random: np.random.Generator) -> np.ndarray:
    """Adds independent Gaussian noise to each value of uint8 (N, H, W, 3); `std` is in steps of 255."""
    return _to_pixels(images + std * random.standard_normal(images.shape, np.float32))


def brighten(images: np.ndarray, percent: float) -> np.ndarray:
    """Shifts the V of HSV by so many percent of its range; uint8 (N, H, W, 3) RGB. Negative is darker.

    Hue and saturation stay, so that all three channels are scaled by what the brightest one is scaled by.
    """
    value = images.max(axis=-1, keepdims=True).astype(np.float32)
    shifted = np.clip(value + percent * 2.55, 0, 255)
    black = value == 0  # it has no hue, and becomes grey
    return _to_pixels(np.where(black, shifted, images * (shifted / np.where(black, 1, value))))


def scale_contrast(images: np.ndarray, factor: float) -> np.ndarray:
    """Moves each value of uint8 (N, H, W, 3) towards the mean of its channel in its image."""
    means = images.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    return _to_pixels(means + factor * (images - means))


def _to_pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


CORRUPTIONS = (
    Corruption(
        "jpeg", "JPEG, quality {}", (100, 90, 70, 50, 30), lambda images, value, _: jpeg(images, round(value))
    ),
    Corruption(
        "blur",
        "blur, sigma {} px",
        (0.4, 0.6, 0.7, 0.8, 1.0),
        lambda images, value, _: blur(images, value),
        grows_with_size=True,
    ),
    Corruption("noise", "noise, std {} of 255", (10.2, 15.3, 20.4, 22.95, 25.5), add_noise),
    # Darker, where CIFAR-10-C has brighter: a camera's exposure copes with much light, but at night it ends.
    Corruption(
        "brightness",
        "brightness, shift {} %",
        (-5, -10, -15, -20, -30),
        lambda images, value, _: brighten(images, value),
    ),
    Corruption(
        "contrast",
        "contrast, factor {}",
        (0.75, 0.5, 0.4, 0.3, 0.15),
        lambda images, value, _: scale_contrast(images, value),
    ),
)
"""All that are measured."""
