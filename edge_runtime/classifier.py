"""Classifier: an exported model that is ready to classify, with its engine, card and preprocessing."""

import heapq
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, Protocol, cast

import numpy as np

from .engines.engine import Engine
from .engines.names import EngineName
from .engines.open import open_engine
from .errors import BadImage, InvalidOutput, MissingInput, UsageError
from .files import PICTURE_BYTES, read_whole
from .images.prepare import prepare, prepare_file, prepare_jpeg
from .images.rule import ImageRule, PixelRange
from .images.transparency import lay_on_white
from .models.builtin import SMALLEST, builtin_name, knows
from .models.card import ModelCard
from .models.find import builtin_model, choose_model, smallest_builtin_model
from .models.foreign import read_foreign, read_labels
from .models.model_file import ModelFile


class PilImage(Protocol):
    """`PIL.Image.Image`, on which edgecls does not depend."""

    def convert(self, mode: str, /) -> Any:
        """See `PIL.Image.Image.convert`."""
        ...


Picture = str | os.PathLike[str] | bytes | np.ndarray | PilImage
"""What `Classifier.classify` takes."""

_COPIED_TOGETHER_S = 10
"""Files that were copied have the times of the copy, in any order."""


class Prediction:
    """The best labels of one picture: a value that does not change, equal to another that says the same.

    One that `rank` made works out each thing that it says when it is first asked: a small network is done in
    less time than a ranking takes that perhaps nobody reads.
    """

    def __init__(self, ranking: tuple[tuple[str, float], ...], label: str | None) -> None:
        self.__dict__.update(ranking=ranking, label=label)  # where cached_property looks first

    @cached_property
    def ranking(self) -> tuple[tuple[str, float], ...]:
        """(label, probability 0 to 1), best first."""
        _, labels, _, top, *_ = self.__dict__["_raw"]
        values = self._calibrated
        return tuple(
            (labels[index], values[index])
            for index in heapq.nlargest(top, range(len(values)), key=values.__getitem__)
        )

    @cached_property
    def label(self) -> str | None:
        """The best label; None, "unknown", when that is the background or too improbable."""
        _, labels, threshold, _, _, background, _ = self.__dict__["_raw"]
        best = max(self._calibrated)
        label = labels[self._calibrated.index(best)]
        return label if best >= threshold and label != background else None

    @cached_property
    def probabilities(self) -> np.ndarray:
        """float32 (C,), calibrated, in the order of the labels; only where `rank` made the prediction."""
        return np.array(self._calibrated, np.float32)

    @property
    def confidence(self) -> float:
        """The probability of the best label, whether announced or not."""
        return self.ranking[0][1]

    @property
    def text(self) -> str:
        """The label, or `unknown`."""
        return self.label or "unknown"

    @property
    def familiarity(self) -> float | None:
        """How much the picture is like the training pictures, 0 to 1; None where the model does not say."""
        probabilities, *_, has_familiarity = self.__dict__.get("_raw", (None, False))
        return min(1.0, sum(probabilities.tolist())) if has_familiarity else None

    @property
    def is_never_seen(self) -> bool:
        """Whether the answer is "unknown" only because the picture is unlike the training pictures."""
        if self.label is not None or not self.familiarity:
            return False
        _, labels, threshold, _, _, background, _ = self.__dict__["_raw"]
        best = max(self._calibrated)
        is_background = labels[self._calibrated.index(best)] == background
        return best < threshold <= best / self.familiarity and not is_background

    def with_label(self, label: str | None) -> "Prediction":
        """The same ranking, worked out no sooner, with another label."""
        other = Prediction.__new__(Prediction)
        other.__dict__.update(self.__dict__, label=label)
        return other

    @cached_property
    def _calibrated(self) -> list[float]:
        """What `calibrate` makes of the probabilities; on a short list, numpy needs several times as long."""
        probabilities, _, _, _, temperature, *_ = self.__dict__["_raw"]
        values = probabilities.tolist()
        largest = max(values)
        if temperature == 1 or largest <= 0 or min(values) < 0:  # the last two: these are no probabilities
            return values
        powers = [(value / largest) ** (1 / temperature) for value in values]
        total = sum(powers)
        return [power / total for power in powers]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prediction):
            return NotImplemented
        return self.label == other.label and self.ranking == other.ranking

    def __hash__(self) -> int:
        return hash((self.ranking, self.label))

    def __repr__(self) -> str:
        return f"Prediction(ranking={self.ranking!r}, label={self.label!r})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a prediction does not change: {name}")


def rank(
    probabilities: np.ndarray,
    labels: tuple[str, ...],
    threshold: float,
    top: int,
    temperature: float = 1.0,
    *,
    background: str | None = None,
    familiarity: bool = False,
) -> Prediction:
    """Ranks probabilities; equal ones keep the order of `labels`.

    Args:
        probabilities: float32 (C,), as the network gave them; not to be changed afterwards.
        labels: one for each.
        threshold: calibrated probability under which the answer is "unknown".
        top: how many labels are ranked.
        temperature: of the calibration; see `calibrate`. It does not change the order.
        background: the label that means none of the others; it is ranked, and the answer is "unknown".
        familiarity: whether the probabilities add up to the picture's familiarity; see `ModelCard`.

    Raises:
        InvalidOutput: a probability is NaN or infinite.
    """
    # Either survives a sum, and one of Python's floats cannot overflow; np.isfinite takes ten times as long.
    if not isfinite(sum(probabilities.tolist())):
        raise InvalidOutput("the network gave NaN or infinity; export the model again")
    prediction = Prediction.__new__(Prediction)
    prediction.__dict__["_raw"] = (
        *(probabilities, labels, threshold, top, temperature, background),
        familiarity,
    )
    return prediction


def calibrate(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Softens (temperature over 1) or sharpens probabilities (..., C): p^(1/T), normalised.

    The same as dividing the logits by T before the softmax (Guo et al. 2017), which a device does not have.
    A temperature of 1 leaves them as they are.
    """
    if temperature == 1:
        return probabilities
    with np.errstate(invalid="ignore"):  # infinity becomes NaN
        # Of the largest: the powers of many small probabilities would all be 0.
        powers = (probabilities / probabilities.max(-1, keepdims=True)) ** (1 / temperature)
        return powers / powers.sum(-1, keepdims=True)


class Classifier:
    """Classifies pictures with an exported file, as its card says.

        with Classifier("image_classification_int8.tflite") as classifier:
            print(classifier.classify(cv2.imread("cat.jpg")).text)

    Args:
        model: a `.tflite` or `.onnx` that edgecls exported, by its path or read already; a folder, for the
            best in it; or the name of one that comes with edgecls, as `edgecls models` lists them. None: the
            default of these, `imagenet`; for onnxruntime, for which it has no file, `nano`.
        engine: `auto` takes the one that runs the format; or an engine that is open already.
        threads: more than one has not helped networks of this size.
        threshold: probability under which the answer is "unknown"; None takes the card's.
        top: how many labels a prediction ranks.

    Raises:
        MissingInput, BadModel, UsageError, Unavailable: see `choose_model` and `open_engine`.
    """

    def __init__(
        self,
        model: str | Path | ModelFile | None = None,
        *,
        engine: EngineName | Engine = "auto",
        threads: int = 1,
        threshold: float | None = None,
        top: int = 3,
    ) -> None:
        wanted: EngineName = engine if isinstance(engine, str) else "auto"
        if model is None:
            model = builtin_model(wanted)
        elif not isinstance(model, ModelFile):
            model = choose_model(Path(model), wanted)
        self.path: Path = model.path
        self.card: ModelCard = model.card
        self.model_bytes = model.size_bytes
        self.engine: Engine = open_engine(model, engine, threads) if isinstance(engine, str) else engine
        self.threshold = self.card.threshold if threshold is None else threshold
        self.top = min(top, len(self.card.labels))

    def classify(self, picture: Picture) -> Prediction:
        """Classifies one picture.

        Args:
            picture: the path of an image file; the bytes of one (a JPEG is decoded only as far as the network
                needs); uint8 (H, W, 3) BGR of any size, as `cv2.imread` and cameras give it; or a PIL image.

        Raises:
            BadImage: not an image, damaged, or an array of another shape or type.
            MissingInput, PermissionRefused: the file cannot be read.
            InvalidOutput: the network gave NaN or infinity.
        """
        rule = self.card.image
        if isinstance(picture, str | os.PathLike):
            image = prepare_file(
                read_whole(picture, PICTURE_BYTES), replace(rule, decode="reduced"), str(picture)
            )
        elif isinstance(picture, bytes):
            image = prepare_jpeg(picture, rule)
        else:
            image = prepare(_bgr(picture, rule), rule)
        return self.rank(self.engine.probabilities(image))

    def rank(self, probabilities: np.ndarray) -> Prediction:
        """Ranks float32 (C,) probabilities as the card calibrates them; errors as `classify`."""
        card = self.card
        try:
            return rank(
                probabilities,
                card.labels,
                self.threshold,
                self.top,
                card.temperature,
                background=card.background,
                familiarity=card.familiarity,
            )
        except InvalidOutput as error:
            raise InvalidOutput(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Gives the engine's memory back."""
        self.engine.close()

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_classifier(
    model: Path | None,
    *,
    engine: EngineName = "auto",
    threads: int = 1,
    threshold: float | None = None,
    top: int = 3,
    labels: Path | None = None,
    scale: PixelRange | None = None,
    on_note: Callable[[str], None] = lambda _: None,
) -> Classifier:
    """Opens the model that was named, the best in this folder, or a foreign model with its labels.

    Args:
        model: see `find_model_file`, as `labels`, `scale` and `on_note`.
        engine: see `Classifier`, as `threads`, `threshold` and `top`.
        threads: see `engine`.
        threshold: see `engine`.
        top: see `engine`.
        labels: see `model`.
        scale: see `model`.
        on_note: see `model`.

    Raises:
        EdgeclsError: there is no such model, it is damaged, or its engine is not installed.
    """
    found = find_model_file(model, engine=engine, labels=labels, scale=scale, on_note=on_note)
    return Classifier(found, engine=engine, threads=threads, threshold=threshold, top=top)


def find_model_file(
    model: Path | None,
    *,
    engine: EngineName = "auto",
    labels: Path | None = None,
    scale: PixelRange | None = None,
    records: bool = False,
    on_note: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> ModelFile:
    """Reads the model that was named, the best in this folder, or a foreign model with its labels.

    Args:
        model: as `--model`; None takes the best in this folder, else the default built-in model.
        engine: only a model that it runs.
        labels: text file with the labels of a foreign model, one on each line.
        scale: pixel range that a foreign model was trained on; None is 0..1.
        records: frames are recorded, for which any model will do: where the folder's own cannot be used and
            none is named, the smallest built-in model answers.
        on_note: called with one line if a model was chosen that nobody named.
        on_warning: called with one line if the folder's own model could not be used.

    Raises:
        EdgeclsError: there is no such model, or it is damaged.
    """
    if labels is None and scale is not None:
        raise UsageError("--scale is for a foreign model; name its --labels too")
    if labels is not None:
        names = read_labels(labels)
        if model is None or model.is_dir():
            raise UsageError("--labels is for one foreign model; name it with --model")
        return read_foreign(model, names, scale or "0..1")
    try:
        found = choose_model(model, engine)
    except MissingInput as error:
        if model is not None or not records:
            raise
        on_warning(
            f"{str(error).partition(';')[0]}; recording goes on with the answers of built-in {SMALLEST}"
        )
        return smallest_builtin_model(engine)
    if model is None or model.is_dir():
        for note in _notes(found, model):
            on_note(note)
    return found


def _notes(found: ModelFile, asked: Path | None) -> Iterator[str]:
    """What a user should know of a model that was chosen and not named."""
    name = builtin_name(found.path)
    if asked is None and name:
        yield f"no model in this folder; using the built-in {name} ({knows(name, found.card.labels)})"
    original = found.path.with_name(f"{found.path.stem.removesuffix('_int8')}.h5")
    if original.exists() and original.stat().st_mtime > found.path.stat().st_mtime + _COPIED_TOGETHER_S:
        yield (
            f"{original} is newer than {found.path}; if you trained again, "
            f"run `edgecls export {shlex.quote(str(original))} --int8`"
        )


def _bgr(picture: np.ndarray | PilImage, rule: ImageRule) -> np.ndarray:
    """A picture in memory as uint8 (H, W, 3) BGR.

    Raises:
        BadImage: an array of another shape or type, or no picture at all.
    """
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise BadImage(f"picture: {picture.dtype} {picture.shape}; give uint8 (H, W, 3) in BGR order")
        return picture
    if type(picture).__module__.partition(".")[0] != "PIL":
        raise BadImage(f"picture: {type(picture).__name__}; give a path, bytes, an array or a PIL image")
    from PIL import ImageOps  # noqa: PLC0415 - whoever has an image of PIL has PIL; edgecls does without

    upright: PilImage = ImageOps.exif_transpose(cast("Any", picture))
    pixels = np.ascontiguousarray(np.asarray(upright.convert("RGB"))[..., ::-1])
    if rule.transparent == "ignored":
        return pixels
    return lay_on_white(pixels, np.asarray(upright.convert("RGBA"))[..., 3])
