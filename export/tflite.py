"""Keras to TFLite: float32, float16 and dynamic; int8 is in `tflite_int8`."""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

from ..data.backend import mlir_quantize, tf
from ..edge_runtime.descriptors import native_stderr_held
from ..edge_runtime.models.card import ModelCard
from .contract import Io, for_host
from .inexpressible import inexpressible
from .layer_names import ended_names, weighted_layers
from .tflite_graph import with_signature
from .tracing import traced

_MANY_LAYERS = 25
"""With weights; `lite0-4` has 25."""


def float_tflite(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """Converts a network to a float32 TFLite FlatBuffer under the contract."""
    return to_tflite(for_host(network, card, io))


def float16_tflite(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """Converts a network with weights in half precision: half the size, the speed of float32.

    LiteRT converts the weights back to float32 when it loads them.
    """

    def options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    return to_tflite(for_host(network, card, io), options)


def dynamic_tflite(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """Converts a network with int8 weights, and activations that are quantised for each image.

    Needs no calibration images; has the size of an int8 file. On x86-64 it is nearly as fast as one;
    the documented CNN takes 1.86 million instructions on a Raspberry Pi 4 (int8 2.08, float32 2.00) and 0.98
    on a Raspberry Pi 5 (int8 0.65, float32 1.94). Depthwise convolutions make it slower than float32: by 15
    to 20 % in a small inverted residual network. Microcontrollers and the Edge TPU cannot run it.
    """

    def options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    return to_tflite(for_host(network, card, io), options)


def to_tflite(contract: Any, options: Callable[[Any], None] = lambda _: None) -> bytes:
    """Converts a network wrapped by `contract`; `options` configures the converter.

    Raises:
        Inexpressible: TFLite lacks an operator.
    """

    def convert() -> bytes:
        converter = _converter(contract)
        options(converter)
        return converter.convert()

    with ended_names(contract):
        return with_signature(_quietly(convert))


def _converter(contract: Any) -> Any:
    """Returns TensorFlow's converter: by way of a SavedModel, or directly if there are many layers.

    The SavedModel of the whole Lite0 takes 8 s of processor time. Small networks keep to it: directly, their
    constants come in another order, and files would differ in their bytes from those of earlier versions.
    """
    lite: Any = tf.lite.TFLiteConverter
    if len(weighted_layers(contract)) < _MANY_LAYERS:
        return lite.from_keras_model(contract)
    converter = lite.from_concrete_functions([traced(contract, "image").graph], contract)
    converter.experimental_lower_to_saved_model = False
    return converter


def quantised(calibrated: bytes, takes: Any, gives: Any, float_nodes: list[str]) -> bytes:
    """Quantises a calibrated float network, except for the nodes named; raises as `to_tflite` does.

    Args:
        calibrated: a FlatBuffer with ranges.
        takes: TensorFlow's dtype of the input.
        gives: TensorFlow's dtype of the output.
        float_nodes: the nodes to leave in float, by the names of their first outputs.
    """
    return _quietly(
        lambda: mlir_quantize(
            calibrated, input_data_type=takes, output_data_type=gives, denylisted_nodes=float_nodes
        )
    )


def _quietly(work: Callable[[], Any]) -> bytes:
    # It reports its passes at length on both streams, and misses statistics that calibration gives later.
    with native_stderr_held(), redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
        try:
            return work()
        except Exception as error:  # the converter passes on whatever MLIR raises, and printed it before
            failure = error
    raise inexpressible("TFLite", failure) from failure
