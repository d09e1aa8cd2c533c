"""Keras to TFLite: float32, float16, dynamic and int8."""

from typing import Any

from ..data.backend import tf
from ..edge_runtime.models.card import ModelCard
from .calibration import Calibration
from .contract import Io, for_host
from .tflite_graph import to_tflite
from .tflite_int8 import Int8Tflite


def float_tflite(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """The network as a float32 TFLite FlatBuffer under the contract."""
    return to_tflite(for_host(network, card, io))


def float16_tflite(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """The network with its weights in half precision: half the size, and the speed of float32.

    LiteRT turns the weights back into float32 when it loads them.
    """

    def options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    return to_tflite(for_host(network, card, io), options)


def dynamic_tflite(network: Any, card: ModelCard, io: Io = "uint8") -> bytes:
    """The network with int8 weights, and activations that are rounded anew for each image.

    It needs no calibration images and has the size of an int8 file. On x86-64 it is nearly as fast as one;
    the documented CNN takes 1.86 million instructions on a Raspberry Pi 4 (int8 2.08, float32 2.00) and 0.98
    on a Raspberry Pi 5 (int8 0.65, float32 1.94). Depthwise convolutions make it slower than float32: by 15
    to 20 % in a small inverted residual network. Microcontrollers and the Edge TPU cannot run it.
    """

    def options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    return to_tflite(for_host(network, card, io), options)


def int8_tflite(network: Any, card: ModelCard, calibration: Calibration, io: Io = "uint8") -> bytes:
    """The network in integers, per-channel weights, under the contract.

    The scaling is no operator here: the input tensor's own scale is `card.scale`, so a frame's bytes go in
    unchanged. Where probabilities go out as float32, the softmax stays float: on one byte they would be
    steps of 0.004, all sure answers 0.996, and no threshold could tell them apart. It costs no time.
    """
    return Int8Tflite(network, card, calibration, io).quantise()
