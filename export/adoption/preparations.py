"""Preparations: the few ways in which the networks that people have were trained to see a picture.

A file seldom says what its pixels were multiplied by, which part of a picture it saw, or that OpenCV's order
of channels was meant. These are the ways of the libraries that such files come from, the commonest first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ...edge_runtime.engines.tensors import fits
from ...edge_runtime.images.picture_options import IMAGENET, PictureOptions
from ...edge_runtime.images.rule import Channels, ImageRule
from ...edge_runtime.models.card import Offset, Scale
from ...edge_runtime.models.model_file import ModelFormat


@dataclass(frozen=True)
class PixelScaling:
    """What the network was trained on: pixel * scale + offset."""

    options: str
    """As it is typed: `--scale -1..1`; empty where the file says it, or scales its pixels itself."""
    scale: Scale
    offset: Offset


@dataclass(frozen=True)
class Preparation:
    """One way to prepare a picture for a network."""

    scaling: PixelScaling
    rule: ImageRule
    is_stated: bool = False
    """Whether the file itself says how its pixels are scaled."""

    @property
    def options(self) -> str:
        """The options that make the other commands do the same."""
        rule = self.rule
        channels = rule.channels if rule.channels == "bgr" else None
        others = PictureOptions(channels=channels, crop=rule.crop, resize_to=rule.resize_to_px or None)
        return f"{self.scaling.options} {others.text}".strip()

    @property
    def pixels_text(self) -> str:
        """PixelScaling and channels, for a table."""
        scaling = self.scaling.options.replace("--scale ", "").replace("--", "").replace("mean im", "im")
        if scaling == _CAFFE.text.replace("--scale ", "").replace("--", ""):
            scaling = "caffe"
        return f"{scaling or 'as the file says'}, {self.rule.channels}"

    @property
    def crop_text(self) -> str:
        """Which part of the picture, for a table."""
        return f"center of {self.rule.resize_to_px} px" if self.rule.resize_to_px else self.rule.crop


def scaling_of(options: PictureOptions) -> PixelScaling | None:
    """Returns the scaling that options ask for; None where they say nothing of it."""
    numbers = options.scaling
    return PixelScaling(options.scaling_text, *numbers) if numbers else None


_UNIT, _SIGNED, _BYTES = (PictureOptions(scale=range_) for range_ in ("0..1", "-1..1", "0..255"))
_IMAGENET = PictureOptions(mean=IMAGENET)
"""torchvision's and timm's: each channel less its mean in ImageNet, in units of its deviation."""
_CAFFE = PictureOptions(scale="0..255", mean="103.939,116.779,123.68")
"""Of BGR: Caffe's, and Keras's for VGG and the first ResNets."""
_DIGITS = PictureOptions(mean=0.1307, std=0.3081)
"""torch's examples with MNIST."""
_Ways = tuple[tuple[PictureOptions, Channels], ...]
_OF_TORCH: _Ways = ((_IMAGENET, "rgb"), (_UNIT, "rgb"), (_BYTES, "rgb"), (_SIGNED, "rgb"))
_OF_KERAS: _Ways = ((_UNIT, "rgb"), (_SIGNED, "rgb"), (_BYTES, "rgb"), (_IMAGENET, "rgb"))
_RARE: _Ways = ((_BYTES, "bgr"), (_CAFFE, "bgr"), (_UNIT, "bgr"), (_IMAGENET, "bgr"), (_SIGNED, "bgr"))
_COLOURED = {
    ModelFormat.ONNX: (*_OF_TORCH, *_RARE),
    ModelFormat.TFLITE: (*_OF_KERAS, *_RARE),
    ModelFormat.H5: (*_OF_KERAS, *_RARE),
}
_GREY: _Ways = ((_UNIT, "grey"), (_DIGITS, "grey"), (_SIGNED, "grey"), (_BYTES, "grey"))
_RESIZED_SHARE = 256 / 224
"""torchvision's: the shorter side to 256, then the 224 in the centre."""
_PHOTOGRAPH_PX = 160
"""From this size on, a network in ONNX is most likely one of torchvision's."""


@dataclass(frozen=True)
class Known:
    """What is known of a network before any picture is tried."""

    format: ModelFormat
    rule: ImageRule
    """Its size; whether it is grey."""
    options: PictureOptions
    """By the user: what is given is not tried otherwise."""
    stated: PixelScaling | None = None
    """By the file; without options, it takes bytes and nothing is to be tried."""
    ends: tuple[float, float] | None = None
    """The range of an input of integers, which holds no other values."""


def scalings(known: Known, *, as_stated: bool) -> list[Preparation]:
    """Returns the preparations that differ in scale and channels, the likeliest first, with one crop.

    Args:
        known: what need not be tried.
        as_stated: keep to what the file says of its pixels.
    """
    rule, options = crops(known)[0], known.options
    is_grey = rule.channels == "grey"
    orders: tuple[Channels, ...] = ("grey",) if is_grey else ("rgb", "bgr")
    takes_bytes = known.stated is not None and not known.stated.options
    if known.stated and (takes_bytes or (as_stated and not scaling_of(options))):
        return [
            Preparation(known.stated, replace(rule, channels=order), is_stated=True)
            for order in orders
            if options.channels in (None, order)
        ]
    if scaling_of(options):
        ways = tuple((options, order) for order in orders)
    else:
        ways = _GREY if is_grey else _COLOURED[known.format]
        ways = tuple(way for way in ways if known.ends is None or fits(known.ends, way[0].ends))
    found = [
        (scaling_of(replace(way, channels=order)), order)
        for way, order in ways
        if options.channels in (None, order)
    ]
    return [Preparation(scaling, replace(rule, channels=order)) for scaling, order in found if scaling]


def crops(known: Known) -> list[ImageRule]:
    """Returns the rules that differ in the part of the picture, the likeliest first."""
    options, size_px = known.options, max(known.rule.height_px, known.rule.width_px)
    stretch, center = (replace(known.rule, crop=crop, resize_to_px=0) for crop in ("stretch", "center"))
    resized_px = options.resize_to or round(size_px * _RESIZED_SHARE)
    resized = replace(known.rule, crop="center", resize_to_px=resized_px)
    if options.resize_to:
        return [resized]
    if known.format is not ModelFormat.ONNX:  # Keras's loaders stretch
        every = [stretch, center, resized]
    elif size_px >= _PHOTOGRAPH_PX:  # torchvision's and timm's resize first
        every = [resized, center, stretch]
    else:
        every = [center, stretch, resized]
    return [rule for rule in every if options.crop in (None, rule.crop)]


def with_crops(found: Iterable[Preparation], known: Known) -> Iterator[Preparation]:
    """Yields each preparation with each crop."""
    for preparation in found:
        for rule in crops(known):
            yield replace(preparation, rule=replace(rule, channels=preparation.rule.channels))
