"""MediaPipe's ImageClassifier, as its tutorials for the Raspberry Pi use it."""

import mediapipe  # pyright: ignore[reportMissingImports] - where a user has installed it
import numpy as np
from mediapipe.tasks.python import vision  # pyright: ignore[reportMissingImports]

from ...edge_runtime.errors import BadModel
from ...edge_runtime.model_file import ModelFile
from ...edge_runtime.native_output import native_stderr_held


class MediaPipe:
    """See `Engine`. It takes no number of threads."""

    def __init__(self, model: ModelFile) -> None:
        self.name = f"MediaPipe {mediapipe.__version__}"
        image = model.card.image
        self.input_size_px = image.height_px, image.width_px
        self.classes = len(model.card.labels)
        self._place = {label: place for place, label in enumerate(model.card.labels)}
        try:
            with native_stderr_held():
                self._classifier = vision.ImageClassifier.create_from_model_path(str(model.path))
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise BadModel(f"{model.path}: MediaPipe cannot read it: {reason}") from error

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
        answer = np.zeros(self.classes, np.float32)
        for category in self._classifier.classify(picture).classifications[0].categories:
            answer[self._place[category.category_name]] = category.score
        return answer

    def close(self) -> None:
        """See `Engine.close`."""
        self._classifier.close()


def open_engine(model: ModelFile, threads: int) -> MediaPipe:  # noqa: ARG001 - the signature of every peer
    """Opens a file.

    Raises:
        BadModel: MediaPipe cannot read it.
    """
    return MediaPipe(model)
