"""A wrapped Keras network to ONNX, in float32."""

import logging
import tempfile
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import tf2onnx

from ..edge_runtime.errors import BadModel
from .keras_libraries import tf
from .layer_names import ended_names
from .onnx_graph import INPUT, with_plain_names

OPSET = 15
"""With its IR version 8, old enough for the onnxruntime of any Raspberry Pi image."""


def to_onnx(contract: Any) -> onnx.ModelProto:
    """Converts a network that `contract.py` wrapped; what is constant is folded, such as batch normalisation.

    Raises:
        BadModel: tf2onnx or ONNX lacks an operator.
    """
    # Not from_keras: it fails on a reloaded Keras 3 model (KeyError: keras_tensor_35).
    function = tf.function(lambda image: contract(image, training=False))
    signature = [tf.TensorSpec(contract.input_shape, contract.input.dtype, name=INPUT)]
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # the checker names what it could not convert
    try:
        with ended_names(contract):
            model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
        onnx.checker.check_model(model)
        folded = _folded(model)
    except Exception as error:  # its converters raise whatever they meet
        reason = " ".join(str(error).split())[:200]
        raise BadModel(f"ONNX cannot express this network: {reason}; use the .tflite file") from error
    return with_plain_names(folded)


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:  # it writes by name only
        options.optimized_model_filepath = str(Path(folder, "folded.onnx"))
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)
