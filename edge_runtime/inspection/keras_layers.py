"""What each Keras layer does to a picture's shape, and how often it multiplies: from its saved options alone.

Shapes are without the batch: (height, width, channels). Keras is not asked, because to answer it would build
the layers of a file that nobody has vouched for, and first take four seconds to load TensorFlow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

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
