"""What is known of an `.h5` or `.keras` file, read from its own description: Keras builds nothing."""

import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any

from ..errors import BadModel
from ..models.model_file import load_h5py
from .facts import NetworkFacts, OperatorFacts, TensorFacts

# Finds its way in the description that Keras saves with a model, as versions 1, 2 and 3 write it.

Described = dict[str, Any]
"""A layer or model: its `class_name`, and in `config` its options."""

MODELS = ("Sequential", "Functional", "Model")
MISFITS = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What a description raises that is not as Keras writes it."""


def class_names(description: Any) -> Iterator[str]:
    """The class of everything that would be built, at any depth: layers, initializers, functions."""
    waiting = [description]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("class_name"), str):
                yield item["class_name"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def computing_layers(model: Described) -> Iterator[str]:
    """The classes of the layers that compute, those of models inside the model included."""
    for layer in layers_of(model):
        if layer["class_name"] in MODELS:
            yield from computing_layers(layer)
        elif layer["class_name"] != "InputLayer":
            yield layer["class_name"]


def layers_of(model: Described) -> list[Described]:
    """A model's layers; Keras 1 and the first of Keras 2 saved a sequence as a mere list."""
    inner = model["config"]
    return inner if isinstance(inner, list) else inner["layers"]


def name_of(layer: Described) -> str:
    """A layer's name, unique in its model."""
    return layer.get("name") or layer["config"]["name"]


def dtype_of(layer: Described) -> str:
    """A layer's own; Keras 3 saves a policy, such as `mixed_float16`, in its place."""
    dtype = layer["config"].get("dtype") or "float32"
    name = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    return str(name).removeprefix("mixed_")


def saved_shape(layer: Described, model: Described) -> tuple[int | None, ...] | None:
    """What a first layer takes, with the batch: its own option, or what the model was built with."""
    options, whole = layer["config"], model["config"]
    built = whole.get("build_input_shape") if isinstance(whole, dict) else None
    shape = options.get("batch_shape") or options.get("batch_input_shape") or built
    return tuple(shape) if shape else None


def tensors_of(value: Any) -> Iterator[tuple[str, int, int]]:
    """The tensors (layer, use, output) that a saved call names, in order.

    Keras 2 wrote `["conv", 0, 0, {}]`, Keras 3 puts `["conv", 0, 0]` into a description of the tensor.
    """
    match value:
        case [str(layer), int(use), int(at), *_]:
            yield layer, use, at
        case {"config": {"keras_history": history}}:
            yield from tensors_of(history)
        case {"args": arguments}:
            yield from tensors_of(arguments)
        case list():
            for item in value:
                yield from tensors_of(item)
        case dict():
            for item in value.values():
                yield from tensors_of(item)


# What stands in an HDF5 file, read so that nothing outside the file is opened and no memory runs out.

_SPARE_BYTES = 64 * 2**20
_COMPRESSION = 16
"""Arrays may take this many times the file's size and `_SPARE_BYTES`; Keras compresses none."""


@dataclass(frozen=True)
class H5Content:
    """The file's texts and arrays."""

    texts: dict[str, str]
    """The root's attributes that are texts."""
    arrays: dict[str, tuple[int, ...]]
    """The shape of each array, by its path from the root."""


def read_h5(content: bytes, name: str) -> H5Content:
    """Reads an HDF5 file; every array is read once, so that a damaged one is found here.

    Raises:
        BadModel: damaged; links or arrays that lead to other places; arrays much larger than the file.
        Unavailable: h5py is not installed.
    """
    h5py = load_h5py()
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            texts = {key: file.attrs[key] for key in file.attrs}
            arrays = dict(_arrays(file, _SPARE_BYTES + _COMPRESSION * len(content)))
    except _Refused as error:
        raise BadModel(f"{name}: refused: {error}; save it again with Keras") from error
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadModel(f"{name}: not a readable HDF5 file: {reason}; copy it again") from error
    return H5Content(
        {key: _text(value) for key, value in texts.items() if isinstance(value, str | bytes)}, arrays
    )


class _Refused(Exception):
    """What a file must not contain."""


def _arrays(file: Any, allowed_bytes: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    h5py: Any = load_h5py()
    waiting, seen = [file], {_address(file)}
    while waiting:
        group = waiting.pop()
        for key in group:
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):  # before it is followed
                raise _Refused(f"{key} is a link to another place")
            item = group[key]
            if _address(item) in seen:  # hard links can form a circle
                continue
            seen.add(_address(item))
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                allowed_bytes -= _check(item, allowed_bytes)
                yield str(item.name), item.shape or ()


def _check(array: Any, allowed_bytes: int) -> int:
    """Reads an array, after its description has been found harmless; returns its size in bytes."""
    if array.is_virtual or array.external:
        raise _Refused(f"{array.name} has its values in another file")
    size_bytes = (array.size or 0) * array.dtype.itemsize
    if size_bytes > allowed_bytes:
        raise _Refused(f"{array.name} takes {size_bytes / 2**20:,.0f} MB, far more than the file")
    array[()]
    return size_bytes


def _address(item: Any) -> int:
    """Where in the file an object stands; its names may be many."""
    h5py: Any = load_h5py()
    return h5py.h5o.get_info(item.id).addr


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


# What an `.h5` or `.keras` file says of its network: the layers as they were saved, and the arrays.
#
# Keras builds nothing here, so that no code of the file can run.

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_TEXT_BYTES = 64 * 2**20
_PACKED_SPARE_BYTES, _PACKED_COMPRESSION = 2**20, 4
"""The weights may unpack to so much, and so many times the file's size; Keras itself packs nothing."""
_NOT_THE_NETWORKS = ("optimizer", "metrics", "compile_metrics")
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError),  # damaged
    *(LookupError, ValueError, RuntimeError),  # without a part; with numbers that make no sense; encrypted
)
_CODE = frozenset(["Lambda", "__lambda__"])
_H5_WEIGHTS = "/model_weights/"


@dataclass(frozen=True)
class KerasContent:
    """A network as Keras saved it."""

    keras_version: str
    config: dict[str, Any]
    """As Keras wrote it: `class_name`, and in `config` the layers."""
    parameters: int
    """Numbers in the network's arrays, without the optimizer's."""


def read_keras(content: bytes, name: str) -> KerasContent:
    """Reads an `.h5` or `.keras` file; which it is shows in its first bytes.

    Raises:
        BadModel: damaged, not a Keras model, with a Lambda layer, or as `read_h5`.
        Unavailable: h5py is not installed.
    """
    is_zip = content.startswith(b"PK\x03\x04")
    keras = _from_zip(content, name) if is_zip else _from_h5(content, name)
    if not _CODE.isdisjoint(class_names(keras.config)):
        raise BadModel(f"{name}: refused: a Lambda layer can run code; replace it by a Keras layer")
    return keras


def _from_h5(content: bytes, name: str) -> KerasContent:
    file = read_h5(content, name)
    if "model_config" not in file.texts:
        raise BadModel(f"{name}: an HDF5 file without a Keras model; save the whole model")
    sizes = [prod(shape) for path, shape in file.arrays.items() if path.startswith(_H5_WEIGHTS)]
    config = _parsed(file.texts["model_config"], name)
    return KerasContent(file.texts.get("keras_version", "1"), config, sum(sizes))


def _from_zip(content: bytes, name: str) -> KerasContent:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if _CONFIG not in archive.namelist():
                raise BadModel(f"{name}: a zip file without a Keras model; name a .keras file, or unpack it")
            config, metadata = (_member(archive, part, _TEXT_BYTES) for part in (_CONFIG, _METADATA))
            weights = _member(archive, _WEIGHTS, _PACKED_SPARE_BYTES + _PACKED_COMPRESSION * len(content))
    except _UNREADABLE as error:
        raise BadModel(f"{name}: not a whole .keras file: {error}; copy it again") from error
    arrays = read_h5(weights, name).arrays
    sizes = [prod(shape) for path, shape in arrays.items() if _is_the_networks(path)]
    return KerasContent(
        str(_parsed(metadata, name).get("keras_version", "")), _parsed(config, name), sum(sizes)
    )


def _member(archive: zipfile.ZipFile, part: str, limit_bytes: int) -> bytes:
    """A part of the zip; one that unpacks to more than it should is a bomb, whatever its header says."""
    with archive.open(part) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise ValueError(f"{part} unpacks to more than {limit_bytes:,} bytes")
    return content


def _is_the_networks(path: str) -> bool:
    """Whether an array of a `.keras` file belongs to the network; a Dropout's random seed does not."""
    parts = path.strip("/").split("/")
    return parts[0] not in _NOT_THE_NETWORKS and "seed_generator" not in parts


def _parsed(text: str | bytes, name: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadModel(f"{name}: its description of the layers is damaged: {error}; copy it again") from error
    if not isinstance(values, dict):
        raise BadModel(f"{name}: its description of the layers is damaged; copy it again")
    return values


# What each Keras layer does to a picture's shape, and how often it multiplies: from its saved options alone.
#
# Shapes are without the batch: (height, width, channels). Keras is not asked, because to answer it would
# build
# the layers of a file that nobody has vouched for, and first take four seconds to load TensorFlow.

Shape = tuple[int, ...]
Options = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What one layer makes of its inputs."""

    shape: Shape
    macs: int = 0
    weights: int = 0
    """Numbers in its kernels; biases and the like are not counted."""


def is_known(layer: str) -> bool:
    """Whether `step` can follow this class of layers."""
    return layer in _LAYERS


def step(layer: str, options: Options, inputs: list[Shape]) -> Step:
    """Follows one layer.

    Raises:
        ValueError, LookupError, TypeError, ArithmeticError: options or inputs that do not fit it.
    """
    done = _LAYERS[layer](options, *inputs)
    if not all(isinstance(number, int) and number >= 0 for number in (*done.shape, done.macs, done.weights)):
        raise ValueError(f"a shape of {done.shape}")
    return done


def _same(_: Options, shape: Shape) -> Step:
    return Step(shape)


def _prelu(options: Options, shape: Shape) -> Step:
    shared = options.get("shared_axes") or []
    return Step(shape, weights=prod(1 if axis + 1 in shared else size for axis, size in enumerate(shape)))


def _merged(_: Options, *shapes: Shape) -> Step:
    """A size of 1 is repeated to the other's."""
    return Step(tuple(map(max, zip(*shapes, strict=True))))


def _concatenated(options: Options, *shapes: Shape) -> Step:
    axis = options.get("axis", -1)
    axis = axis % len(shapes[0]) if axis < 0 else axis - 1
    joined = sum(shape[axis] for shape in shapes)
    return Step(tuple(joined if at == axis else size for at, size in enumerate(shapes[0])))


def _dense(options: Options, shape: Shape) -> Step:
    units = options["units"]
    return Step((*shape[:-1], units), prod(shape) * units, shape[-1] * units)


def _embedding(options: Options, shape: Shape) -> Step:
    return Step((*shape, options["output_dim"]), weights=options["input_dim"] * options["output_dim"])


def _flatten(_: Options, shape: Shape) -> Step:
    return Step((prod(shape),))


def _reshape(options: Options, shape: Shape) -> Step:
    target = options["target_shape"]
    rest = prod(shape) // max(1, prod(size for size in target if size >= 0))
    out = tuple(rest if size < 0 else size for size in target)
    if prod(out) != prod(shape):
        raise ValueError(f"{shape} into {out}")
    return Step(out)


def _permute(options: Options, shape: Shape) -> Step:
    return Step(tuple(shape[axis - 1] for axis in options["dims"]))


def _repeat(options: Options, shape: Shape) -> Step:
    return Step((options["n"], *shape))


def _resize(options: Options, shape: Shape) -> Step:
    return _over_sizes(options, shape, lambda _: (options["height"], options["width"]))


def _convolution(options: Options, shape: Shape) -> Step:
    size, channels = _split(options, shape)
    kernel, filters = _numbers(options["kernel_size"], len(size)), options["filters"]
    out = _window(size, kernel, options, dilated=True)
    weights = prod(kernel) * (channels // options.get("groups", 1)) * filters
    return Step(_join(options, out, filters), prod(out) * weights, weights)


def _depthwise_convolution(options: Options, shape: Shape) -> Step:
    size, channels = _split(options, shape)
    kernel, channels = _numbers(options["kernel_size"], len(size)), channels * options["depth_multiplier"]
    out = _window(size, kernel, options, dilated=True)
    weights = prod(kernel) * channels
    return Step(_join(options, out, channels), prod(out) * weights, weights)


def _separable_convolution(options: Options, shape: Shape) -> Step:
    depthwise = _depthwise_convolution(options, shape)
    pointwise = _convolution(
        {"kernel_size": 1, "filters": options["filters"], "data_format": _format(options)}, depthwise.shape
    )
    return Step(pointwise.shape, depthwise.macs + pointwise.macs, depthwise.weights + pointwise.weights)


def _transposed_convolution(options: Options, shape: Shape) -> Step:
    size, channels = _split(options, shape)
    kernel, filters = _numbers(options["kernel_size"], len(size)), options["filters"]
    weights = prod(kernel) * channels * filters
    strides = _numbers(options.get("strides", 1), len(size))
    added = options.get("output_padding")
    added = [None] * len(size) if added is None else _numbers(added, len(size))
    out = tuple(
        _transposed(*sizes, is_same=options.get("padding") == "same")
        for sizes in zip(size, kernel, strides, added, strict=True)
    )
    return Step(_join(options, out, filters), prod(size) * weights, weights)


def _transposed(size: int, kernel: int, stride: int, added: int | None, *, is_same: bool) -> int:
    """Keras's `deconv_output_length`."""
    if added is not None:
        return (size - 1) * stride + kernel - (2 * (kernel // 2) if is_same else 0) + added
    return size * stride + (0 if is_same else max(kernel - stride, 0))


def _pooling(options: Options, shape: Shape) -> Step:
    def pooled(size: Shape) -> Shape:
        window = _numbers(options["pool_size"], len(size))
        strides = options.get("strides")
        return _window(size, window, {**options, "strides": window if strides is None else strides})

    return _over_sizes(options, shape, pooled)


def _global_pooling(options: Options, shape: Shape) -> Step:
    size, channels = _split(options, shape)
    return Step(_join(options, (1,) * len(size), channels) if options.get("keepdims") else (channels,))


def _cropping(options: Options, shape: Shape) -> Step:
    return _over_sizes(options, shape, lambda size: _framed(size, options["cropping"], -1))


def _zero_padding(options: Options, shape: Shape) -> Step:
    return _over_sizes(options, shape, lambda size: _framed(size, options["padding"], 1))


def _up_sampling(options: Options, shape: Shape) -> Step:
    def larger(size: Shape) -> Shape:
        return tuple(n * by for n, by in zip(size, _numbers(options["size"], len(size)), strict=True))

    return _over_sizes(options, shape, larger)


def _over_sizes(options: Options, shape: Shape, change: Callable[[Shape], Shape]) -> Step:
    size, channels = _split(options, shape)
    return Step(_join(options, change(size), channels))


def _framed(size: Shape, frame: Any, sign: int) -> Shape:
    """Adds a frame to a size, or takes it off: one width, one for each axis, or one for each end of each."""
    if len(size) == 1:
        frame = [frame]
    ends = [n if isinstance(n, list) else [n, n] for n in (frame if isinstance(frame, list) else [frame] * 2)]
    return tuple(n + sign * sum(end) for n, end in zip(size, ends, strict=True))


def _window(size: Shape, kernel: Shape, options: Options, *, dilated: bool = False) -> Shape:
    """How often a window fits, along each axis."""
    strides = _numbers(options.get("strides", 1), len(size))
    spread = _numbers(options.get("dilation_rate", 1), len(size)) if dilated else (1,) * len(size)
    if options.get("padding", "valid") in ("same", "causal"):
        return tuple(ceil(n / stride) for n, stride in zip(size, strides, strict=True))
    each = zip(size, kernel, strides, spread, strict=True)
    return tuple((n - by * (k - 1) - 1) // stride + 1 for n, k, stride, by in each)


def _split(options: Options, shape: Shape) -> tuple[Shape, int]:
    """(height, width) and channels."""
    if _format(options) == "channels_first":
        return shape[1:], shape[0]
    return shape[:-1], shape[-1]


def _join(options: Options, size: Shape, channels: int) -> Shape:
    return (channels, *size) if _format(options) == "channels_first" else (*size, channels)


def _format(options: Options) -> str:
    return options.get("data_format") or "channels_last"


def _numbers(value: int | list[int] | Shape, count: int) -> Shape:
    return (value,) * count if isinstance(value, int) else tuple(value)


_LAYERS: dict[str, Callable[..., Step]] = {
    "CenterCrop": _resize,
    "Concatenate": _concatenated,
    "Dense": _dense,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "PReLU": _prelu,
    "Permute": _permute,
    "RepeatVector": _repeat,
    "Reshape": _reshape,
    "Resizing": _resize,
}
_KINDS: list[tuple[Callable[..., Step], str]] = [
    (_convolution, "Conv1D Conv2D Conv3D"),
    (_cropping, "Cropping1D Cropping2D"),
    (_depthwise_convolution, "DepthwiseConv1D DepthwiseConv2D"),
    (_global_pooling, "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D"),
    (_global_pooling, "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D"),
    (_merged, "Add Average Maximum Minimum Multiply Subtract"),
    (_pooling, "AveragePooling1D AveragePooling2D AveragePooling3D"),
    (_pooling, "MaxPooling1D MaxPooling2D MaxPooling3D"),
    (_same, "Activation ELU LeakyReLU ReLU Softmax ThresholdedReLU"),
    (_same, "BatchNormalization GroupNormalization LayerNormalization Normalization UnitNormalization"),
    (_same, "ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise"),
    (_same, "SpatialDropout1D SpatialDropout2D SpatialDropout3D"),
    (_same, "RandomBrightness RandomContrast RandomFlip RandomRotation RandomTranslation RandomZoom"),
    (_same, "Identity Rescaling"),
    (_separable_convolution, "SeparableConv1D SeparableConv2D"),
    (_transposed_convolution, "Conv1DTranspose Conv2DTranspose Conv3DTranspose"),
    (_up_sampling, "UpSampling1D UpSampling2D UpSampling3D"),
    (_zero_padding, "ZeroPadding1D ZeroPadding2D"),
]
for _kind, _names in _KINDS:
    _LAYERS.update(dict.fromkeys(_names.split(), _kind))


# Follows one picture's shape through a saved Keras model, layer by layer, without building it.

_MAX_NUMBERS = 2**28
"""That a layer may give for one picture: 1 GB of float32."""
_SPARE_WEIGHTS = 2**20
_PACKED = 4
"""Layers may need so many times the numbers that the file holds, and `_SPARE_WEIGHTS`: some are packed."""


@dataclass(frozen=True)
class KerasGraph:
    """What a model takes, gives and does."""

    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    macs: int | None
    macs_unknown: str


def check_keras(content: bytes, name: str) -> KerasContent:
    """What must hold before Keras itself may open a file, and build what it describes.

    Raises:
        BadModel: see `read_keras` and `follow`.
        Unavailable: h5py is not installed.
    """
    model = read_keras(content, name)
    follow(model, name)
    return model


def follow(model: KerasContent, name: str) -> KerasGraph:
    """Follows one picture through the model.

    Raises:
        BadModel: what a layer gives, or the weights that the layers need, would take all memory.
    """
    way = _Way()
    try:
        shapes, unknown = way.through_model(model.config, None), ""
    except _TooLarge as error:
        raise BadModel(f"{name}: refused: {error}; save it again with Keras") from error
    except _Unknown as error:
        shapes, unknown = None, str(error)
    except MISFITS:
        shapes, unknown = None, "the description of the layers cannot be followed"
    if way.weights > _SPARE_WEIGHTS + _PACKED * model.parameters:
        raise BadModel(
            f"{name}: refused: its layers need far more weights than the {model.parameters:,} in it; "
            "save it again with Keras"
        )
    inputs, outputs = _ends(model.config, shapes)
    return KerasGraph(inputs, outputs, None if unknown else way.macs, unknown)


class _Unknown(Exception):
    """Something whose shape does not follow from the file."""


class _TooLarge(Exception):
    """A layer that would take all memory."""


@dataclass
class _Way:
    """One picture's way through a model, and what was counted on it."""

    macs: int = 0
    weights: int = 0
    seen: set[int] = field(default_factory=set)
    """Layers by their id: one that is used twice has its weights once."""

    def through_model(self, model: Options, inputs: list[Shape] | None) -> list[Shape]:
        """The shapes that a model gives; without inputs, it takes the shapes that were saved with it."""
        if model["class_name"] == "Sequential":
            return self._through_sequence(model, inputs)
        if model["class_name"] in MODELS:
            return self._through_graph(model, inputs)
        raise _Unknown(f"{model['class_name']} is not a model of known layers")

    def _through_sequence(self, model: Options, inputs: list[Shape] | None) -> list[Shape]:
        layers = layers_of(model)
        shapes = inputs or [_for_one_picture(saved_shape(layers[0], model))]
        for layer in layers:
            shapes = self._through_layer(layer, shapes)
        return shapes

    def _through_graph(self, model: Options, inputs: list[Shape] | None) -> list[Shape]:
        graph, layers = model["config"], {name_of(layer): layer for layer in layers_of(model)}
        sources = list(tensors_of(graph["input_layers"]))
        if inputs is None:
            inputs = [_for_one_picture(saved_shape(layers[layer], model)) for layer, _, _ in sources]
        known = {(layer, use): [shape] for (layer, use, _), shape in zip(sources, inputs, strict=True)}
        first_use = _first_uses(graph)
        waiting = [
            (layer, use, list(tensors_of(node)))
            for layer in layers
            for use, node in enumerate(layers[layer].get("inbound_nodes", ()), first_use.get(layer, 0))
        ]
        while waiting:
            ready = [call for call in waiting if all(source[:2] in known for source in call[2])]
            if not ready:
                raise _Unknown("its layers do not follow from its inputs")
            for layer, use, taken in ready:
                shapes = [known[source, index][at] for source, index, at in taken]
                known[layer, use] = self._through_layer(layers[layer], shapes)
            waiting = [call for call in waiting if call[:2] not in known]
        return [known[layer, use][at] for layer, use, at in tensors_of(graph["output_layers"])]

    def _through_layer(self, layer: Options, inputs: list[Shape]) -> list[Shape]:
        kind = layer.get("registered_name") or layer["class_name"]  # the first is set for classes of others
        if kind == "InputLayer":
            return inputs
        if kind in MODELS:
            return self.through_model(layer, inputs)
        if not is_known(kind):
            raise _Unknown(f"what a layer {kind} does is not known")
        done = step(kind, layer["config"], inputs)
        if prod(done.shape) > _MAX_NUMBERS:
            raise _TooLarge(f"a layer {kind} gives more than {_MAX_NUMBERS:,} numbers for one picture")
        self.macs += done.macs
        self.weights += 0 if id(layer) in self.seen else done.weights
        self.seen.add(id(layer))
        return [done.shape]


def _first_uses(graph: Options) -> dict[str, int]:
    """The number of each layer's first use: for a model inside, Keras 2 counts its own building as use 0."""
    calls = [layer.get("inbound_nodes", []) for layer in graph["layers"]]
    first: dict[str, int] = {}
    for layer, use, _ in tensors_of([graph["output_layers"], *calls]):
        first[layer] = min(use, first.get(layer, use))
    return first


def _ends(
    model: Options, shapes: list[Shape] | None
) -> tuple[tuple[TensorFacts, ...], tuple[TensorFacts, ...]]:
    """The inputs and outputs; none where the description is unusual."""
    try:
        sources, results = _end_layers(model)
        taken = [saved_shape(layer, model) for layer in sources]
        given = [(None, *shape) for shape in shapes] if shapes else [None] * len(results)
        return tuple(map(_end, sources, taken)), tuple(map(_end, results, given))
    except MISFITS:
        return (), ()


def _end(layer: Options, shape: tuple[int | None, ...] | None) -> TensorFacts:
    return TensorFacts(name_of(layer), dtype_of(layer), shape)


def _end_layers(model: Options) -> tuple[list[Options], list[Options]]:
    layers = layers_of(model)
    if model["class_name"] == "Sequential":
        return layers[:1], layers[-1:]
    named = {name_of(layer): layer for layer in layers}
    ends = (tensors_of(model["config"][key]) for key in ("input_layers", "output_layers"))
    sources, results = ([named[layer] for layer, _, _ in end] for end in ends)
    return sources, results


def _for_one_picture(shape: tuple[int | None, ...] | None) -> Shape:
    sizes = [size for size in shape[1:] if isinstance(size, int)] if shape else []
    if not shape or len(sizes) != len(shape) - 1:
        raise _Unknown("the size of its input is not fixed")
    return tuple(sizes)


def read_network(content: bytes, name: str) -> NetworkFacts:
    """Reads the facts of a Keras model.

    Raises:
        BadModel: damaged, not a whole model, or refused: see `check_keras`.
        Unavailable: h5py is not installed.
    """
    model = read_keras(content, name)
    graph = follow(model, name)
    return NetworkFacts(
        made_with=f"Keras {model.keras_version}",
        inputs=graph.inputs,
        outputs=graph.outputs,
        operators=_operators(model.config),
        parameters=model.parameters,
        macs=graph.macs,
        macs_unknown=graph.macs_unknown,
    )


def _operators(model: Described) -> tuple[OperatorFacts, ...]:
    try:
        counts = Counter(computing_layers(model))
    except MISFITS:  # a model of its own class says nothing of its layers
        return ()
    return tuple(OperatorFacts(layer, count) for layer, count in counts.items())


# Which Keras layers may be loaded. Imports no TensorFlow: a child process with little memory asks it.

ALLOWED_LAYERS = frozenset(
    [
        "Activation",
        "Add",
        "Average",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2D",
        "Conv2DTranspose",
        "Cropping2D",
        "Dense",
        "DepthwiseConv2D",
        "Dropout",
        "Flatten",
        "Functional",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling2D",
        "GlobalMaxPooling2D",
        "InputLayer",
        "LayerNormalization",
        "LeakyReLU",
        "MaxPooling2D",
        "Maximum",
        "Multiply",
        "Normalization",
        "PReLU",
        "Permute",
        "ReLU",
        "Rescaling",
        "Reshape",
        "SeparableConv2D",
        "Sequential",
        "Softmax",
        "SpatialDropout2D",
        "Subtract",
        "UpSampling2D",
        "ZeroPadding2D",
    ]
)
"""Layers that only compute. A Lambda layer, or a class from another package, can run any code when loaded."""


def refuse_code(content: bytes, name: str) -> None:
    """Reads the layers from a file's own description, before Keras builds any of them.

    Raises:
        BadModel: it cannot be read, or holds a layer outside `ALLOWED_LAYERS`; `name` is the file's.
    """
    for layer in sorted(set(computing_layers(check_keras(content, name).config))):
        if layer not in ALLOWED_LAYERS:
            raise BadModel(f"{name}: refused: layer {layer} is not on the list of layers that only compute")
