"""Keras to ONNX: float32, float16, dynamic and int8."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from ..edge_runtime.models.card import ModelCard
from .calibration import Calibration
from .contract import Io, for_host
from .onnx_graph import operators, to_onnx, without_leftovers
from .onnx_int8 import Int8Onnx


def float_onnx(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """The network as a float32 ONNX model under the contract."""
    return without_leftovers(to_onnx(for_host(network, card, io))).SerializeToString()


def float16_onnx(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """The network in half precision: half the size; activations over 65,504 overflow.

    Faster only where the processor computes halves: a Raspberry Pi 5 executes 40 % fewer instructions than
    for float32. A Raspberry Pi 4 executes up to 7 % more, and x86-64 took up to 1.45 times as long. The
    scaling of the input and the softmax stay float32.
    """
    model = to_onnx(for_host(network, card, io))
    found = operators(model)
    first = next((index for index, operator in enumerate(found) if operator.weighted), 0)
    with warnings.catch_warnings(action="ignore"):  # a line for each weight that is too small to matter
        half = convert_float_to_float16(
            model,
            keep_io_types=True,
            op_block_list=[*DEFAULT_OP_BLOCK_LIST, "Softmax"],
            node_block_list=[operator.node for operator in found[:first]],
        )
    _drop_round_trips(half.graph)
    return without_leftovers(half).SerializeToString()


def dynamic_onnx(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """The network with its dense layers in int8, their inputs rounded anew for each image.

    It needs no calibration images, and gains size only, where dense layers hold most of the weights. The
    convolutions stay float32: onnxruntime's ConvInteger takes seven times as long as they do on x86-64, and
    three times the instructions on a Raspberry Pi 4. Prefer the dynamic `.tflite`.
    """
    model = to_onnx(for_host(network, card, io))
    add_pre_process_metadata(model)  # or it advises us to do what `to_onnx` has done
    with tempfile.TemporaryDirectory() as folder:  # it writes by name only
        path = Path(folder, "dynamic.onnx")
        quantize_dynamic(model, path, op_types_to_quantize=["Gemm", "MatMul"], per_channel=True)
        return without_leftovers(onnx.load(path)).SerializeToString()


def int8_onnx(network: Any, card: ModelCard, calibration: Calibration, io: Io = "uint8") -> bytes:
    """The network in QDQ form under the contract: int8 weights per channel, uint8 activations (U8S8).

    With S8S8 the same networks take 1.0 to 2.2 times as long on x86-64, 2 to 7 % more instructions on a
    Raspberry Pi 4 and 4 to 11 % fewer on a Raspberry Pi 5. `--io int8` is S8S8: its hosts know int8 only.
    """
    return Int8Onnx(network, card, calibration, io).quantise()


def _drop_round_trips(graph: Any) -> None:
    """Drops casts to float16 and straight back, which the conversion puts between nodes that stay float32."""
    casts = [node for node in graph.node if node.op_type == "Cast"]
    halved = {node.output[0]: node.input[0] for node in casts if node.attribute[0].i == TensorProto.FLOAT16}
    back = [node for node in casts if node.input[0] in halved]
    for node in back:
        graph.node.remove(node)
        source, result = halved[node.input[0]], node.output[0]
        for other in graph.node:
            other.input[:] = [source if name == result else name for name in other.input]
            if result == graph.output[0].name:
                other.output[:] = [result if name == source else name for name in other.output]
    used = {name for node in graph.node for name in node.input}
    for node in casts:
        if node not in back and node.output[0] in halved and node.output[0] not in used:
            graph.node.remove(node)
