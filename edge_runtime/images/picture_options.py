"""Picture options: what a user says of the pictures that a model made elsewhere wants.

They are `--scale`, `--mean`, `--std`, `--channels`, `--crop`, `--resize-to`, `--imgsz`, wherever `--labels`
is, and `--output`, which is of its scores.
Imports neither numpy nor OpenCV, so that `--help` stays fast.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ..errors import UsageError
from ..text import numbers_text
from .rule import Channels, Crop, ImageRule, PixelRange

SCALINGS: dict[PixelRange, tuple[float, float]] = {
    "0..255": (1.0, 0.0),
    "0..1": (1 / 255, 0.0),
    "-1..1": (2 / 255, -1.0),
}
"""(scale, offset) of the values that a network was trained on: pixel * scale + offset."""
IMAGENET = "imagenet"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of pixels from 0 to 1, red first, as torchvision and timm have them."""

Three = tuple[float, float, float]
_PER_UNIT: dict[PixelRange, float] = {"0..255": 255.0, "0..1": 1.0}
"""Units in a white pixel, for the ranges that ImageNet's numbers can be given in."""
_NEAR_1 = 1.5
"""No mean or deviation of pixels from 0 to 1, or -1 to 1, is as large."""
_MOST_SIDE_PX = 4096
_LEAST_STD, _MOST = 1e-3, 1e5
"""Of a mean or a deviation."""


@dataclass(frozen=True)
class PictureOptions:
    """What a user says of the pictures that a model made elsewhere wants; None: nothing.

        PictureOptions(mean="imagenet", resize_to=256)
        PictureOptions(scale="0..255", mean=(103.939, 116.779, 123.68), channels="bgr")

    Raises:
        UsageError: a number is none, out of range, or contradicts another; there are neither one nor three.
    """

    scale: PixelRange | None = None
    """Range of the pixels that the network was trained on; with a mean or deviation, 0..1 is meant."""
    mean: str | float | Sequence[float] | None = None
    """In units of `scale`, for all channels or for each in the network's order; or `imagenet`, with its
    deviation. The network's input is (pixel - mean) / std."""
    std: str | float | Sequence[float] | None = None
    channels: Channels | None = None
    crop: Crop | None = None
    resize_to: int | None = None
    """See `ImageRule.resize_to_px`."""
    imgsz: str | int | None = None
    """Of the input of a network that takes pictures of any size: `224`, or height and width, `224x320`."""
    output: str | None = None
    """The name of the output that is read, of a network with several."""

    def __post_init__(self) -> None:
        if self.scale is not None and self.scale not in SCALINGS:
            raise UsageError(f"--scale {self.scale}: not a range of pixels; write {' or '.join(SCALINGS)}")
        _ = self.scaling, self.size_px
        if self.resize_to is not None and self.crop == "stretch":
            raise UsageError("--resize-to is for a crop from the centre; leave --crop stretch out")
        if self.resize_to is not None and not 1 <= self.resize_to <= 16_384:
            raise UsageError(f"--resize-to {self.resize_to}: write a number of pixels from 1 to 16384")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return self == PictureOptions()

    @property
    def scaling(self) -> tuple[float | Three, float | Three] | None:
        """(scale, offset) of the network's input, pixel * scale + offset; None where nothing is said."""
        if self.scale is None and self.mean is None and self.std is None:
            return None
        range_: PixelRange = self.scale or "0..1"
        is_imagenet = IMAGENET in (self.mean, self.std)
        if is_imagenet and range_ not in _PER_UNIT:
            raise UsageError(f"--scale {range_}: not with ImageNet's mean; leave --scale out")
        means, stds = (self._in_order(numbers, range_) for numbers in (IMAGENET_MEAN, IMAGENET_STD))
        if self.mean != IMAGENET:
            means = [0.0] * 3 if self.mean is None else _numbers("--mean", self.mean, range_)
        if self.std != IMAGENET and not (self.std is None and self.mean == IMAGENET):
            stds = [1.0] * 3 if self.std is None else _numbers("--std", self.std, range_)
        factor, added = SCALINGS[range_]
        pairs = list(zip(means, stds, strict=True))
        scale = _one_or_three([factor / std for _, std in pairs])
        offset = _one_or_three([(added - mean) / std for mean, std in pairs])
        return scale, offset

    @property
    def _divides_by_nothing(self) -> bool:
        """Whether there is a mean, and no deviation, as of Caffe's networks."""
        return self.mean not in (None, IMAGENET) and self.std is None

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest value that a network gets, of all channels; bytes if nothing is said."""
        return ends_of(*(self.scaling or SCALINGS["0..255"]))

    @property
    def size_px(self) -> tuple[int, int] | None:
        """(height, width) of `imgsz`; None where nothing is said."""
        if self.imgsz is None:
            return None
        sides = re.fullmatch(r"(\d{1,5})(?:[xX](\d{1,5}))?", str(self.imgsz))
        height_px, width_px = (int(sides[1]), int(sides[2] or sides[1])) if sides else (0, 0)
        if not (1 <= height_px <= _MOST_SIDE_PX and 1 <= width_px <= _MOST_SIDE_PX):
            raise UsageError(
                f"--imgsz {self.imgsz}: write a side in pixels, or height and width, such as 224x320"
            )
        return height_px, width_px

    def _in_order(self, of_colours: Three, range_: PixelRange) -> list[float]:
        """ImageNet's numbers in the network's order of channels, in units of its pixels."""
        ordered = of_colours[::-1] if self.channels == "bgr" else of_colours
        return [number * _PER_UNIT.get(range_, 1.0) for number in ordered]

    @property
    def stated(self) -> dict[str, Any]:
        """What is said, by the names of the fields: `PictureOptions(**stated)` says the same."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def text(self) -> str:
        """The options as they are typed."""
        return _typed(self, [option.name for option in fields(self)])

    @property
    def scaling_text(self) -> str:
        """The options that `scaling` follows from, as they are typed."""
        return _typed(self, ["scale", "mean", "std"])

    def assumption(self, rule: ImageRule) -> str:
        """What neither files nor the user say of the pictures for a network, as it is taken; else empty.

        Args:
            rule: how pictures are prepared for it, see `rule`.
        """
        order = f"--channels {rule.channels}" if self.channels is None and rule.channels != "grey" else ""
        std = "--std 1" if self._divides_by_nothing else ""
        crop = f"--crop {rule.crop}" if self.crop is None and self.resize_to is None else ""
        taken = " ".join(filter(None, (std, order, crop)))
        return f"taken as {taken}, as nothing says otherwise" if taken else ""

    def rule(self, height_px: int, width_px: int, channels: int, name: str) -> ImageRule:
        """Returns how pictures are prepared for a network.

        Args:
            height_px: of its input.
            width_px: of its input.
            channels: of its input, 3 or 1.
            name: what messages call the file.

        Raises:
            UsageError: its input is another one.
        """
        if self.channels is not None and (channels == 1) != (self.channels == "grey"):
            takes, right = ("one channel", "grey") if channels == 1 else ("three channels", "rgb or bgr")
            raise UsageError(f"--channels {self.channels}: {name} takes {takes}; write {right}")
        if channels == 1 and self.scaling and any(isinstance(value, tuple) for value in self.scaling):
            raise UsageError(
                f"{self.scaling_text}: {name} takes grey pictures; write one number for --mean and --std"
            )
        if self.resize_to is not None and self.resize_to < max(height_px, width_px):
            raise UsageError(
                f"--resize-to {self.resize_to}: {name} takes {width_px}x{height_px} px; "
                "write the size before the crop, such as 256 for 224"
            )
        default: Channels = "grey" if channels == 1 else "rgb"
        return replace(
            ImageRule(height_px, width_px),
            channels=self.channels or default,
            crop=self.crop or "center",
            resize_to_px=self.resize_to or 0,
        )


def ends_of(scale: float | Three, offset: float | Three) -> tuple[float, float]:
    """Returns the least and the largest pixel * scale + offset, of all channels."""
    scales, offsets = (value if isinstance(value, tuple) else (value,) * 3 for value in (scale, offset))
    return min(offsets), max(255 * each + added for each, added in zip(scales, offsets, strict=True))


def any_size(name: str) -> UsageError:
    """Returns the error for a network that takes pictures of any size, where no `imgsz` is said."""
    return UsageError(f"{name}: takes pictures of any size; say which it was trained on, such as --imgsz 224")


AS_THE_FILE_SAYS = PictureOptions()
OPTIONS = "--labels, --scale and the like"
"""Of a model made elsewhere, for messages: a file of ours has all that in its card."""


def _typed(options: PictureOptions, names: Sequence[str]) -> str:
    values = ((name, getattr(options, name)) for name in names)
    return " ".join(
        f"--{name.replace('_', '-')} {_shown(value)}" for name, value in values if value is not None
    )


def _shown(value: str | float | Sequence[float]) -> str:
    return value if isinstance(value, str) else numbers_text(value).replace(" ", "")


def _numbers(option: str, value: str | float | Sequence[float], range_: PixelRange) -> list[float]:
    """Returns three numbers of an option, one for each channel.

    Raises:
        UsageError: there are neither one nor three, or one is out of range, or of pixels of another range,
            with which the answers would be wrong in silence.
    """
    shown = _shown(value)
    parts = (
        value.split(",") if isinstance(value, str) else [value] if isinstance(value, int | float) else value
    )
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        raise UsageError(
            f"{option} {shown}: not a number; write one, three with commas between them, or imagenet"
        ) from None
    if len(numbers) not in (1, 3):
        raise UsageError(
            f"{option} {shown}: {len(numbers)} numbers; write one for all channels, or three, one for each"
        )
    low, high = (_LEAST_STD, _MOST) if option == "--std" else (-_MOST, _MOST)
    if not all(low <= number <= high for number in numbers):  # NaN neither
        raise UsageError(f"{option} {shown}: write numbers from {low:g} to {high:g}")
    if range_ != "0..255" and max(map(abs, numbers)) > _NEAR_1:
        raise UsageError(
            f"{option} {shown}: too large for pixels of {range_}; if it is of pixels of 0..255, "
            "add --scale 0..255"
        )
    if range_ == "0..255" and any(0 < number < 1 for number in numbers):
        raise UsageError(
            f"{option} {shown}: too small for pixels of 0..255; if it is of pixels of 0..1, leave --scale out"
        )
    return numbers * 3 if len(numbers) == 1 else numbers


def _one_or_three(values: list[float]) -> float | Three:
    first, second, third = values
    return first if first == second == third else (first, second, third)
