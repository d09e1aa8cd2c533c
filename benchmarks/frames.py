"""JPEG frames as a camera sends them, made of a model's own pictures, so that their labels mean something."""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..edge_runtime.files import whole_file
from ..edge_runtime.images.opencv import cv2

QUALITY = 80
"""Of the JPEGs, which OpenCV writes with 4:2:0 chroma."""
TOLERANCE = 0.01
"""How far a frame may be from the bytes it shall have."""
_SEED = 0
_NOISE_DEVIATION = 32.0  # of 255, at an amplitude of 1
_ATTEMPTS = 12
_SMALLEST_CROP = 0.75


@dataclass(frozen=True)
class FrameSize:
    """What a camera is set to, and how large its JPEGs then are in a room with detail and little light."""

    name: str
    width_px: int
    height_px: int
    jpeg_bytes: int


VGA = FrameSize("640x480", 640, 480, 59_500)
HD = FrameSize("1280x720", 1280, 720, 169_500)


def camera_frames(pictures: Sequence[np.ndarray], size: FrameSize, count: int) -> Iterator[bytes]:
    """Makes `count` different JPEG frames, the same ones each time.

    A network that looks at the centred square sees the picture; what is beside it is the picture mirrored.
    Where there are fewer pictures than frames, they come again as other crops, with other noise.

    Args:
        pictures: uint8 (H, W, 3) BGR, of any size.
        size: of the frames; the noise is searched that gives its bytes.
        count: how many.
    """
    random = np.random.default_rng(_SEED)
    noise = _noise(size, random)
    amplitude = 0.3
    for number in range(count):
        picture = pictures[number % len(pictures)]
        if number >= len(pictures):
            picture = _cropped(picture, random)
        top, left = random.integers(0, (noise.shape[0] - size.height_px, noise.shape[1] - size.width_px))
        field = noise[top : top + size.height_px, left : left + size.width_px]
        content, amplitude = _noisy_jpeg(_enlarged(picture, size), field, size.jpeg_bytes, amplitude)
        yield content


def _noise(size: FrameSize, random: np.random.Generator) -> np.ndarray:
    """One field of noise around 128, larger than a frame: each gets another part of it, at no cost."""
    shape = (size.height_px + 256, size.width_px + 256, 3)
    drawn = random.standard_normal(shape, np.float32) * _NOISE_DEVIATION + 128
    return drawn.clip(0, 255).astype(np.uint8)


def _cropped(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A part of the picture, mirrored in half of all cases."""
    sides = np.array(picture.shape[:2])
    kept = np.maximum(1, sides * random.uniform(_SMALLEST_CROP, 1)).astype(int)
    top, left = random.integers(0, sides - kept + 1)
    part = picture[top : top + kept[0], left : left + kept[1]]
    return part[:, ::-1] if random.random() < 0.5 else part


def _enlarged(picture: np.ndarray, size: FrameSize) -> np.ndarray:
    """The picture as the frame's centred square, and its mirror image on both sides."""
    side_px = min(size.width_px, size.height_px)
    square = cv2.resize(picture, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    beside, above = size.width_px - side_px, size.height_px - side_px
    margins = (above // 2, above - above // 2, beside // 2, beside - beside // 2)
    return cv2.copyMakeBorder(square, *margins, cv2.BORDER_REFLECT)


def _noisy_jpeg(
    pixels: np.ndarray, noise: np.ndarray, wanted_bytes: int, amplitude: float
) -> tuple[bytes, float]:
    """A JPEG of about the wanted bytes, and the amplitude of the noise that gave it.

    Bisects from a first guess, which the frame before it gave: two or three attempts do.
    """
    lowest, highest = 0.0, 4.0
    content = b""
    for _ in range(_ATTEMPTS):
        noisy = cv2.addWeighted(pixels, 1, noise, amplitude, -128 * amplitude)
        content = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
        ratio = wanted_bytes / len(content)
        if abs(ratio - 1) <= TOLERANCE:
            break
        if ratio > 1:
            lowest = amplitude
        else:
            highest = amplitude
        guess = amplitude * ratio**1.5  # bytes grow more slowly than the noise
        amplitude = guess if lowest < guess < highest else (lowest + highest) / 2
    return content, amplitude


# Many JPEG frames in one file that processes share: too many for the memory of each.


def write_frames(path: Path, frames: Iterable[bytes]) -> None:
    """Writes them one after the other, and where each ends into `path` with `.ends.npy`.

    Raises:
        OutputFailed, PermissionRefused: they cannot be written.
    """
    ends = [0]
    with whole_file(path) as beside, beside.open("wb") as file:
        for frame in frames:
            file.write(frame)
            ends.append(ends[-1] + len(frame))
    with whole_file(_ends_of(path)) as beside:
        np.save(beside, np.array(ends, np.int64))


class FrameFile(Sequence[bytes]):
    """The frames of a file, read when they are asked for."""

    def __init__(self, path: Path) -> None:
        self._ends = np.load(_ends_of(path)).tolist()
        with path.open("rb") as file:
            self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride] - no slices
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._content[self._ends[index] : self._ends[index + 1]]

    def for_ever(self) -> Iterator[bytes]:
        """One after the other, from the first again after the last."""
        while True:
            yield from self

    @property
    def median_bytes(self) -> int:
        """Of a frame."""
        return int(np.median(np.diff(self._ends)))


def _ends_of(path: Path) -> Path:
    return path.with_suffix(".ends.npy")


@dataclass(frozen=True)
class Pictures:
    """What the frames show."""

    text: str
    """For people: `cifar10, test images`."""
    images: Sequence[np.ndarray]
    """uint8 (H, W, 3) BGR, of any size."""
