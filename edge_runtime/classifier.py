"""A model ready to classify: engine, card and preprocessing together."""

from pathlib import Path

import numpy as np

from .card import ModelCard
from .engine import Engine, EngineName, open_engine
from .errors import InvalidOutput
from .image import prepare
from .model_file import ModelFile, read_model
from .prediction import Prediction, calibrate, rank


class Classifier:
    """Classifies pictures with an exported file, as its card says.

        with Classifier("image_classification_int8.tflite") as classifier:
            print(classifier.classify(cv2.imread("cat.jpg")).text)

    Args:
        model: a `.tflite` or `.onnx` that edgecls exported, by its path or read already.
        engine: `auto` takes the one that runs the format; or an engine that is open already.
        threads: more than one has not helped networks of this size.
        threshold: probability under which the answer is "unknown"; None takes the card's.
        top: how many labels a prediction ranks.

    Raises:
        MissingInput, BadModel, UsageError, Unavailable: see `read_model` and `open_engine`.
    """

    def __init__(
        self,
        model: str | Path | ModelFile,
        *,
        engine: EngineName | Engine = "auto",
        threads: int = 1,
        threshold: float | None = None,
        top: int = 3,
    ) -> None:
        if not isinstance(model, ModelFile):
            model = read_model(model)
        self.path: Path = model.path
        self.card: ModelCard = model.card
        self.engine: Engine = open_engine(model, engine, threads) if isinstance(engine, str) else engine
        self.threshold = self.card.threshold if threshold is None else threshold
        self.top = min(top, len(self.card.labels))

    def classify(self, pixels: np.ndarray) -> Prediction:
        """Classifies uint8 (H, W, 3) BGR of any size, as `cv2.imread` and cameras give it.

        Raises:
            InvalidOutput: the network gave NaN or infinity.
        """
        return self.rank(self.engine.probabilities(prepare(pixels, self.card.image)))

    def rank(self, probabilities: np.ndarray) -> Prediction:
        """Ranks float32 (C,) probabilities as the card calibrates them; errors as `classify`."""
        if self.card.temperature != 1:
            probabilities = calibrate(probabilities, self.card.temperature)
        try:
            return rank(probabilities, self.card.labels, self.threshold, self.top)
        except InvalidOutput as error:
            raise InvalidOutput(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Gives the engine's memory back."""
        self.engine.close()

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
