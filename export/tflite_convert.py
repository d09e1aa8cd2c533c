"""TensorFlow's converter to TFLite, quiet, and with errors that say what to do."""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

from ..edge_runtime.errors import BadModel
from ..edge_runtime.native_output import native_stderr_held
from .keras_libraries import mlir_quantize, tf
from .layer_names import ended_names


def to_tflite(contract: Any, options: Callable[[Any], None] = lambda _: None) -> bytes:
    """Converts a network that `contract.py` wrapped; `options` sets the converter up.

    Raises:
        BadModel: TFLite lacks an operator.
    """

    def convert() -> bytes:
        converter = tf.lite.TFLiteConverter.from_keras_model(contract)
        options(converter)
        return converter.convert()

    with ended_names(contract):
        return _quietly(convert)


def quantised(calibrated: bytes, takes: Any, gives: Any, float_nodes: list[str]) -> bytes:
    """Makes integers of a calibrated float network, but for the nodes named; errors as `to_tflite`.

    Args:
        calibrated: a FlatBuffer with ranges.
        takes: the dtype of the input, as TensorFlow has it.
        gives: the dtype of the output.
        float_nodes: the names of the nodes' first outputs.
    """
    return _quietly(
        lambda: mlir_quantize(
            calibrated, input_data_type=takes, output_data_type=gives, denylisted_nodes=float_nodes
        )
    )


def _quietly(work: Callable[[], Any]) -> bytes:
    try:
        # It reports its passes at length on both, and expects statistics that calibration gives only later.
        with native_stderr_held(), redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
            return work()
    except Exception as error:  # the converter raises whatever MLIR reports
        reason = " ".join(str(error).split())[:200]
        raise BadModel(f"TFLite cannot express this network: {reason}; use the .onnx file") from error
