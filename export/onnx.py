"""Keras to ONNX (tf2onnx), float32 and int8 (QDQ)."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tf2onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from ..edge_runtime.card import ModelCard
from ..edge_runtime.errors import BadModel
from .calibration import Calibration
from .contract import with_contract, with_fixed_batch
from .keras_libraries import tf

OPSET = 15
"""With its IR version 8, old enough for the onnxruntime of any Raspberry Pi image."""


def float_onnx(network: Any, card: ModelCard) -> bytes:
    """The network as a float32 ONNX model under the contract (uint8 in, float32 out)."""
    return _convert(with_contract(network, card)).SerializeToString()


def int8_onnx(network: Any, card: ModelCard, calibration: Calibration) -> bytes:
    """The network in QDQ form under the contract: int8 weights per channel, uint8 activations (U8S8).

    The softmax stays float: on one byte its probabilities would be steps of 0.004.
    """
    images = calibration.images.astype(np.float32) * card.scale + card.offset
    with tempfile.TemporaryDirectory() as folder:  # onnxruntime's quantiser reads and writes by name
        original, prepared, quantised = (Path(folder, name) for name in ("a.onnx", "b.onnx", "c.onnx"))
        original.write_bytes(_convert(with_fixed_batch(network, card)).SerializeToString())
        quant_pre_process(original, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantised,
            _Reader(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=_names_of("Softmax", onnx.load(prepared)),
        )
        model = onnx.load(quantised)
    _take_bytes(model.graph)
    _keep_used_domains(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _convert(contract: Any) -> onnx.ModelProto:
    # Not from_keras: it fails on a reloaded Keras 3 model (KeyError: keras_tensor_35).
    function = tf.function(lambda image: contract(image, training=False))
    signature = [tf.TensorSpec(contract.input_shape, contract.input.dtype, name="image")]
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    try:
        model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    except Exception as error:  # its converters raise whatever they meet
        reason = " ".join(str(error).split())[:200]
        raise BadModel(f"ONNX cannot express this network: {reason}; use the .tflite file") from error
    _name_output(model.graph, "probabilities")
    model.producer_name, model.graph.name = "edgecls", "edgecls"
    onnx.checker.check_model(model)
    return model


class _Reader(CalibrationDataReader):
    """Gives the calibration images one by one, as onnxruntime's quantiser asks for them."""

    def __init__(self, images: np.ndarray) -> None:
        self._inputs: Iterator[dict[str, np.ndarray]] = ({"image": image[np.newaxis]} for image in images)

    def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[override] - None ends it, as documented
        return next(self._inputs, None)


def _names_of(operator: str, model: onnx.ModelProto) -> list[str]:
    return [node.name for node in model.graph.node if node.op_type == operator]


def _take_bytes(graph: Any) -> None:
    """Takes uint8 where the quantised graph would make it: its first QuantizeLinear is a camera's byte.

    The calibration images span 0 to 255, so that its scale is the card's and its zero point the offset's.
    """
    quantise = next(node for node in graph.node if node.op_type == "QuantizeLinear")
    source, result = quantise.input[0], quantise.output[0]
    graph.node.remove(quantise)
    for node in graph.node:
        node.input[:] = [source if name == result else name for name in node.input]
    graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    del graph.value_info[:]  # inferred for float; whoever needs shapes infers them again


def _keep_used_domains(model: onnx.ModelProto) -> None:
    """Drops the operator sets that onnxruntime's preparation imports and never uses."""
    used = {node.domain for node in model.graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _name_output(graph: Any, name: str) -> None:
    """Gives the only output a name for people; tf2onnx takes the tensor's, such as `Identity:0`."""
    old = graph.output[0].name
    graph.output[0].name = name
    for node in graph.node:
        node.output[:] = [name if output == old else output for output in node.output]
