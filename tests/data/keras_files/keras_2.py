"""Small files as Keras 2 writes them, without Keras 2: for tests, and for the Keras 2 that gave the answers.

The weights are a formula, so that a test needs no file. Run by TensorFlow 2.12 or 2.15 this module prints
what Keras 2 answers:

    python keras_2.py
"""

import io
import json
import zipfile
from collections.abc import Iterator

import h5py
import numpy as np

SIDE = 6
PIXELS = (np.sin(np.arange(2 * SIDE * SIDE * 3) * 0.7) * 2).reshape(2, SIDE, SIDE, 3).astype(np.float32)


def layer(kind: str, name: str, *inputs: str, use: int = 0, **options) -> dict:
    """A layer of a Functional model; options that every layer has are those that Keras 2 writes."""
    calls = [[[source, use, 0, {}] for source in inputs]] if inputs else []
    config = {"name": name, "trainable": True, "dtype": "float32"} | options
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": calls}


def function(name: str, called: str, source: str, **arguments) -> dict:
    """A function of TensorFlow, as Keras 2 keeps it."""
    config = {"name": name, "trainable": True, "dtype": "float32", "function": called}
    kind = "SlicingOpLambda" if called.endswith("getitem") else "TFOpLambda"
    node = [source, 0, 0, arguments]
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": [node]}


def functional(name: str, source: str, result: str, layers: list[dict], **options) -> dict:
    ends = {"input_layers": [[source, 0, 0]], "output_layers": [[result, 0, 0]]}
    return {"class_name": "Functional", "config": {"name": name, "layers": layers} | ends | options}


def picture(name: str = "picture") -> dict:
    shape = {"batch_input_shape": [None, SIDE, SIDE, 3], "sparse": False, "ragged": False}
    made = layer("InputLayer", name, **shape)
    del made["config"]["trainable"]
    return made


_CONV = {
    "filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "data_format": "channels_last",
    "dilation_rate": [1, 1], "groups": 1, "activation": "linear", "use_bias": True,
    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
    "bias_initializer": {"class_name": "Zeros", "config": {}},
    "kernel_regularizer": None, "kernel_constraint": None,
}  # fmt: skip


def _named(kind: str, name: str, *inputs: str, **options) -> dict:
    return layer(kind, name, *inputs, **(_CONV | options))


def activations() -> tuple[dict, dict]:
    """`hard_sigmoid`, which Keras 3 computes otherwise; and slopes under their old name."""
    layers = [
        picture(),
        _named("Conv2D", "a", "picture", activation="hard_sigmoid"),
        layer("Activation", "b", "a", activation="hard_sigmoid"),
        _named("Conv2D", "c", "b"),
        layer("LeakyReLU", "d", "c", alpha=0.3),
        layer("ThresholdedReLU", "e", "d", theta=0.4),
        layer("GlobalAveragePooling2D", "f", "e", data_format="channels_last", keepdims=False),
        layer("Dense", "g", "f", units=3, activation="softmax", use_bias=True),
    ]
    kernel = {"kernel": (3, 3, 3, 4), "bias": (4,)}
    weights = {"a": kernel, "c": kernel | {"kernel": (3, 3, 4, 4)}, "g": {"kernel": (4, 3), "bias": (3,)}}
    return functional("net", "picture", "g", layers), weights


def convolutions() -> tuple[dict, dict]:
    """Layers whose options Keras 3 no longer has, and a list for an axis."""
    depthwise = {
        "depth_multiplier": 2,
        "depthwise_initializer": {"class_name": "GlorotUniform", "config": {}},
    }
    separable = depthwise | {"pointwise_initializer": {"class_name": "GlorotUniform", "config": {}}}
    layers = [
        picture(),
        _named("DepthwiseConv2D", "a", "picture", **depthwise, activation="relu"),
        layer("BatchNormalization", "b", "a", axis=[3], momentum=0.99, epsilon=0.01, center=True, scale=True),
        _named("SeparableConv2D", "c", "b", **separable),
        layer("SpatialDropout2D", "d", "c", rate=0.5, noise_shape=None, seed=None),
        _named("Conv2DTranspose", "e", "d", strides=[2, 2], output_padding=[1, 1]),
        layer(
            "RandomRotation", "f", "e", factor=0.2, fill_mode="reflect", interpolation="bilinear", seed=None
        ),
        layer("GlobalMaxPooling2D", "g", "f", data_format="channels_last", keepdims=False),
    ]
    del layers[1]["config"]["filters"]
    weights = {
        "a": {"depthwise_kernel": (3, 3, 3, 2), "bias": (6,)},
        "b": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (6,)),
        "c": {"depthwise_kernel": (3, 3, 6, 2), "pointwise_kernel": (1, 1, 12, 4), "bias": (4,)},
        "e": {"kernel": (3, 3, 4, 4), "bias": (4,)},
    }
    return functional("net", "picture", "g", layers), weights


def nested() -> tuple[dict, dict]:
    """A trunk, partly frozen, whose first use counts as 1, behind a model that acts in training alone."""
    trunk = functional("trunk", "inner", "t3", [
        picture("inner"),
        _named("Conv2D", "t1", "inner", filters=3, trainable=False),
        layer("BatchNormalization", "t2", "t1", axis=[3], epsilon=0.001),
        _named("Conv2D", "t3", "t2", filters=3),
    ])  # fmt: skip
    alter = {"class_name": "Sequential", "config": {"name": "alter", "layers": [
        picture("altered"),
        layer("RandomFlip", "flip", mode="horizontal", seed=None),
    ]}}  # fmt: skip
    layers = [
        picture(),
        alter | {"name": "alter", "inbound_nodes": [[["picture", 0, 0, {}]]]},
        trunk | {"name": "trunk", "inbound_nodes": [[["alter", 1, 0, {"training": False}]]]},
        layer("GlobalAveragePooling2D", "g", "trunk", use=1),
        layer("Dense", "h", "g", units=3, activation="softmax"),
    ]
    conv = {"kernel": (3, 3, 3, 3), "bias": (3,)}
    norm = {"gamma": (3,), "beta": (3,), "moving_mean": (3,), "moving_variance": (3,)}
    weights = {"trunk": {"t1": conv, "t2": norm, "t3": conv}, "h": {"kernel": (3, 3), "bias": (3,)}}
    return functional("net", "picture", "h", layers), weights


def functions() -> tuple[dict, dict]:
    """What `preprocess_input` and operators leave in a network."""
    every = {"start": None, "stop": None, "step": None}
    swap = [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]
    both = {"class_name": "TFOpLambda", "name": "join", "inbound_nodes": [
        [["swap", 0, 0, {"axis": -1}], ["relu", 0, 0, {"axis": -1}]]
    ], "config": {"name": "join", "trainable": True, "dtype": "float32", "function": "concat"}}  # fmt: skip
    layers = [
        picture(),
        function("swap", "__operators__.getitem", "picture", slice_spec=swap),
        function("mean", "nn.bias_add", "swap", bias=[-0.1, 0.2, 0.3], data_format="NHWC"),
        function("divide", "math.truediv", "mean", y=[0.5, 0.25, 2.0]),
        function("rest", "math.subtract", "_CONSTANT_VALUE", y=["divide", 0, 0]),
        function("relu", "nn.relu", "rest"),
        both,
        function(
            "crop", "__operators__.getitem", "join", slice_spec=[every, {"start": 1, "stop": -1, "step": 2}]
        ),
        function("means", "math.reduce_mean", "crop", axis=[1, 2]),
        function("softmax", "nn.softmax", "means", axis=-1),
    ]
    layers[4]["inbound_nodes"] = [["_CONSTANT_VALUE", -1, 1.0, {"y": ["divide", 0, 0], "name": None}]]
    return functional("net", "picture", "softmax", layers), {}


CASES = {case.__name__: case for case in (activations, convolutions, nested, functions)}


def values(role: str, shape: tuple[int, ...], number: int) -> np.ndarray:
    """Weights by a formula; a variance is positive."""
    wave = np.sin(np.arange(np.prod(shape)) * 1.3 + number).reshape(shape).astype(np.float32)
    return wave * 0.4 + 1 if role in ("moving_variance", "gamma") else wave * 0.6


_TRAINED = ("kernel", "bias", "depthwise_kernel", "pointwise_kernel", "gamma", "beta")
_FROZEN = "t1"


def h5(case: str) -> bytes:
    """The case as TensorFlow 2.12 writes an `.h5`: of a model inside first what is trained, then the rest."""
    config, weights = CASES[case]()
    file = io.BytesIO()
    with h5py.File(file, "w") as written:
        written.attrs.update(keras_version="2.12.0", backend="tensorflow", model_config=json.dumps(config))
        root = written.create_group("model_weights")
        names = [each["name"] for each in config["config"]["layers"]]
        root.attrs.update(layer_names=np.array(names, "S"), keras_version="2.12.0", backend="tensorflow")
        for name in names:
            group, arrays = root.create_group(name), list(_arrays(name, weights.get(name, {})))
            arrays.sort(key=lambda array: array[1] not in _TRAINED or array[0] == _FROZEN)
            for at, role, value in arrays:
                group[f"{at}/{role}:0"] = value
            group.attrs["weight_names"] = np.array([f"{at}/{role}:0" for at, role, _ in arrays], "S")
    return file.getvalue()


def _arrays(name: str, weights: dict) -> Iterator[tuple[str, str, np.ndarray]]:
    for number, (role, shape) in enumerate(weights.items()):
        if isinstance(shape, dict):
            yield from _arrays(role, shape)
        else:
            yield name, role, values(role, shape, number + len(name))


_PLACES = {
    "activations": {"a": "conv2d", "c": "conv2d_1", "g": "dense"},
    "convolutions": {
        "a": "depthwise_conv2d", "b": "batch_normalization", "c": "separable_conv2d", "e": "conv2d_transpose"
    },
    "nested": {
        "t1": "functional/layers/conv2d", "t2": "functional/layers/batch_normalization",
        "t3": "functional/layers/conv2d_1", "h": "dense"
    },
    "functions": {},
}  # fmt: skip


def keras(case: str, *, joined: str = "/", layers: str = "layers") -> bytes:
    """The case as TensorFlow 2.15 writes a `.keras`; earlier ones, and Windows, have other places inside."""
    config, weights = CASES[case]()
    inside, file = io.BytesIO(), io.BytesIO()
    with h5py.File(inside, "w") as written:
        for name, roles in weights.items():
            counts: dict[str, int] = {}
            for at, _, value in _arrays(name, roles):
                number = counts[at] = counts.get(at, -1) + 1
                place = f"layers/{_PLACES[case][at]}".replace("layers", layers).replace("/", joined)
                written[f"{place}/vars/{number}"] = value
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("config.json", json.dumps(config | {"module": "keras.src.engine.functional"}))
        zipped.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        zipped.writestr("model.weights.h5", inside.getvalue())
    return file.getvalue()


if __name__ == "__main__":
    import sys
    import tempfile
    from pathlib import Path

    import tensorflow as tf

    for case in CASES:
        path = Path(tempfile.mkdtemp()) / "theirs.h5"
        path.write_bytes(h5(case))
        answers = tf.keras.models.load_model(path, compile=False)(PIXELS, training=False)
        sys.stdout.write(f"{case}: {np.round(answers, 6).tolist()}\n")
