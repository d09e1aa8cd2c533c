"""Model card: one JSON document inside a model file, with everything that a device must know to use it."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

import numpy as np

from ..errors import BadData, BadModel
from ..images.rule import ImageRule
from ..schema import Base64, Length, Misfit, Range, checked, parse_json

SCHEMA_VERSION = 2
"""The newest that is read. It is raised when an older reader would misread a newer card, and written into
such cards only; new optional fields do not raise it."""
LARGEST_BYTES = 16_000_000
"""Of a card as JSON."""

# The annotations below are the schema of a card: what is read from a file, and what is written into one, is
# checked against them and by `_check`, and by nothing else.

Label = Annotated[str, Length(1, 1024)]
"""The name of a class: one line without control characters, as it is announced, printed and published."""
MOST_LABELS = 65_536
Labels = Annotated[tuple[Label, ...], Length(1, MOST_LABELS)]
Probability = Annotated[float, Range(0, 1.001)]
"""Rounding may add a little to 1."""
Picture = Annotated[str, Base64(8_000_000)]
Sha256 = Annotated[str, Length(0, 64)]
Count = Annotated[int, Range(0, 10**12)]
Scores = Literal["probabilities", "logits", "binary", "binary-logits", "independent"]
"""What a network returns. `probabilities`: one for each label, which sum to 1; `logits`: these before the
softmax. `binary`: one number for two labels, the probability of the second; `binary-logits`: this before the
sigmoid. `independent`: one probability for each label, whatever the others are, as of a network that may find
several things in a picture; the answer is the best of them."""
_Scale = Annotated[float, Range(1e-9, 1e9)]
_Offset = Annotated[float, Range(-1e9, 1e9)]
Scale = tuple[_Scale, _Scale, _Scale] | _Scale
Offset = tuple[_Offset, _Offset, _Offset] | _Offset
"""One number for all channels, or one for each, in the network's own order."""


MADE_ELSEWHERE = "made_elsewhere"
"""In the recipe of a file that was exported from a model made elsewhere: what the user said of its pictures,
see `PictureOptions.stated`. With it, `bench` runs that model again."""


@dataclass(frozen=True)
class Provenance:
    """Where the weights came from."""

    weights_sha256: Sha256 = ""
    """Of the `.h5` that this file was exported from; empty in the `.h5` itself."""
    data: str = ""
    """The data set's name, such as `cifar10` or the folder's; never a path."""
    data_sha256: Sha256 = ""
    recipe: Annotated[dict[str, Any], Length(0, 1000)] = field(default_factory=dict[str, Any])
    """The options of the training, as in report.json."""
    accuracy: Annotated[float, Range(0, 1)] | None = None
    """Top-1 of the Keras model on `split`, 0 to 1."""
    split: str = ""
    images: Count | None = None
    """Images in `split`; None in older cards, which do not say."""
    backbone: str = ""
    """The data that the weights were trained on before, such as `ImageNet`; empty: they began at random."""

    @property
    def is_adopted(self) -> bool:
        """Whether the file was made elsewhere, and `edgecls adopt` found how its pixels are prepared."""
        return "adopted_from" in self.recipe

    @property
    def seed(self) -> int:
        """The recipe's, which the split of the data depends on; 0 where it has none."""
        return checked(_Seeded, self.recipe).seed


@dataclass(frozen=True)
class _Seeded:
    """What is used of a recipe."""

    seed: Annotated[int, Range(0, 2**63 - 1)] = 0


@dataclass(frozen=True)
class Quantisation:
    """How the weights and activations were quantised to integers."""

    scheme: str
    calibration_images: Count
    calibration_sha256: Sha256
    """SHA-256 of the calibration images' pixels, in order: proves later which images were used."""
    calibration_prints: Annotated[str, Base64(LARGEST_BYTES)] = ""
    """`pack_fingerprints` of the calibration images, so that `bench` can refuse to score on them."""
    ranges: str = ""
    """Method that took the ranges of activations from them: `min-max`, `percentile` or `entropy`."""
    float_layers: Annotated[tuple[str, ...], Length(0, 10_000)] = ()
    """Layers that stayed in float32, by their Keras names, the most sensitive first."""


@dataclass(frozen=True)
class GoldenFrame:
    """Golden frame: a picture with the probabilities that this file gave when it was exported."""

    picture: Picture
    """A PNG as base64, larger than the network's input, so that crop and resize are replayed too."""
    input_sketch: Annotated[tuple[Annotated[int, Range(-(2**53), 2**53)], ...], Length(1, 1024)]
    """`golden.sketch` of the network's input, from which the distance to another input can be estimated."""
    label: Label
    probabilities: tuple[Probability, ...]


@dataclass(frozen=True)
class DemoPicture:
    """Demo picture: what `camera --source demo` shows, and what a healthy file announces for it."""

    picture: Picture
    """A WebP as base64, with the surroundings of what the network sees."""
    label: Label


@dataclass(frozen=True)
class ModelCard:
    """Model card: what a device must know of a model to use it as it was trained."""

    labels: Labels
    image: ImageRule
    scale: Scale = 1 / 255
    """In training the network saw pixel * scale + offset. In exported files the graph does this itself."""
    offset: Offset = 0.0
    io: Literal["uint8", "int8", "float32", "float16"] = "uint8"
    """Type of the file's input. An `.h5` takes float32, already scaled."""
    scores: Scores = "probabilities"
    """What the file returns; an engine makes probabilities of it."""
    output: Annotated[str, Length(0, 1024)] = ""
    """The output that is read, by its name; empty where the network has one only."""
    provenance: Provenance = field(default_factory=Provenance)
    quantisation: Quantisation | None = None
    threshold: Annotated[float, Range(0, 1)] = 0.0
    """Calibrated probability, 0 to 1, below which the answer is "unknown"."""
    threshold_note: str = ""
    """How the threshold was chosen, where it was not fitted on validation images."""
    temperature: Annotated[float, Range(0.001, 1000)] = 1.0
    """Calibrates the probabilities: p^(1/T), normalised. 1 leaves them as they are."""
    golden: Annotated[tuple[GoldenFrame, ...], Length(0, 64)] = ()
    """Replayed by `edgecls verify`."""
    demo: Annotated[tuple[DemoPicture, ...], Length(0, 256)] = ()
    """Pictures of different classes; in a small file there is no room for any, see `golden.py`."""
    background: Label | None = None
    """The label of pictures without any of the other classes: if it is the best, the answer is "unknown"."""
    familiarity: bool = False
    """Whether the probabilities of a picture add up to its familiarity, 0 to 1, in place of 1: how much it is
    like the training pictures. What was never seen in training gets low probabilities for all labels."""

    @property
    def one_scaling(self) -> tuple[float, float]:
        """(scale, offset) of all channels.

        In what is exported they are alike: where a network made elsewhere wants another scale for each
        channel, a layer that export adds does that.

        Raises:
            ValueError: they differ.
        """
        if isinstance(self.scale, tuple) or isinstance(self.offset, tuple):
            raise ValueError("each channel has a scale of its own")
        return self.scale, self.offset

    def to_json(self) -> str:
        """Returns the card as JSON text, the same for the same card, which `from_json` accepts.

        Raises:
            BadData: it would not, such as a label with a control character.
        """
        values: dict[str, Any] = {"schema": _schema(self), **asdict(self)}
        for name in _LATER_IMAGE_FIELDS:
            if values["image"][name] == _DEFAULT_IMAGE[name]:
                del values["image"][name]
        if not self.output:
            del values["output"]
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        try:
            _read(text, "")
        except ValueError as error:
            raise BadData(f"the model's card cannot be written: {error}; name the classes anew") from error
        return text

    @classmethod
    def from_json(cls, text: str | bytes, name: str) -> "ModelCard":
        """Reads a card. Unknown fields are ignored, so that older readers accept newer cards.

        Raises:
            BadModel: not a card, or of a newer schema; `name` is what the message calls the file.
        """
        try:
            return _read(text, name)
        except ValueError as error:
            raise BadModel(f"{name}: its model card cannot be read: {error}; export it again") from error


_LATER_IMAGE_FIELDS = ("channels", "resize_to_px")
"""Left out of a card where they say nothing new, so that it has the bytes that it always had."""
_DEFAULT_IMAGE = asdict(ImageRule(1, 1))


def _schema(card: ModelCard) -> int:
    """The oldest schema whose readers understand the card."""
    image = asdict(card.image)
    is_plain = (
        card.scores in ("probabilities", "logits")
        and card.io != "float16"
        and not card.output
        and all(image[name] == _DEFAULT_IMAGE[name] for name in _LATER_IMAGE_FIELDS)
        and not isinstance(card.scale, tuple)
        and not isinstance(card.offset, tuple)
    )
    return 1 if is_plain else 2


def label_fault(label: str) -> str:
    """Returns why a text cannot be the name of a class; empty where it can."""
    try:
        checked(Label, label)
    except ValueError as error:
        return str(error)
    return ""


def check_labels(labels: Iterable[str]) -> None:
    """Checks the labels of a model by the schema of its card.

    Raises:
        ValueError: one of them cannot be a label, two are equal, or there are none or too many.
    """
    try:
        names: tuple[str, ...] = checked(Labels, list(labels))
    except Misfit as error:
        raise error.inside(".labels") from None
    _refuse_equal(names)


def _refuse_equal(labels: tuple[str, ...]) -> None:
    first: dict[str, int] = {}
    for at, label in enumerate(labels):
        if first.setdefault(label, at) != at:
            raise ValueError(f"labels {first[label] + 1} and {at + 1} are both {label}")


def _read(text: str | bytes, name: str) -> ModelCard:
    """Reads a card, and refuses what would crash later, mislead, or be an escape sequence on a terminal.

    Raises:
        BadModel: it has a newer schema.
        ValueError: it is no card.
    """
    if len(text) > LARGEST_BYTES:
        raise ValueError(f"it has {len(text):,} bytes, the limit is {LARGEST_BYTES:,}")
    values = parse_json(text)
    schema = checked(_Versioned, values).schema
    if schema > SCHEMA_VERSION:
        raise BadModel(
            f"{name}: its model card has schema {schema}, this edgecls reads up to {SCHEMA_VERSION}; "
            "upgrade with `pip install -U edgecls`"
        )
    card = checked(ModelCard, values)
    _check(card)
    return card


@dataclass(frozen=True)
class _Versioned:
    """The number that every card has."""

    schema: Annotated[int, Range(1, 1_000_000)]


def _check(card: ModelCard) -> None:
    """Refuses fields that contradict each other.

    Raises:
        ValueError: they do.
    """
    _refuse_equal(card.labels)
    image = card.image
    if image.resize_to_px and (
        image.crop == "stretch" or image.resize_to_px < max(image.height_px, image.width_px)
    ):
        raise ValueError(f"its picture is resized to {image.resize_to_px} px before a crop that does not fit")
    if image.channels == "grey" and any(isinstance(value, tuple) for value in (card.scale, card.offset)):
        raise ValueError("its picture is grey, and has a scale for each of three channels")
    if card.background is not None and card.background not in card.labels:
        raise ValueError("its background is not one of its labels")
    if any(picture.label not in card.labels for picture in card.demo):
        raise ValueError("a demo picture is of none of its labels")
    for index, frame in enumerate(card.golden, 1):
        if len(frame.probabilities) != len(card.labels):
            raise ValueError(
                f"golden frame {index} has {len(frame.probabilities)} probabilities for "
                f"{len(card.labels)} labels"
            )
    if card.scores.startswith("binary") and len(card.labels) != 2:
        raise ValueError(f"its network gives one score for two labels, and it has {len(card.labels)}")
    if card.scores == "independent" and (card.temperature != 1 or card.familiarity):
        raise ValueError(
            "its scores are independent, and neither temperature nor familiarity applies to them"
        )
    _ = card.provenance.seed
    if card.quantisation:
        unpack_fingerprints(card.quantisation.calibration_prints)


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
    if len(content) % _FINGERPRINT_BYTES:
        raise ValueError("the fingerprints of its calibration images are cut short")
    starts = range(0, len(content), _FINGERPRINT_BYTES)
    return frozenset(content[start : start + _FINGERPRINT_BYTES] for start in starts)
