"""A model ready to classify: engine, card and preprocessing together."""

from pathlib import Path

import numpy as np

from .boxed import DEFAULT
from .card import ModelCard
from .engine import Engine, open_engine
from .engine_packages import EngineName
from .errors import InvalidOutput
from .find_model import choose_model
from .image import prepare
from .jpeg import prepare_jpeg
from .model_file import ModelFile
from .prediction import Prediction, rank


class Classifier:
    """Classifies pictures with an exported file, as its card says.

        with Classifier("image_classification_int8.tflite") as classifier:
            print(classifier.classify(cv2.imread("cat.jpg")).text)

    Args:
        model: a `.tflite` or `.onnx` that edgecls exported, by its path or read already; a folder, for the
            best in it; or the name of one that comes with edgecls, as `edgecls models` lists them.
        engine: `auto` takes the one that runs the format; or an engine that is open already.
        threads: more than one has not helped networks of this size.
        threshold: probability under which the answer is "unknown"; None takes the card's.
        top: how many labels a prediction ranks.

    Raises:
        MissingInput, BadModel, UsageError, Unavailable: see `choose_model` and `open_engine`.
    """

    def __init__(
        self,
        model: str | Path | ModelFile = DEFAULT,
        *,
        engine: EngineName | Engine = "auto",
        threads: int = 1,
        threshold: float | None = None,
        top: int = 3,
    ) -> None:
        if not isinstance(model, ModelFile):
            model = choose_model(Path(model), engine if isinstance(engine, str) else "auto")
        self.path: Path = model.path
        self.card: ModelCard = model.card
        self.engine: Engine = open_engine(model, engine, threads) if isinstance(engine, str) else engine
        self.threshold = self.card.threshold if threshold is None else threshold
        self.top = min(top, len(self.card.labels))

    def classify(self, picture: np.ndarray | bytes) -> Prediction:
        """Classifies one picture, such as a `Frame.picture`.

        Args:
            picture: uint8 (H, W, 3) BGR of any size, as `cv2.imread` and cameras give it; or the bytes of a
                JPEG, which are decoded only as far as the network needs, or of another image.

        Raises:
            BadImage: bytes that cannot be decoded.
            InvalidOutput: the network gave NaN or infinity.
        """
        rule = self.card.image
        image = prepare_jpeg(picture, rule) if isinstance(picture, bytes) else prepare(picture, rule)
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
