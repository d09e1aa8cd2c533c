"""Facts of a model file, as text for people and as JSON for programs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from ..images.rule import ImageRule
from ..models.builtin import shown_path
from ..models.card import ModelCard, Quantisation
from ..models.signature import Standing
from ..text import numbers_text, printable

_SHOWN_LABELS = 20

Shape = tuple[int | None, ...]
"""None stands for a size that is chosen at run time, such as that of the batch."""


@dataclass(frozen=True)
class TensorFacts:
    """One input or output of a network."""

    name: str
    dtype: str
    """numpy's name: `uint8`, `float32`."""
    shape: Shape | None
    """None if the file does not say."""
    scale: float | None = None
    """Of a quantised tensor: real = (value - zero_point) * scale."""
    zero_point: int | None = None

    @property
    def channels(self) -> int:
        """Of a picture that it holds: 3, or 1 if it is grey; 0 where it holds none."""
        shape = self.shape or ()
        if len(shape) != 4:
            return 0
        return next((count for count in (shape[3], shape[1]) if count in (1, 3)), 0)

    @property
    def has_any_size(self) -> bool:
        """Whether the height or width of a picture that it holds is chosen at run time."""
        return self.channels > 0 and (self.shape or ()).count(None) > ((self.shape or (1,))[0] is None)

    @property
    def is_row(self) -> bool:
        """Whether it holds one row of numbers for a picture, or may, as sizes are chosen at run time."""
        sizes = [size for size in (self.shape or ())[1:] if size not in (None, 1)]
        return (
            self.shape is not None and len(sizes) <= 1 and self.dtype.startswith(("float", "uint8", "int8"))
        )

    @property
    def text(self) -> str:
        """The tensor in one line."""
        sizes = "?" if self.shape is None else ", ".join("?" if n is None else str(n) for n in self.shape)
        quantised = "" if self.scale is None else f", scale {self.scale:.7g}, zero point {self.zero_point}"
        return f"{self.name}: {self.dtype} [{sizes}]{quantised}"


@dataclass(frozen=True)
class OperatorFacts:
    """An operator or Keras layer, and how often the network uses it."""

    name: str
    count: int


@dataclass(frozen=True)
class NetworkFacts:
    """Facts that a format's reader finds in a file."""

    made_with: str
    """The versions that the file states, such as `IR 8, opset 15, tf2onnx 1.17.0`."""
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    operators: tuple[OperatorFacts, ...]
    """In the order of their first use."""
    parameters: int
    """Numbers in weights and biases, without the scales and zero points of quantised tensors."""
    macs: int | None
    """Multiply-accumulates of convolutions and matrix products for one picture; None if unknown."""
    macs_unknown: str = ""
    """Why `macs` is unknown."""
    ends_in: tuple[str, ...] = ()
    """The operator that computes each output, without those that pass on values in another shape or type;
    empty for an output that none computes."""
    tensor_bytes: int | None = None
    """Of all tensors for one picture, without weights: an engine needs less at a time. None where sizes are
    chosen at run time."""

    pixels: str = ""
    """How it wants its pixels scaled, as its file says, in options; empty where it does not."""
    has_labels: bool = False
    """Whether its labels are in the file."""
    refused: str = ""
    """Why a Keras file may not be built; empty where it may."""

    @property
    def unfit(self) -> str:
        """Why edgecls cannot run it as a classifier, as far as its ends show; empty where it can."""
        if self.refused or len(self.inputs) != 1:
            return (
                self.refused or f"it takes {len(self.inputs)} inputs; use a network that takes pictures alone"
            )
        (takes,) = self.inputs
        if not takes.channels:
            return f"it takes {takes.text}, and no picture [1, H, W, 3]; use a network for pictures"
        if takes.shape and takes.shape[0] not in (None, 1):
            return f"it takes {takes.shape[0]} pictures at once; export it for a batch of 1"
        if takes.dtype not in ("uint8", "int8", "float32", "float16"):
            return f"it takes {takes.dtype}; use one that takes uint8, int8, float32 or float16"
        if not any(output.is_row for output in self.outputs):
            return "none of its outputs is a row of scores; use a classifier"
        return ""

    def to_json(self) -> dict[str, Any]:
        """Returns values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "NetworkFacts":
        """Reads what `to_json` returned, after it was written and read as JSON."""
        values["ends_in"] = tuple(values["ends_in"])
        values["operators"] = tuple(OperatorFacts(**operator) for operator in values["operators"])
        for end in ("inputs", "outputs"):
            values[end] = tuple(_tensor(tensor) for tensor in values[end])
        return cls(**values)


_SIGNATURES: dict[Standing, str] = {
    "none": "none",
    "unchecked": "not checked: needs PyNaCl; run `pip install pynacl`",
    "wrong": "wrong: the file was changed since, or somebody else wrote this key into it",
    "of another key": "holds; the key is not among the trusted ones",
    "trusted": "holds, and the key is trusted",
}


@dataclass(frozen=True)
class ModelFacts:
    """All facts of a file, as `edgecls inspect` shows them."""

    file: str
    format: str
    size_bytes: int
    sha256: str
    """Of the whole file, in hexadecimal."""
    seal: Literal["holds", "none"]
    """`holds` if edgecls wrote every byte of the file; a broken seal is an error."""
    network: NetworkFacts
    card: ModelCard | None
    signed_by: str | None = None
    """The public key that the file claims to be signed by; `signature` says whether it is."""
    signature: Standing = "none"

    @property
    def unfit(self) -> str:
        """Why no command takes it as a classifier; empty where one does.

        A Keras file is built anew: the types and the batch that it was saved with do not count.
        """
        if self.format in ("tflite", "onnx"):
            return self.network.unfit
        inputs, outputs = (
            tuple(replace(end, dtype="float32", shape=end.shape and (None, *end.shape[1:])) for end in ends)
            for ends in (self.network.inputs, self.network.outputs)
        )
        return replace(self.network, inputs=inputs, outputs=outputs).unfit

    def to_json(self) -> str:
        """Returns the facts as one JSON object."""
        values = asdict(self)
        return json.dumps(values | values.pop("network"), ensure_ascii=False)

    @property
    def text(self) -> str:
        """The facts as lines of a name and a value."""
        rows = [*self._file_rows(), *_network_rows(self.network), *_card_rows(self.card, self.network)]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {printable(value)}".rstrip() for name, value in rows)

    def _file_rows(self) -> list[tuple[str, str]]:
        seal = {"holds": "intact; it says nothing of who made the file", "none": "none, not made by edgecls"}
        return [
            ("file", shown_path(Path(self.file))),
            ("format", f"{self.format} ({self.network.made_with})"),
            ("size", f"{self.size_bytes:,} bytes"),
            ("sha256", self.sha256),
            ("seal", seal[self.seal]),
            *([("signed by", self.signed_by)] if self.signed_by else []),
            *([("signature", _SIGNATURES[self.signature])] if self.signed_by else []),
        ]


def _network_rows(network: NetworkFacts) -> list[tuple[str, str]]:
    ends = [("input", tensor) for tensor in network.inputs] + [("output", t) for t in network.outputs]
    macs = f"- ({network.macs_unknown})" if network.macs is None else f"{network.macs:,}"
    return [
        *((end, tensor.text) for end, tensor in ends),
        ("operators", ", ".join(f"{op.count} {op.name}" for op in network.operators)),
        ("parameters", f"{network.parameters:,}"),
        ("multiply-accumulates", macs),
        *([("tensors", f"{network.tensor_bytes:,} bytes")] if network.tensor_bytes else []),
    ]


def _card_rows(card: ModelCard | None, network: NetworkFacts) -> list[tuple[str, str]]:
    if card is None:
        return [("card", "none"), *([("pixels", network.pixels)] if network.pixels else [])]
    rule, source, quantised = card.image, card.provenance, card.quantisation
    return [
        ("card", f"{len(card.labels):,} labels: {_labels_text(card.labels)}"),
        ("  picture", f"{rule.width_px}x{rule.height_px} px, {_crop_text(rule)}, {rule.interpolation}"),
        *([("  channels", rule.channels)] if rule.channels != "rgb" else []),
        ("  transparency", "ignored" if rule.transparent == "ignored" else "on white"),
        ("  16-bit pictures", f"{2**rule.bits - 1:,} is white"),
        ("  scaling", f"pixel * {numbers_text(card.scale, '.7g')} + {numbers_text(card.offset)}"),
        ("  input type", card.io),
        ("  output", card.scores),
        ("  trained on", f"{source.data or '-'}, digest {source.data_sha256[:12] or '-'}"),
        *([("  backbone", f"trained on {source.backbone}")] if source.backbone else []),
        ("  recipe", ", ".join(_recipe_texts(source.recipe)) or "-"),
        ("  accuracy", "-" if source.accuracy is None else f"{source.accuracy:.2%} on {source.split}"),
        ("  weights from", f".h5 {source.weights_sha256[:12]}" if source.weights_sha256 else "this file"),
        ("  quantised", _quantisation_text(quantised) if quantised else "no"),
        ("  unknown below", _threshold_text(card)),
        *([("  background", f"{card.background} (counts as unknown)")] if card.background else []),
        *(
            [("  never seen", "gets low probabilities: they add up to familiarity")]
            if card.familiarity
            else []
        ),
        ("  golden frames", str(len(card.golden))),
        *([("  demo pictures", demo_classes(card))] if card.demo else []),
    ]


def _crop_text(rule: ImageRule) -> str:
    before = f" after a resize to {rule.resize_to_px} px" if rule.resize_to_px else ""
    return f"crop {rule.crop}{before}"


def _labels_text(labels: tuple[str, ...]) -> str:
    more = len(labels) - _SHOWN_LABELS
    shown = ", ".join(labels[:_SHOWN_LABELS])
    return f"{shown} and {more:,} more; --json has all" if more > 0 else shown


def _threshold_text(card: ModelCard) -> str:
    note = f" ({card.threshold_note})" if card.threshold_note else ""
    return f"{card.threshold:g} at temperature {card.temperature:g}{note}"


def _recipe_texts(recipe: Mapping[str, Any]) -> Iterator[str]:
    """What was chosen, each with its name: what is empty says nothing about the training."""
    for name, value in recipe.items():
        text = "+".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
        if text and value is not None:
            yield f"{name} {text}"


def _quantisation_text(quantised: Quantisation) -> str:
    parts = [quantised.scheme]
    if quantised.ranges:
        parts.append(f"{quantised.ranges} ranges")
    if quantised.float_layers:
        parts.append(f"{' and '.join(quantised.float_layers)} in float")
    if quantised.calibration_images:
        digest = quantised.calibration_sha256[:12]
        parts.append(f"calibrated on {quantised.calibration_images} images, digest {digest}")
    return ", ".join(parts)


def _tensor(values: dict[str, Any]) -> TensorFacts:
    shape = values.pop("shape")
    return TensorFacts(shape=None if shape is None else tuple(shape), **values)


_NAMED = 5


def demo_classes(card: ModelCard) -> str:
    """Returns the classes that have a demo picture, and those that have none, in words.

    The background is not missing: it has nothing to announce.
    """
    shown = [picture.label for picture in card.demo]
    missing = [label for label in card.labels if label not in shown and label != card.background]
    if not missing:
        return ", ".join(shown)
    names = ", ".join(missing) if len(missing) <= _NAMED else f"{len(missing):,} other classes"
    return f"{', '.join(shown)}; none of {names}"
