"""What a file made elsewhere says of its own pixels and labels, in the ways that tools write it.

    the scale and zero point of a quantised input    its real values go from 0 to 1, -1 to 1, 0 to 255, ...
    standard TFLite metadata                         mean, deviation, labels
    an entry `names` in ONNX metadata                labels, as Ultralytics writes them
    its first operators                              a Rescaling or Normalization layer, or a quantisation

What fits none of the usual ranges closely is not guessed.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..errors import BadModel, UsageError
from ..images.picture_options import PictureOptions
from ..images.rule import PixelRange
from ..models.model_file import ModelFormat
from ..models.protobuf import fields
from .facts import NetworkFacts
from .first_operators import Quantised, Start, onnx_start, tflite_start
from .onnx_content import read_onnx

_USUAL = (
    (PictureOptions("0..1"), 0.25),
    (PictureOptions("-1..1"), 0.12),
    (PictureOptions("0..255"), 0.25),
    (PictureOptions(mean=0.5), 0.06),
    (PictureOptions("0..255", mean=128), 0.06),
    (PictureOptions(mean="imagenet"), 0.03),
)
"""How networks are trained to see pixels, and by what share of it the range of an input may be narrower: it
was measured on pictures that may have no white pixel, or no black one."""
_USUAL_GREY = (*_USUAL[:-1], (PictureOptions(mean=0.1307, std=0.3081), 0.03))
"""The last: torch's examples with MNIST."""
_CAFFE = PictureOptions("0..255", mean=(103.939, 116.779, 123.68), channels="bgr")
_WIDER = 0.02
"""By what share an input's range may be wider: it is rounded, so that zero is one of its values."""
_LARGEST = 300.0
"""Of what a network takes: pixels of 0 to 255, or with a mean subtracted."""
_UNITS: tuple[tuple[float, PixelRange], ...] = ((1.0, "0..255"), (255.0, "0..1"))

_METADATA_PROPS = 14
"""Of onnx.proto's ModelProto; an entry has the key as field 1 and the value as field 2."""
_NAMES_FILE = "names.yaml"
"""What messages call the labels inside of an ONNX file."""


@dataclass(frozen=True)
class Stated:
    """What a file says of its pixels and labels."""

    options: PictureOptions | None = None
    """As a user would say it; None where it says nothing."""
    by: str = ""
    """What of it says so: `its quantised input`."""
    takes_bytes: bool = False
    """It takes bytes without a scale of their own: the scaling is inside."""
    unclear: str = ""
    """What it says that cannot be taken for one of the usual ways."""
    ends: tuple[float, float] | None = None
    """Of the real values of an input of integers: it takes no others."""
    labels: bytes = b""
    """A label file, where the file has one inside."""
    label_file: str = ""
    """Its name."""
    is_calibrated: bool = False
    """Whether it has a score calibration, which is not applied."""

    def to_json(self) -> dict[str, Any]:
        """Returns values that JSON can hold."""
        return {**asdict(self), "labels": self.labels.decode("latin-1")}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Stated":
        """Reads what `to_json` returned, after it was written and read as JSON."""
        options = values["options"] and PictureOptions(**values["options"])
        ends = values["ends"] and tuple(values["ends"])
        labels = values["labels"].encode("latin-1")
        read: dict[str, Any] = {**values, "options": options, "ends": ends, "labels": labels}
        return cls(**read)


@dataclass(frozen=True)
class NetworkInput:
    """What a network takes for a picture."""

    channels: int
    """3, or 1."""
    is_float: bool
    quantised: Quantised | None = None
    """The scale of integers, where they have one."""


def network_input(facts: NetworkFacts) -> NetworkInput:
    """Returns what a network takes, from the facts of its file."""
    if not facts.inputs:
        return NetworkInput(0, is_float=True)
    takes = facts.inputs[0]
    quantised = None
    if takes.scale and takes.dtype in ("uint8", "int8"):
        quantised = Quantised(takes.scale, takes.zero_point or 0, takes.dtype)
    return NetworkInput(takes.channels, "float" in takes.dtype, quantised)


def with_stated(facts: NetworkFacts, content: bytes, format_: ModelFormat, name: str) -> NetworkFacts:
    """Returns the facts of a network with what its file says of pixels and labels."""
    said = stated(content, format_, network_input(facts), name)
    pixels = "bytes, scaled inside" if said.takes_bytes else said.options.text if said.options else ""
    by = f" ({said.by})" if pixels and said.by else ""
    return replace(facts, pixels=pixels + by, has_labels=bool(said.label_file))


def stated(content: bytes, format_: ModelFormat, takes: NetworkInput, name: str) -> Stated:
    """Returns what a file says of itself.

    Args:
        content: of the file, which an engine has opened.
        format_: of the file.
        takes: its input, as the engine says.
        name: what messages call the file.

    Raises:
        BadModel: damaged.
    """
    ends = takes.quantised.ends if takes.quantised else None
    if format_ is not ModelFormat.TFLITE:
        found = _by_input(takes) or of_start(onnx_start(read_onnx(content, name)), takes.channels)
        names = _onnx_names(content)
        return replace(found, ends=ends, labels=names, label_file=_NAMES_FILE if names else "")
    from .tflite_metadata import read_metadata  # noqa: PLC0415 - a device may have onnxruntime only

    try:
        metadata = read_metadata(content)
    except ValueError as error:
        return Stated(unclear=str(error), ends=ends)
    found = _by_metadata(metadata.mean, metadata.std, takes) if metadata.mean and metadata.std else None
    try:
        found = found or _by_input(takes) or of_start(tflite_start(content), takes.channels)
    except ValueError as error:
        raise BadModel(f"{name}: not a valid TFLite model: {error}; copy it again") from error
    return replace(
        found,
        ends=ends,
        labels=metadata.labels,
        label_file=metadata.label_file,
        is_calibrated=metadata.is_calibrated,
    )


def _onnx_names(content: bytes) -> bytes:
    """Returns what Ultralytics writes into an ONNX file, `{0: 'cat', 1: 'dog'}`, as a label file."""
    for number, entry in fields(content):
        if number == _METADATA_PROPS:
            parts = dict(fields(entry))
            if parts.get(1) == b"names" and parts.get(2, b"").startswith((b"{", b"[")):
                return b"names: " + parts[2]
    return b""


# An input of integers.


def _by_input(takes: NetworkInput) -> Stated | None:
    """What an input of integers says; None where it takes float numbers."""
    if takes.is_float:
        return None
    if takes.quantised is None:
        return Stated(takes_bytes=True)
    return of_quantised(takes.quantised, takes.channels, "its quantised input")


def of_quantised(quantised: Quantised, channels: int, by: str) -> Stated:
    """Returns what the range of a quantised tensor says of the pixels in it; `by` is what has the range."""
    low, high = quantised.ends
    fits: list[tuple[float, PictureOptions]] = []
    for options, tolerance in _USUAL if channels == 3 else _USUAL_GREY:
        off = narrower_by((low, high), options.ends)
        fits += [(off / tolerance, options)] if off <= tolerance else []
    if fits:
        return Stated(min(fits, key=lambda fit: fit[0])[1], by)
    is_caffe = channels == 3 and narrower_by((low, high), _CAFFE.ends) < 0.03
    hint = f"; Caffe's are like that: {_CAFFE.text}" if is_caffe else ""
    return Stated(unclear=f"{by} goes from {low:.4g} to {high:.4g}, none of the usual ranges{hint}")


def narrower_by(found: tuple[float, float], usual: tuple[float, float]) -> float:
    """By what share of a usual range another one is narrower at either end; infinity where it is wider."""
    width = usual[1] - usual[0]
    shares = (found[0] - usual[0]) / width, (usual[1] - found[1]) / width
    return max(map(abs, shares)) if min(shares) >= -_WIDER else float("inf")


# Standard TFLite metadata.


def _by_metadata(mean: tuple[float, ...], std: tuple[float, ...], takes: NetworkInput) -> Stated | None:
    """What (pixel - mean) / std says, which a quantised input has to agree with.

    Where integers go in unchanged, tools state a mean of 0 and a deviation of 1, whatever the tensor's own
    scale is: then that says it, and this is None.
    """
    said = f"its TFLite metadata says a mean of {_shown(mean)} and a deviation of {_shown(std)}"
    options = _options(mean, std, takes.channels)
    if options is None or max(map(abs, options.ends)) > _LARGEST:
        return Stated(unclear=f"{said}, not of pixels of 0..255")
    if takes.is_float:
        return Stated(options, "its TFLite metadata")
    if takes.quantised is None or {*mean, *std} == {0.0, 1.0}:
        return None
    low, high = takes.quantised.ends
    if narrower_by((low, high), options.ends) <= _USUAL[0][1]:
        return Stated(options, "its TFLite metadata")
    return Stated(unclear=f"{said}, but its quantised input goes from {low:.4g} to {high:.4g}")


def _options(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> PictureOptions | None:
    """(pixel - mean) / std of pixels of 0 to 255, as a user would say it; None where no user could."""
    if not all(len(numbers) in (1, channels) for numbers in (mean, std)) or not all(each > 0 for each in std):
        return None
    if len({*mean}) == len({*std}) == 1:
        scaling = 1 / std[0], -mean[0] / std[0]
        for usual, _ in _USUAL:
            if _are_equal(usual.scaling, scaling):
                return usual
    for unit, range_ in _UNITS:
        in_units = (tuple(each / unit for each in numbers) for numbers in (mean, std))
        shown = (numbers[0] if len({*numbers}) == 1 else numbers for numbers in in_units)
        with suppress(UsageError):
            return PictureOptions(range_, next(shown), next(shown))
    return None


def _are_equal(one: Any, other: tuple[float, float]) -> bool:
    return all(
        isinstance(each, float) and abs(each - wanted) <= 1e-5 * max(abs(wanted), 1e-2)
        for each, wanted in zip(one, other, strict=True)
    )


def _shown(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


# The first operators.


def of_start(start: Start, channels: int) -> Stated:
    """Returns what a network's first operators say of the pixels that it takes."""
    if start.has_arithmetic:
        likely = [options for options, _ in _USUAL[:3] if _is_usual(start, options, channels)]
        return Stated(likely[0], "its first operators") if len(likely) == 1 else Stated()
    if start.quantised:
        return of_quantised(start.quantised, channels, "its first step of quantisation")
    return Stated()


def _is_usual(start: Start, options: PictureOptions, channels: int) -> bool:
    """Whether pixels of a range become what networks are trained on: about -1 to 1, or 0 to 1."""
    low, high = options.ends
    count = max(len(start.factor), len(start.added))
    if count not in (1, channels):
        return False
    factors, added = (each * (count // len(each)) for each in (start.factor, start.added))
    for factor, more in zip(factors, added, strict=True):
        least, most = sorted((factor * low + more, factor * high + more))
        width = most - least
        is_centred = abs(least + most) / 2 <= 0.2 * width or abs(least) <= 0.02 * width
        if not (is_centred and 0.9 <= width <= 12):
            return False
    return True
