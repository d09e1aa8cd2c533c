"""Familiarity: how much a picture is like the training pictures, computed inside an exported network.

A network with a pretrained backbone notices what none of its classes are: the features of such a picture are
unlike those of every training picture, even where the softmax is sure of a class. A few prototypes stand for
the training pictures: the centres that k-means finds in the normalised features of each class. Familiarity is
a sigmoid of the cosine to the nearest prototype, and the probabilities are multiplied by it. So they add up
to the familiarity, and one threshold, fitted for each file, refuses what is unsure and what was never seen,
on any host that reads one row of scores.

A prototype is a column of a dense layer's weights, which int8 does not harm.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from ..data.backend import keras
from ..data.split import Split, stratified
from .confidence import fitted_temperature
from .keras_file import KerasEngine
from .layer_names import FAMILIARITY, PROTOTYPES

MOST_A_CLASS, MOST_PROTOTYPES = 32, 256
"""Prototypes of a class, and of all together but for one a class."""

_TRAINING_IMAGES = 2000
"""That prototypes are made from, at most: 5 CPU-seconds of a whole Lite0 at 96 px for each 1,000."""
_LEAST_FAMILIAR = 0.05
"""The share of validation images whose familiarity is under 1/2."""
_MEDIAN_AT = 4.0
"""Of the sigmoid: the median validation image has a familiarity of 0.98."""
_STEEPEST = 100.0
"""In int8 a cosine has steps of about 0.005, each of which then changes the familiarity by 0.12 at most."""
_SMALL = 1e-6


def with_familiarity(original: KerasEngine, train: Split, val: Split) -> KerasEngine:
    """Returns a network whose probabilities are calibrated, and multiplied by the familiarity.

    Args:
        original: a network that ends in a dense layer with softmax; any other is returned as it is.
        train: prototypes are made from its images.
        val: images that are not trained on; the temperature and what counts as alike are fitted to them.
    """
    last = original.network.layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.activation is not keras.activations.softmax:
        return original
    features = KerasEngine((keras.Model(original.network.inputs, last.input), original.model))
    chosen = stratified(train.truth, min(_TRAINING_IMAGES, len(train.truth)), seed=0)
    centres = prototypes(features.predict_batch(train.images[chosen]), train.truth[chosen])
    of_val = features.predict_batch(val.images)
    slope, offset = fit_sigmoid(likeness(of_val, centres))
    temperature = fitted_temperature(np.asarray(last(of_val)), val.truth)
    network = _extended(original.network, centres, slope, offset, temperature)
    card = replace(original.model.card, familiarity=True)
    return KerasEngine((network, replace(original.model, card=card)))


def prototypes(features: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Returns the prototypes of all classes, float32 (K, F).

    Args:
        features: float32 (N, F), of training images.
        truth: int64 (N,).
    """
    classes = np.unique(truth)
    count = int(np.clip(MOST_PROTOTYPES // len(classes), 1, MOST_A_CLASS))
    found = []
    for number in classes:
        of_class = _normalised(features[truth == number])
        if len(of_class) > count:
            with threadpool_limits(1):  # sums in another order would give another file
                of_class = KMeans(count, n_init="auto", random_state=0).fit(of_class).cluster_centers_
        found.append(of_class)
    return np.concatenate(found).astype(np.float32)


def likeness(features: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Returns the cosine of features (N, F) to the nearest prototype, (N,).

    A prototype of pictures that differ is shorter than 1, so that it has to be met more exactly.
    """
    return (_normalised(features) @ centres.T).max(1)


def fit_sigmoid(cosines: np.ndarray) -> tuple[float, float]:
    """Returns slope and offset, so that `_LEAST_FAMILIAR` of validation images (N,) get less than 1/2."""
    limit, median = np.quantile(cosines, (_LEAST_FAMILIAR, 0.5))
    slope = _MEDIAN_AT / max(float(median - limit), _MEDIAN_AT / _STEEPEST)
    return slope, -slope * float(limit)


def _normalised(features: np.ndarray) -> np.ndarray:
    return features / np.sqrt(np.square(features).sum(1, keepdims=True) + _SMALL)


class Familiarity(keras.layers.Layer):
    """Multiplies probabilities (1, C) by the familiarity of features (1, F) with their dot products (1, K).

    Args:
        offset: added before the sigmoid.
    """

    def __init__(self, offset: float) -> None:
        super().__init__(name=FAMILIARITY, dtype="float32")
        self._offset = offset

    def call(self, tensors: Any) -> Any:
        """See Keras; `tensors` are features, dot products and probabilities."""
        features, products, probabilities = tensors
        ops: Any = keras.ops
        length = ops.sqrt(ops.sum(ops.square(features), axis=1, keepdims=True) + _SMALL)
        nearest = ops.max(products, axis=1, keepdims=True) / length
        return probabilities * ops.sigmoid(nearest + self._offset)


def _extended(network: Any, centres: np.ndarray, slope: float, offset: float, temperature: float) -> Any:
    """The network with prototypes and familiarity; the temperature divides the logits of its last layer."""
    last = network.layers[-1]
    features = last.input
    dense = keras.layers.Dense(last.units, activation="softmax", dtype="float32", name=last.name)
    nearest = keras.layers.Dense(len(centres), use_bias=False, dtype="float32", name=PROTOTYPES)
    outputs = Familiarity(offset)([features, nearest(features), dense(features)])
    kernel, *bias = last.get_weights()
    dense.set_weights([kernel / temperature, bias[0] / temperature if bias else np.zeros(last.units)])
    nearest.set_weights([slope * centres.T])  # one operation less than a product behind it
    return keras.Model(network.inputs, outputs, name=network.name)
