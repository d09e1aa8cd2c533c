"""Keras to TFLite, float32 and int8."""

import io
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from ..edge_runtime.card import ModelCard
from ..edge_runtime.errors import BadModel
from ..edge_runtime.native_output import native_stderr_held
from .calibration import Calibration
from .contract import with_contract, with_fixed_batch
from .keras_libraries import tf


def float_tflite(network: Any, card: ModelCard) -> bytes:
    """The network as a float32 TFLite FlatBuffer under the contract (uint8 in, float32 out)."""
    return _convert(tf.lite.TFLiteConverter.from_keras_model(with_contract(network, card)))


def int8_tflite(network: Any, card: ModelCard, calibration: Calibration) -> bytes:
    """The network in integers, per-channel weights, under the contract.

    The scaling is no operator here: the input tensor's own scale is `card.scale`, so a frame's bytes go in
    unchanged.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(with_fixed_batch(network, card))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    converter.representative_dataset = lambda: (
        [image[np.newaxis].astype(np.float32) * card.scale + card.offset] for image in calibration.images
    )
    return _convert(converter)


def _convert(converter: Any) -> bytes:
    try:
        with native_stderr_held(), redirect_stdout(io.StringIO()):  # both report their passes at length
            return converter.convert()
    except Exception as error:  # the converter raises whatever MLIR reports
        reason = " ".join(str(error).split())[:200]
        raise BadModel(f"TFLite cannot express this network: {reason}; use the .onnx file") from error
