"""A layer of Keras 2 or 3 from its saved options, which mean what they meant to the Keras that saved them."""

from inspect import signature
from typing import Any

from ..backend import keras
from .calls import NotBuilt
from .description import Described, activation_name, kind_of, name_of

ops: Any = keras.ops

_OF_TRAINING = (
    *("trainable", "activity_regularizer", "seed", "momentum", "autocast", "quantization_config"),
    *("renorm", "renorm_clipping", "renorm_momentum", "fused", "virtual_batch_size", "adjustment"),
    *("synchronized", "lora_rank", "lora_alpha", "gptq_unpacked_column_size"),
)
_OF_TRAINING_ENDS = ("_initializer", "_regularizer", "_constraint")
_STATED_ELSEWHERE = (
    *("name", "dtype", "batch_input_shape", "batch_shape", "input_shape", "ragged", "sparse", "optional"),
    *("query_shape", "key_shape", "value_shape"),  # of an attention, as its inputs have them
    *("build_config", "implementation", "filters_per_group"),
)
_MEANS_NOTHING = (None, False, 1, [1, 1], 0)
_QUANTIZED = ("int8", "int4", "float8", "gptq", "awq")


def make_layer(described: Described, name: str, keras_major: int) -> Any:
    """Makes a layer of the table of `allowed`; its weights are zeros until they are read.

    Args:
        described: as Keras saved it.
        name: for the new layer.
        keras_major: of the Keras that saved it: 2 or 3.

    Raises:
        NotBuilt: an option that this Keras does not have.
    """
    kind, options = kind_of(described), dict(described["config"])
    _refuse_quantized(kind, options)
    if kind == "ThresholdedReLU":
        return keras.layers.Activation(_thresholded(float(options.get("theta", 1.0))), name=name)
    if keras_major < 3:
        _rename(kind, options)
    made = getattr(keras.layers, kind)
    known = signature(made.__init__).parameters
    settings = {key: "zeros" for key in known if key.endswith("_initializer")}
    for key, value in options.items():
        if key in _OF_TRAINING or key in _STATED_ELSEWHERE or key.endswith(_OF_TRAINING_ENDS):
            continue
        if key == "activation":
            settings[key] = activation(value, keras_major)
        elif key in known:
            settings[key] = value
        elif value not in _MEANS_NOTHING:
            raise NotBuilt(
                f"its layer {name_of(described)}: {kind} with {key}={value} is not known to Keras 3"
            )
    return made(**settings, name=name)


def _rename(kind: str, options: dict[str, Any]) -> None:
    """Gives the options of Keras 2 the names, and the defaults, that they have in Keras 3."""
    if kind == "LeakyReLU":
        options["negative_slope"] = options.pop("alpha", 0.3)
    if kind == "BatchNormalization" and isinstance(options.get("axis"), list):
        if len(options["axis"]) != 1:
            raise NotBuilt(
                f"its layer {options.get('name')}: BatchNormalization over several axes is not known"
            )
        (options["axis"],) = options["axis"]
    if kind == "BatchNormalization" and options.get("renorm"):
        options["renorm"] = None  # means nothing in use


def _refuse_quantized(kind: str, options: dict[str, Any]) -> None:
    dtype = options.get("dtype")
    name = str(dtype["config"].get("name") if isinstance(dtype, dict) else dtype)
    if name.startswith(_QUANTIZED):
        raise NotBuilt(f"its layer {kind} is quantized already ({name}); save the network before `quantize`")


def _thresholded(theta: float) -> Any:
    def thresholded_relu(x: Any) -> Any:
        return ops.multiply(x, ops.cast(ops.greater(x, theta), x.dtype))

    return thresholded_relu


# Activations. What Keras 2 called by the same name, and computed otherwise:


def _hard_sigmoid_of_keras_2(x: Any) -> Any:
    return ops.clip(ops.add(ops.multiply(x, 0.2), 0.5), 0.0, 1.0)


_OF_KERAS_2 = {"hard_sigmoid": _hard_sigmoid_of_keras_2}
_ALIKE = {"celu": "elu"}
"""By name, both are exp(x) - 1 below zero; in int8, TFLite loses a CELU, made of several operators there."""


def activation(value: Any, keras_major: int) -> Any:
    """A saved activation, as what a layer of this Keras takes."""
    name = activation_name(value)
    if name is None:
        return make_layer(value, value["config"].get("name") or "activation", keras_major)
    name = _ALIKE.get(name, name)
    return _OF_KERAS_2.get(name, name) if keras_major < 3 else name
