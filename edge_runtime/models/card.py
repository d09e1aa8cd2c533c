"""The model card: one JSON document inside the model file with everything that a device must know."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any, Literal

import numpy as np

from ..errors import BadModel
from ..images.rule import ImageRule
from ..text import printable

# Short fingerprints of images, for the card: whether an image was used can be told without keeping it.

_BYTES = 5
"""Of each, so 2.5 kB for 512 images. That one of 10,000 other images seems to be among them by chance happens
once in 200,000 times."""


def fingerprint(image: np.ndarray) -> bytes:
    """The fingerprint of a uint8 (H, W, 3) image: BLAKE2b of its pixels, cut."""
    return hashlib.blake2b(image.tobytes(), digest_size=_BYTES).digest()


def pack_fingerprints(images: Iterable[np.ndarray]) -> str:
    """The fingerprints of uint8 (H, W, 3) images as base64 for JSON, sorted: their order tells nothing."""
    return base64.b64encode(b"".join(sorted(map(fingerprint, images)))).decode()


def unpack_fingerprints(text: str) -> frozenset[bytes]:
    """Reads `pack_fingerprints`.

    Raises:
        ValueError: it is something else.
    """
    content = base64.b64decode(text, validate=True)
    return frozenset(content[place : place + _BYTES] for place in range(0, len(content), _BYTES))


SCHEMA_VERSION = 1
"""Raised when an older reader would misread a newer card; new optional fields do not raise it."""


@dataclass(frozen=True)
class Provenance:
    """Where the weights came from."""

    weights_sha256: str = ""
    """Of the `.h5` that this file was exported from; empty in the `.h5` itself."""
    data: str = ""
    """The data set's name, such as `cifar10` or the folder's; never a path."""
    data_sha256: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The options of the training, as report.json has them."""
    accuracy: float | None = None
    """Top-1 of the Keras model on `split`, 0 to 1."""
    split: str = ""
    images: int | None = None
    """Of `split`; None in a card from before it was written down."""


@dataclass(frozen=True)
class Quantisation:
    """How the weights and activations became integers."""

    scheme: str
    calibration_images: int
    calibration_sha256: str
    """Over the calibration images' pixels, in order: proves later which images were used."""
    calibration_prints: str = ""
    """`pack_fingerprints` of each of them, so that `bench` can refuse to score on them."""
    ranges: str = ""
    """How the ranges of activations were taken from those images: `min-max`, `percentile` or `entropy`."""
    float_layers: tuple[str, ...] = ()
    """Layers that stayed in float, by their Keras names, the most sensitive one first."""


@dataclass(frozen=True)
class GoldenFrame:
    """A picture with the answer that this file gave when it was exported."""

    picture: str
    """A PNG, base64: larger than the network's input, so that crop and resize are replayed too."""
    input_sketch: tuple[int, ...]
    """Of the network's input made from it, by `golden.sketch`: tells how far another input is from it."""
    label: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class ModelCard:
    """What a device must know of a model to use it as it was trained."""

    labels: tuple[str, ...]
    image: ImageRule
    scale: float = 1 / 255
    """The network saw pixel * scale + offset in training. In exported files the graph does this itself."""
    offset: float = 0.0
    io: Literal["uint8", "int8", "float32"] = "uint8"
    """What the file takes. An `.h5` takes float32, already scaled."""
    scores: Literal["probabilities", "logits"] = "probabilities"
    """What the file gives; a foreign file may lack the softmax."""
    provenance: Provenance = field(default_factory=Provenance)
    quantisation: Quantisation | None = None
    threshold: float = 0.0
    """Below this probability the answer is "unknown"."""
    temperature: float = 1.0
    golden: tuple[GoldenFrame, ...] = ()
    """For `edgecls verify`."""
    background: str | None = None
    """The label that means none of the others: when it is the best, the answer is "unknown"."""

    def to_json(self) -> str:
        """The card as JSON text, the same bytes for the same card."""
        values = {"schema": SCHEMA_VERSION, **asdict(self)}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes, name: str) -> "ModelCard":
        """Reads a card; unknown fields are passed over, so that old readers take newer cards.

        Raises:
            BadModel: not a card, or of a newer schema; `name` is the file's in the message.
        """
        try:
            values = json.loads(text)
            schema = values.pop("schema")
            if schema > SCHEMA_VERSION:
                raise BadModel(
                    f"{name}: its card has schema {schema}, this edgecls reads up to {SCHEMA_VERSION}; "
                    "upgrade with `pip install -U edgecls`"
                )
            values["labels"] = tuple(values["labels"])
            values["image"] = _known(ImageRule, values["image"])
            values["provenance"] = _known(Provenance, values["provenance"])
            if values.get("quantisation"):
                values["quantisation"] = _quantisation(values["quantisation"])
            values["golden"] = tuple(_golden(frame) for frame in values.get("golden", ()))
            card = _known(cls, values)
            _check(card)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadModel(f"{name}: its model card cannot be read: {error}; export it again") from error
        return card


def _check(card: ModelCard) -> None:
    """Refuses what would crash later, or be printed on a terminal and run there.

    Raises:
        ValueError, TypeError: a value makes no sense.
    """
    if not card.labels or any(not label or label != printable(label) for label in card.labels):
        raise ValueError("a label is empty or holds control characters")
    if card.background is not None and card.background not in card.labels:
        raise ValueError("its background is none of its labels")
    if card.image.height_px < 1 or card.image.width_px < 1:
        raise ValueError(f"an input of {card.image.height_px}x{card.image.width_px} px")
    if not 0 <= card.threshold <= 1 or not 0 < card.temperature < inf:
        raise ValueError(f"threshold {card.threshold}, temperature {card.temperature}")
    if card.quantisation:
        unpack_fingerprints(card.quantisation.calibration_prints)


def _quantisation(values: dict[str, Any]) -> Quantisation:
    return _known(Quantisation, {**values, "float_layers": tuple(values.get("float_layers", ()))})


def _golden(values: dict[str, Any]) -> GoldenFrame:
    return _known(
        GoldenFrame, {**values, **{key: tuple(values[key]) for key in ("input_sketch", "probabilities")}}
    )


def _known(kind: Any, values: dict[str, Any]) -> Any:
    return kind(**{key: value for key, value in values.items() if key in kind.__dataclass_fields__})
