"""The functions of TensorFlow that Keras 2 saved in a network, and what Keras 3 has for each of them."""

_X_Y = {"x": "x1", "y": "x2"}
_REDUCED = {"axis": "axis", "keepdims": "keepdims", "keep_dims": "keepdims"}

TF_FUNCTIONS: dict[str, tuple[str, dict[str, str]]] = {
    **dict.fromkeys(("__operators__.add", "math.add"), ("add", _X_Y)),
    "math.subtract": ("subtract", _X_Y),
    "math.multiply": ("multiply", _X_Y),
    **dict.fromkeys(("math.truediv", "math.divide", "__operators__.truediv"), ("true_divide", _X_Y)),
    "math.pow": ("power", _X_Y),
    "math.maximum": ("maximum", _X_Y),
    "math.minimum": ("minimum", _X_Y),
    "math.greater": ("greater", _X_Y),
    "math.greater_equal": ("greater_equal", _X_Y),
    "math.less": ("less", _X_Y),
    "math.less_equal": ("less_equal", _X_Y),
    **{
        f"math.{name}": (theirs, {})
        for name, theirs in {
            **{name: name for name in ("negative", "square", "sqrt", "rsqrt", "exp", "log", "log1p", "abs")},
            **{name: name for name in ("sign", "floor", "ceil", "sin", "cos", "tanh", "sigmoid", "softplus")},
            "reciprocal": "reciprocal",
            "erf": "erf",
            "log_sigmoid": "log_sigmoid",
        }.items()
    },
    **{f"math.reduce_{name}": (name, _REDUCED) for name in ("mean", "max", "min", "sum", "prod", "std")},
    "math.reduce_variance": ("var", _REDUCED),
    **dict.fromkeys(
        ("math.l2_normalize", "nn.l2_normalize"), ("_l2_normalize", {"axis": "axis", "epsilon": "epsilon"})
    ),
    "nn.relu": ("relu", {}),
    "nn.relu6": ("relu6", {}),
    "nn.elu": ("elu", {}),
    "nn.selu": ("selu", {}),
    "nn.sigmoid": ("sigmoid", {}),
    "nn.tanh": ("tanh", {}),
    "nn.softplus": ("softplus", {}),
    "nn.softsign": ("softsign", {}),
    **dict.fromkeys(("nn.silu", "nn.swish"), ("_silu", {"beta": "beta"})),
    "nn.gelu": ("_gelu", {"approximate": "approximate"}),
    "nn.leaky_relu": ("leaky_relu", {"alpha": "negative_slope"}),
    "nn.softmax": ("softmax", {"axis": "axis"}),
    "nn.log_softmax": ("log_softmax", {"axis": "axis"}),
    "nn.bias_add": ("_bias_add", {"bias": "bias", "value": "value"}),
    **{
        f"nn.{name}{end}": (
            f"_{name}",
            {"ksize": "pool_size", "strides": "strides", "padding": "padding"},
        )
        for name in ("max_pool", "avg_pool")
        for end in ("2d", "")
    },
    "clip_by_value": ("clip", {"clip_value_min": "x_min", "clip_value_max": "x_max"}),
    "cast": ("cast", {"dtype": "dtype"}),
    "concat": ("concatenate", {"axis": "axis"}),
    "stack": ("stack", {"axis": "axis"}),
    "split": ("_split", {"num_or_size_splits": "sizes", "axis": "axis"}),
    "tile": ("tile", {"multiples": "repeats"}),
    "reshape": ("reshape", {"shape": "newshape"}),
    "expand_dims": ("expand_dims", {"axis": "axis"}),
    **dict.fromkeys(("squeeze", "compat.v1.squeeze"), ("squeeze", {"axis": "axis"})),
    **dict.fromkeys(("transpose", "compat.v1.transpose"), ("transpose", {"perm": "axes"})),
    **dict.fromkeys(
        ("pad", "compat.v1.pad"),
        ("_pad", {"paddings": "paddings", "mode": "mode", "constant_values": "value"}),
    ),
    "reverse": ("flip", {"axis": "axis"}),
    "where": ("_where", {"x": "x", "y": "y"}),
    **dict.fromkeys(("gather", "compat.v1.gather"), ("take", {"indices": "indices", "axis": "axis"})),
    **dict.fromkeys(("identity", "stop_gradient"), ("_same", {})),
    "image.resize": (
        "_resize",
        {"size": "size", "method": "method", "antialias": "antialias"},
    ),
    "image.rgb_to_grayscale": ("_grey", {}),
    "image.grayscale_to_rgb": ("_to_rgb", {}),
    "image.flip_left_right": ("_flip_left_right", {}),
    "image.flip_up_down": ("_flip_up_down", {}),
    "__operators__.getitem": ("_item", {"slice_spec": "places"}),
}
"""The name in `keras.ops`, or with an underscore one of `operations`; and TensorFlow's arguments there."""

WITHOUT_EFFECT = {
    "name": None,
    "conjugate": False,
    "data_format": "NHWC",
    "preserve_aspect_ratio": False,
    "validate_indices": None,
    "batch_dims": 0,
    "num": None,
}
"""Arguments that mean nothing: `name` whatever it is, the others with these values, or None."""
