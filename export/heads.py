"""The end of a Keras network made elsewhere, and the network that gives a row of probabilities for it.

The graph decides: a softmax in half precision does not sum to 1, and independent scores may by chance. Only
where it tells nothing, such as after arithmetic, the values for a few pictures do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..data.backend import keras
from ..edge_runtime.errors import BadModel
from ..edge_runtime.models.card import ModelCard, Scores

Kind = Literal["softmax", "sigmoid", "logits", "other"]

_KINDS: dict[str, Kind] = {
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    "hardsigmoid": "sigmoid",
    "linear": "logits",
    "weights": "logits",
    "logsoftmax": "logits",  # a softmax of it is the softmax
    "logsigmoid": "other",
}
"""By the names of activations, layers and operations, in small letters without underscores."""
_KEEPS_VALUES = frozenset(
    (
        *("activityregularization", "cast", "copy", "dropout", "flatten", "globalaveragepooling2d"),
        *("globalmaxpooling2d", "identity", "linear", "permute", "reshape", "squeeze", "stopgradient"),
    )
)
_COMBINES = frozenset(["average", "concatenate", "maximum", "mean", "minimum"])
"""Of several tensors of one kind, the result is of that kind."""
_ARITHMETIC = frozenset(
    ["add", "batchnormalization", "divide", "multiply", "negative", "rescaling", "subtract", "truedivide"]
)
"""Of logits, the result is logits; of probabilities it is not known what."""
_SEED, _TRIALS = 0, 8
_ROUNDING, _HALF_ROUNDING = 1e-3, 0.05
"""How far a sum may be from 1, in float32 and in bfloat16."""


@dataclass(frozen=True)
class Ended:
    """A network that gives a row of scores, one for each label."""

    network: Any
    """A Keras model, float32 (N, H, W, channels) to float32 (N, C)."""
    scores: Scores
    """`probabilities`, or `independent`."""
    note: str = ""
    """What a user should know of the scores."""


def with_scores(network: Any, card: ModelCard, name: str) -> Ended:
    """Adds to a classifier what its end lacks: a softmax, or the other probability of a binary one.

    Args:
        network: gives (N, C), or (N, 1) for two labels: the second one's probability or logit.
        card: its labels and its input.
        name: of the file, for the error message.

    Raises:
        BadModel: it gives one value for two labels, and that is neither.
    """
    kind, last = _kind_of(network.outputs[0])
    if network.output_shape[1] == 1:
        return _binary(network, kind, last, card, name)
    if kind == "sigmoid":
        return Ended(network, "independent")
    note = ""
    if kind != "logits":
        if _sums_to_1(_answers(network, card), _HALF_ROUNDING if kind == "softmax" else _ROUNDING):
            return Ended(network, "probabilities")
        note = (
            f"its end ({last}) gives neither probabilities nor logits; a softmax was added, so the best label"
            " is the network's and the percentages are not"
        )
    return Ended(keras.Sequential([network, keras.layers.Softmax()]), "probabilities", note)


def _binary(network: Any, kind: Kind, last: str, card: ModelCard, name: str) -> Ended:
    if kind not in ("sigmoid", "logits"):
        why = "a softmax of one value is always 1" if kind == "softmax" else f"by {last}"
        raise BadModel(
            f"{name}: gives one value for two labels, {why}; end it in a Dense(1, activation='sigmoid')"
        )
    second = network.outputs[0]
    if kind == "logits":
        second = keras.layers.Activation("sigmoid")(second)
    first = keras.layers.Rescaling(-1.0, 1.0)(second)
    both = keras.layers.Concatenate()([first, second])
    note = f"its one score is taken for that of {card.labels[1]}, the second label"
    return Ended(keras.Model(network.inputs[0], both), "probabilities", note)


def _answers(network: Any, card: ModelCard) -> np.ndarray:
    """What it gives for random pictures, float32 (N, C)."""
    pictures = np.random.default_rng(_SEED).integers(0, 256, (_TRIALS, *card.image.shape))
    scale, offset = (np.asarray(value, np.float32) for value in (card.scale, card.offset))  # of each channel
    scaled = pictures.astype(np.float32) * scale + offset
    return np.asarray(keras.ops.cast(network(scaled, training=False), "float32"))


def _sums_to_1(answers: np.ndarray, rounding: float) -> bool:
    return bool(answers.min() >= -rounding and np.abs(answers.sum(1) - 1).max() < rounding)


def _kind_of(tensor: Any) -> tuple[Kind, str]:
    """What made a Keras tensor, and its name."""
    operation, node, index = tensor._keras_history
    if hasattr(operation, "layers"):  # a model inside
        return _kind_of(operation.outputs[index])
    name = _name_of(operation)
    sources = list(_sources(operation, node))
    kind: Kind = _KINDS.get(name, "other")
    if name in _KEEPS_VALUES and len(sources) == 1:
        return _kind_of(sources[0])
    if sources and (name in _COMBINES or name in _ARITHMETIC):
        found: set[Kind] = {_kind_of(source)[0] for source in sources}
        if found == {"logits"} or (found == {"sigmoid"} and name in _COMBINES):
            (kind,) = found
    return kind, f"{operation.name}, {name}"


def _sources(operation: Any, node: int) -> Iterator[Any]:
    for tensor in operation._inbound_nodes[node].input_tensors:
        if hasattr(tensor, "_keras_history"):
            yield tensor


def _name_of(operation: Any) -> str:
    """The activation of a layer that has one, else its class, in small letters without underscores."""
    name = type(operation).__name__
    if hasattr(operation, "activation"):
        activation = operation.activation
        name = "linear" if activation is None else getattr(activation, "__name__", type(activation).__name__)
        if name == "linear" and type(operation).__name__ != "Activation":
            return "weights"
    return name.replace("_", "").lower()
