"""Batch normalisation as TensorFlow computes it fastest: one operation, where Keras writes out a dozen."""

import importlib
from typing import Any

from ..data.backend import keras

_CHANNELS = 16
"""The fast kernels take multiples of it; for others the operation is slower than what Keras writes."""


def is_fusible(layer: Any) -> bool:
    """Whether the operation is there for this layer, which is built, and worth while."""
    if keras.config.backend() != "tensorflow" or type(layer) is not keras.layers.BatchNormalization:
        return False
    images: Any = layer.input
    is_usual = layer.axis in (-1, 3) and layer.center and layer.scale
    return is_usual and len(images.shape) == 4 and images.shape[-1] % _CHANNELS == 0


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """The same layer, with the same variables, for float32 or bfloat16 (N, H, W, C).

    Its moving variance is that of the population (n / (n - 1) of the batch's), as the operation gives it.
    """

    gamma: Any
    beta: Any
    moving_mean: Any
    moving_variance: Any

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """See Keras; images have no mask."""
        del mask
        nn: Any = importlib.import_module("tensorflow").compat.v1.nn  # the second version has lost it
        scale, offset = self.gamma.value, self.beta.value
        if not (training and self.trainable):
            moving = self.moving_mean.value, self.moving_variance.value
            return nn.fused_batch_norm(inputs, scale, offset, *moving, self.epsilon, is_training=False)[0]
        given, mean, variance = nn.fused_batch_norm(inputs, scale, offset, epsilon=self.epsilon)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return given
