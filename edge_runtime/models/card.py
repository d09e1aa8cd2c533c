"""Model card: one JSON document inside a model file, with everything that a device must know to use it."""

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
from ..text import is_control

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
    recipe: dict[str, Any] = field(default_factory=dict[str, Any])
    """The options of the training, as in report.json."""
    accuracy: float | None = None
    """Top-1 of the Keras model on `split`, 0 to 1."""
    split: str = ""
    images: int | None = None
    """Images in `split`; None in older cards, which do not say."""
    backbone: str = ""
    """The data that the weights were trained on before, such as `ImageNet`; empty: they began at random."""


@dataclass(frozen=True)
class Quantisation:
    """How the weights and activations were quantised to integers."""

    scheme: str
    calibration_images: int
    calibration_sha256: str
    """SHA-256 of the calibration images' pixels, in order: proves later which images were used."""
    calibration_prints: str = ""
    """`pack_fingerprints` of the calibration images, so that `bench` can refuse to score on them."""
    ranges: str = ""
    """Method that took the ranges of activations from them: `min-max`, `percentile` or `entropy`."""
    float_layers: tuple[str, ...] = ()
    """Layers that stayed in float32, by their Keras names, the most sensitive first."""


@dataclass(frozen=True)
class GoldenFrame:
    """Golden frame: a picture with the probabilities that this file gave when it was exported."""

    picture: str
    """A PNG as base64, larger than the network's input, so that crop and resize are replayed too."""
    input_sketch: tuple[int, ...]
    """`golden.sketch` of the network's input, from which the distance to another input can be estimated."""
    label: str
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class DemoPicture:
    """Demo picture: what `camera --source demo` shows, and what a healthy file announces for it."""

    picture: str
    """A WebP as base64, with the surroundings of what the network sees."""
    label: str


@dataclass(frozen=True)
class ModelCard:
    """Model card: what a device must know of a model to use it as it was trained."""

    labels: tuple[str, ...]
    image: ImageRule
    scale: float = 1 / 255
    """In training the network saw pixel * scale + offset. In exported files the graph does this itself."""
    offset: float = 0.0
    io: Literal["uint8", "int8", "float32"] = "uint8"
    """Type of the file's input. An `.h5` takes float32, already scaled."""
    scores: Literal["probabilities", "logits"] = "probabilities"
    """What the file returns; a foreign file may lack the softmax."""
    provenance: Provenance = field(default_factory=Provenance)
    quantisation: Quantisation | None = None
    threshold: float = 0.0
    """Calibrated probability, 0 to 1, below which the answer is "unknown"."""
    threshold_note: str = ""
    """How the threshold was chosen, where it was not fitted on validation images."""
    temperature: float = 1.0
    """Calibrates the probabilities: p^(1/T), normalised. 1 leaves them as they are."""
    golden: tuple[GoldenFrame, ...] = ()
    """Replayed by `edgecls verify`."""
    demo: tuple[DemoPicture, ...] = ()
    """Pictures of different classes; in a small file there is no room for any, see `golden.py`."""
    background: str | None = None
    """The label of pictures without any of the other classes: if it is the best, the answer is "unknown"."""
    familiarity: bool = False
    """Whether the probabilities of a picture add up to its familiarity, 0 to 1, in place of 1: how much it is
    like the training pictures. What was never seen in training gets low probabilities for all labels."""

    def to_json(self) -> str:
        """Returns the card as JSON text, the same for the same card."""
        values = {"schema": SCHEMA_VERSION, **asdict(self)}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes, name: str) -> "ModelCard":
        """Reads a card. Unknown fields are ignored, so that older readers accept newer cards.

        Raises:
            BadModel: not a card, or of a newer schema; `name` is what the message calls the file.
        """
        try:
            values = json.loads(text)
            schema = values.pop("schema")
            if schema > SCHEMA_VERSION:
                raise BadModel(
                    f"{name}: its model card has schema {schema}, this edgecls reads up to {SCHEMA_VERSION}; "
                    "upgrade with `pip install -U edgecls`"
                )
            values["labels"] = tuple(values["labels"])
            values["image"] = _known(ImageRule, values["image"])
            values["provenance"] = _known(Provenance, values["provenance"])
            if values.get("quantisation"):
                values["quantisation"] = _read_quantisation(values["quantisation"])
            values["golden"] = tuple(_read_golden(frame) for frame in values.get("golden", ()))
            values["demo"] = tuple(_known(DemoPicture, picture) for picture in values.get("demo", ()))
            card = _known(cls, values)
            _check(card)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadModel(f"{name}: its model card cannot be read: {error}; export it again") from error
        return card


def _check(card: ModelCard) -> None:
    """Refuses values that would crash later, or that would be escape sequences on a terminal.

    Raises:
        ValueError, TypeError: a value is out of range or of the wrong type.
    """
    if not card.labels or any(not label or any(map(is_control, label)) for label in card.labels):
        raise ValueError("a label is empty or holds control characters")
    if card.background is not None and card.background not in card.labels:
        raise ValueError("its background is not one of its labels")
    if any(picture.label not in card.labels for picture in card.demo):
        raise ValueError("a demo picture is of none of its labels")
    if card.image.height_px < 1 or card.image.width_px < 1:
        raise ValueError(f"an input of {card.image.height_px}x{card.image.width_px} px")
    if card.image.transparent not in ("ignored", "white") or not 8 <= card.image.bits <= 16:
        raise ValueError(f"transparent pixels {card.image.transparent}, {card.image.bits} bits")
    if card.image.decode not in ("whole", "reduced"):
        raise ValueError(f"pictures decoded {card.image.decode}")
    if not 0 <= card.threshold <= 1 or not 0 < card.temperature < inf:
        raise ValueError(f"threshold {card.threshold}, temperature {card.temperature}")
    if card.quantisation:
        unpack_fingerprints(card.quantisation.calibration_prints)


def _read_quantisation(values: dict[str, Any]) -> Quantisation:
    return _known(Quantisation, {**values, "float_layers": tuple(values.get("float_layers", ()))})


def _read_golden(values: dict[str, Any]) -> GoldenFrame:
    return _known(
        GoldenFrame, {**values, **{key: tuple(values[key]) for key in ("input_sketch", "probabilities")}}
    )


def _known(kind: Any, values: dict[str, Any]) -> Any:
    """Makes a dataclass of the fields that it knows."""
    return kind(**{key: value for key, value in values.items() if key in kind.__dataclass_fields__})


# Fingerprints of images: enough to find out whether an image was used for calibration, without keeping it.

_FINGERPRINT_BYTES = 5
"""2.5 kB for 512 images. The chance that one of 10,000 other images matches one of them is 1 in 200,000."""


def fingerprint(image: np.ndarray) -> bytes:
    """Returns the fingerprint of a uint8 (H, W, 3) image: a short BLAKE2b of its pixels."""
    return hashlib.blake2b(image.tobytes(), digest_size=_FINGERPRINT_BYTES).digest()


def pack_fingerprints(images: Iterable[np.ndarray]) -> str:
    """Returns the fingerprints of uint8 (H, W, 3) images as base64, sorted to hide their order."""
    return base64.b64encode(b"".join(sorted(map(fingerprint, images)))).decode()


def unpack_fingerprints(text: str) -> frozenset[bytes]:
    """Reads what `pack_fingerprints` wrote.

    Raises:
        ValueError: it is something else.
    """
    content = base64.b64decode(text, validate=True)
    starts = range(0, len(content), _FINGERPRINT_BYTES)
    return frozenset(content[start : start + _FINGERPRINT_BYTES] for start in starts)
