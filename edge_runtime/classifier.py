"""Classifier: an exported model that is ready to classify, with its engine, card and preprocessing."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from .engines.engine import Engine
from .engines.names import EngineName
from .engines.open import open_engine
from .errors import BadImage, InvalidOutput
from .files import PICTURE_BYTES, read_whole
from .images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from .images.prepare import prepare, prepare_file, prepare_jpeg
from .images.rule import ImageRule
from .images.transparency import lay_on_white
from .models.card import ModelCard
from .models.find import builtin_model, choose_model
from .models.model_file import ModelFile
from .models.named import find_model_file
from .prediction import Prediction, rank


class PilImage(Protocol):
    """`PIL.Image.Image`, on which edgecls does not depend."""

    def convert(self, mode: str, /) -> Any:
        """See `PIL.Image.Image.convert`."""
        ...


Picture = str | os.PathLike[str] | bytes | np.ndarray | PilImage
"""What `Classifier.classify` takes."""


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
    picture_options: PictureOptions = AS_THE_FILE_SAYS,
    require_signed: bool = False,
    on_note: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
) -> Classifier:
    """Opens the model that was named, the best in this folder, or a foreign model with its labels.

    Args:
        model: see `find_model_file`, as `labels`, `picture_options`, `require_signed`, `on_note` and
            `on_warning`.
        engine: see `Classifier`, as `threads`, `threshold` and `top`.
        threads: see `engine`.
        threshold: see `engine`.
        top: see `engine`.
        labels: see `model`.
        picture_options: see `model`.
        require_signed: see `model`.
        on_note: see `model`.
        on_warning: see `model`.

    Raises:
        EdgeclsError: there is no such model, it is damaged, or its engine is not installed.
    """
    found = find_model_file(
        model,
        engine=engine,
        labels=labels,
        picture_options=picture_options,
        require_signed=require_signed,
        on_note=on_note,
        on_warning=on_warning,
    )
    return Classifier(found, engine=engine, threads=threads, threshold=threshold, top=top)


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
