"""A network compiled to fit or to predict: the scaling in front, fused operations where possible.

It takes uint8 images, which become floats inside the graph only: floats would take four times the memory.
"""

import importlib
from typing import Any

import numpy as np

from ..data.backend import JIT_COMPILE, keras
from .losses import accuracy, loss
from .networks.design import ARCHITECTURES, BYTES_TO_1, Pixels
from .optimizer import optimizer
from .recipe import Recipe

SILENT: Any = 0  # Any, because pyright infers from Keras's default that `verbose` is a str
_PREDICTED_TOGETHER = 256
_STEPS_PER_EXECUTION = 16
"""Batches for each call from Python; more than a few tens do not make a small network faster."""
_FUSED_CHANNELS = 16
"""The fast kernels take multiples of it; for others the fused operation is slower than what Keras writes."""


def probabilities(network: keras.Model, images: np.ndarray, pixels: Pixels = BYTES_TO_1) -> np.ndarray:
    """Returns what a network gives for uint8 (N, H, W, 3) RGB: float32 (N, C), each row summing to 1."""
    return predict_uint8(with_scaling(network, pixels), images)


def predict_uint8(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns the same for a model from `with_scaling`, which is compiled once for several calls.

    Batch by batch, because `predict` makes a data set of the images, which copies them and may wait at its
    end; see `batches.as_dataset`.
    """
    starts = range(0, len(images), _PREDICTED_TOGETHER)
    return np.concatenate(
        [model.predict_on_batch(images[start : start + _PREDICTED_TOGETHER]) for start in starts]
    )


def with_scaling(network: keras.Model, pixels: Pixels = BYTES_TO_1) -> keras.Model:
    """Returns a model that takes uint8 images: scaling to the network's range, then the network itself."""
    shape = network.input_shape[1:]
    scaling = keras.layers.Rescaling(pixels.scale, pixels.offset)
    return keras.Sequential([keras.Input(shape, dtype="uint8"), scaling, network])


def compiled_to_fit(network: keras.Model, recipe: Recipe, steps: int) -> keras.Model:
    """Returns a model to fit, with weights of its own that start as the network's; see `fitted_weights`.

    Args:
        network: as `networks.build` makes it.
        recipe: decides optimizer, loss and precision.
        steps: of the whole training, for the learning rate schedule.
    """
    model = with_scaling(fast_copy(network, recipe.precision), ARCHITECTURES[recipe.arch].pixels)
    backend = keras.config.backend()
    model.compile(
        optimizer=optimizer(recipe, steps),
        loss=loss(recipe),
        metrics=[accuracy],
        jit_compile=JIT_COMPILE,
        steps_per_execution=1 if backend == "torch" else _STEPS_PER_EXECUTION,  # torch supports 1 only
    )
    model.optimizer.build(model.trainable_variables)
    return model


def fitted_weights(model: keras.Model) -> list[np.ndarray]:
    """Returns the weights of the network inside a `compiled_to_fit` model, in the network's order."""
    return model.layers[-1].get_weights()


def fast_copy(network: keras.Model, precision: str) -> keras.Model:
    """Returns a copy that computes in `bfloat16` or `float32` and is fused where possible.

    Its weights are float32, in the number and order of the network's, and its last layer computes in float32.
    Where a copy would be no different, the network itself is returned.
    """
    if precision == "float32" and not any(map(is_fusible, network.layers)):
        return network
    last = network.layers[-1].name

    def copied(layer: keras.Layer) -> keras.Layer:
        kind = FusedBatchNormalization if is_fusible(layer) else type(layer)
        config = layer.get_config()
        if precision != "float32" and layer.name != last:
            config["dtype"] = f"mixed_{precision}"
        return kind.from_config(config)

    copy = keras.models.clone_model(network, clone_function=copied)
    copy.set_weights(network.get_weights())
    return copy


def is_fusible(layer: Any) -> bool:
    """Returns whether `FusedBatchNormalization` can replace a built layer and is faster."""
    if keras.config.backend() != "tensorflow" or type(layer) is not keras.layers.BatchNormalization:
        return False
    images: Any = layer.input
    is_usual = layer.axis in (-1, 3) and layer.center and layer.scale
    return is_usual and len(images.shape) == 4 and images.shape[-1] % _FUSED_CHANNELS == 0


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation as one TensorFlow operation, where Keras writes out a dozen; same variables.

    For float32 or bfloat16 (N, H, W, C). Its moving variance is that of the population, n / (n - 1) of the
    batch's, as the operation gives it.
    """

    gamma: Any
    beta: Any
    moving_mean: Any
    moving_variance: Any

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """See Keras; images have no mask."""
        del mask
        nn: Any = importlib.import_module("tensorflow").compat.v1.nn  # version 2 lacks the operation
        scale, offset = self.gamma.value, self.beta.value
        if not (training and self.trainable):
            moving = self.moving_mean.value, self.moving_variance.value
            return nn.fused_batch_norm(inputs, scale, offset, *moving, self.epsilon, is_training=False)[0]
        given, mean, variance = nn.fused_batch_norm(inputs, scale, offset, epsilon=self.epsilon)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return given
