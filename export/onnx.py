"""Keras to ONNX: float32, float16 and dynamic; int8 is in `onnx_int8`."""

import contextlib
import copy
import ctypes
import gc
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import onnx
import onnxruntime
import tf2onnx
from onnx import TensorProto
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.quant_utils import add_pre_process_metadata
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from ..edge_runtime.files import scratch_folder
from ..edge_runtime.models.card import ModelCard
from .contract import Io, check_float_io, with_fixed_batch
from .inexpressible import inexpressible
from .layer_names import FAMILIARITY, ended_names, weighted_layers
from .onnx_graph import INPUT, operators, take_bytes, with_plain_names, without_leftovers
from .onnx_operators import HANDLERS
from .tracing import Traced, traced

_CATCH_ERRORS = "TF2ONNX_CATCH_ERRORS"
OPSET = 15
"""Its IR version, 8, is supported by the onnxruntime of every Raspberry Pi image."""


@dataclass(frozen=True)
class OnnxNetwork:
    """A Keras network converted to ONNX once, for all files of an export: `to_onnx` takes seconds."""

    model: onnx.ModelProto
    """Float32, with the scaled float32 input that the network was trained on; not to be changed."""
    layers: frozenset[str]
    """With weights, by their paths in Keras."""

    def for_host(self, card: ModelCard, io: Io) -> onnx.ModelProto:
        """Returns a copy of the model with the input of a float file; raises UsageError for int8."""
        check_float_io(io)
        model = copy.deepcopy(self.model)
        if io == "uint8":
            take_bytes(model, *card.one_scaling)
        return model


def float_onnx(network: OnnxNetwork, card: ModelCard, io: Io = "uint8") -> bytes:
    """Returns a network as a float32 ONNX file under the contract."""
    return without_leftovers(network.for_host(card, io)).SerializeToString()


def float16_onnx(network: OnnxNetwork, card: ModelCard, io: Io = "uint8") -> bytes:
    """Converts a network to half precision: half the size; activations over 65,504 overflow.

    Faster only where the processor computes in half precision: a Raspberry Pi 5 executes 40 % fewer
    instructions than for float32. A Raspberry Pi 4 executes up to 7 % more, and x86-64 took up to 1.45 times
    as long. The scaling of the input, the softmax and the familiarity stay float32.
    """
    model = network.for_host(card, io)
    found = operators(model)
    first = next((index for index, operator in enumerate(found) if operator.weighted), 0)
    with warnings.catch_warnings(action="ignore"):  # a line for each weight that is too small to matter
        half = convert_float_to_float16(
            model,
            keep_io_types=True,
            op_block_list=[*DEFAULT_OP_BLOCK_LIST, "Softmax"],
            node_block_list=[
                operator.node
                for index, operator in enumerate(found)
                if index < first or operator.belongs_to(FAMILIARITY)
            ],
        )
    _drop_round_trips(half.graph)
    return without_leftovers(half).SerializeToString()


def dynamic_onnx(network: OnnxNetwork, card: ModelCard, io: Io = "uint8") -> bytes:
    """Converts a network with dense layers in int8, whose inputs are quantised for each image.

    Needs no calibration images; saves size only, where dense layers hold most of the weights. The
    convolutions stay float32: onnxruntime's ConvInteger takes seven times as long as they do on x86-64, and
    three times the instructions on a Raspberry Pi 4. Prefer the dynamic `.tflite`.
    """
    model = network.for_host(card, io)
    add_pre_process_metadata(model)  # or it advises to do what `to_onnx` has done
    with scratch_folder() as folder:  # it writes by name only
        path = folder / "dynamic.onnx"
        quantize_dynamic(model, path, op_types_to_quantize=["Gemm", "MatMul"], per_channel=True)
        return without_leftovers(onnx.load(path)).SerializeToString()


def to_onnx(network: Any, card: ModelCard) -> OnnxNetwork:
    """Converts a Keras network; folds constants, and batch normalisation into the weights.

    Raises:
        Inexpressible: tf2onnx or ONNX lacks an operator.
    """
    contract = with_fixed_batch(network, card)
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # the checker names what it could not convert
    try:
        with ended_names(contract), _collected_early():
            # Not from_keras: it fails on a reloaded Keras 3 model (KeyError: keras_tensor_35).
            model = _converted(traced(contract, INPUT))
        onnx.checker.check_model(model)
        folded = _folded(model)
    except Exception as error:  # its converters raise whatever they meet
        raise inexpressible("ONNX", error) from error
    return OnnxNetwork(with_plain_names(folded), weighted_layers(network))


def _converted(function: Traced) -> onnx.ModelProto:
    """Without tf2onnx's copy of the graph for each optimiser, 70 MB for `lite0`; with it if one fails."""
    convert = partial(
        tf2onnx.convert.from_function, function, [], opset=OPSET, custom_op_handlers=dict(HANDLERS)
    )
    os.environ[_CATCH_ERRORS] = "FALSE"
    try:
        with contextlib.suppress(Exception):  # its optimisers raise whatever they meet
            return convert()[0]
    finally:
        del os.environ[_CATCH_ERRORS]
    return convert()[0]


@contextlib.contextmanager
def _collected_early() -> Iterator[None]:
    """Copies of the graph that the converter drops are freed early, which saves 0.5 GB; a context manager.

    Python looks for unreachable objects once they are a quarter of all, and TensorFlow alone has a million.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # a C library without it; Windows
        ctypes.CDLL(None).malloc_trim(0)  # what earlier work has left
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.collect()


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with scratch_folder() as folder:  # it writes by name only
        options.optimized_model_filepath = str(folder / "folded.onnx")
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def _drop_round_trips(graph: Any) -> None:
    """Removes casts to float16 and straight back, which the conversion adds between float32 nodes."""
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
