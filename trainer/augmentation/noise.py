"""Some of the images, noisy: a small sensor in little light."""

import numpy as np

_SHARE = 0.3
_LARGEST_STD = 20
"""Of 255. Night pictures have more as they leave a sensor, but are averaged where they are made small."""


def noise(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Adds Gaussian noise, independent in each pixel and channel, to 3 in 10 images; see `kinds`."""
    chosen = np.flatnonzero(random.random(len(images)) < _SHARE)
    std = random.uniform(0, _LARGEST_STD, (len(chosen), 1, 1, 1)).astype(np.float32)
    added = std * random.standard_normal((len(chosen), *images.shape[1:]), np.float32)
    images[chosen] = np.clip(np.rint(images[chosen] + added), 0, 255)
    return images
