"""OpenVINO: Intel's engine, which also runs on Arm."""

from typing import Any

import numpy as np
import openvino  # pyright: ignore[reportMissingImports] - where a user has installed it

from ...edge_runtime.errors import BadModel
from ...edge_runtime.model_file import ModelFile


class OpenVINO:
    """See `Engine`."""

    def __init__(self, model: ModelFile, threads: int) -> None:
        self.name = f"OpenVINO {openvino.__version__.partition('-')[0]}"
        image = model.card.image
        self.input_size_px = image.height_px, image.width_px
        self.classes = len(model.card.labels)
        core = openvino.Core()
        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        try:
            compiled: Any = core.compile_model(core.read_model(str(model.path)), "CPU", options)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[-160:]
            raise BadModel(f"{model.path}: OpenVINO cannot read it: {reason}") from error
        self._request = compiled.create_infer_request()

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """See `Engine.probabilities`."""
        self._request.infer([image[None]], share_inputs=True)
        return self._request.get_output_tensor(0).data[0].copy()

    def close(self) -> None:
        """See `Engine.close`."""


def open_engine(model: ModelFile, threads: int) -> OpenVINO:
    """Opens a file.

    Raises:
        BadModel: OpenVINO cannot read it.
    """
    return OpenVINO(model, threads)
