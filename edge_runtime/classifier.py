"""A model ready to classify: engine, card and preprocessing together."""

from pathlib import Path

import numpy as np

from .card import ModelCard
from .engine import EngineName, open_engine
from .image import prepare
from .model_file import read_model
from .prediction import Prediction, rank


class Classifier:
    """Classifies pictures with an exported file, as its card says.

        with Classifier("image_classification_int8.tflite") as classifier:
            print(classifier.classify(cv2.imread("cat.jpg")).text)

    Args:
        path: a `.tflite` or `.onnx` that edgecls exported.
        engine: `auto` takes the one that runs the format.
        threads: more than one has not helped networks of this size.
        threshold: probability under which the answer is "unknown"; None takes the card's.
        top: how many labels a prediction ranks.

    Raises:
        MissingInput, BadModel, UsageError, Unavailable: see `read_model` and `open_engine`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        engine: EngineName = "auto",
        threads: int = 1,
        threshold: float | None = None,
        top: int = 3,
    ) -> None:
        model = read_model(path)
        self.card: ModelCard = model.card
        self.engine = open_engine(model, engine, threads)
        self.threshold = self.card.threshold if threshold is None else threshold
        self.top = min(top, len(self.card.labels))

    def classify(self, pixels: np.ndarray) -> Prediction:
        """Classifies uint8 (H, W, 3) BGR of any size, as `cv2.imread` and cameras give it."""
        return self.rank(self.engine.probabilities(prepare(pixels, self.card.image)))

    def rank(self, probabilities: np.ndarray) -> Prediction:
        """Ranks float32 (C,) probabilities with this classifier's labels and threshold."""
        return rank(probabilities, self.card.labels, self.threshold, self.top)

    def close(self) -> None:
        """Gives the engine's memory back."""
        self.engine.close()

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
