"""The network in the form that is fitted: scaling in front, compiled, in the recipe's precision."""

import numpy as np

from .backend import JIT_COMPILE, keras
from .fused import FusedBatchNormalization, is_fusible
from .losses import accuracy, loss
from .predict import scaled
from .recipe import Recipe
from .schedule import optimizer

_STEPS_PER_EXECUTION = 16
"""Batches for each call from Python; more than a few tens do not make a small network faster."""


def learner(network: keras.Model, recipe: Recipe, steps: int) -> keras.Model:
    """A model to fit, with weights of its own that start as the network's.

    Args:
        network: as `networks.build` makes it.
        recipe: what decides optimizer, loss and precision.
        steps: of the whole training.
    """
    made = scaled(optimised(network, recipe.precision))
    backend = keras.config.backend()
    made.compile(
        optimizer=optimizer(recipe, steps),
        loss=loss(recipe),
        metrics=[accuracy],
        jit_compile=JIT_COMPILE,
        steps_per_execution=1 if backend == "torch" else _STEPS_PER_EXECUTION,  # torch takes no other
    )
    made.optimizer.build(made.trainable_variables)
    return made


def optimised(network: keras.Model, precision: str) -> keras.Model:
    """A copy that computes in `bfloat16` or `float32`, fused where it can be; or the network, if it does.

    Its weights are float32, and as many and in the same order as the network's, and so is its last layer.
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


def weights(learning: keras.Model) -> list[np.ndarray]:
    """What the network inside has learnt so far, as `set_weights` takes it."""
    return learning.layers[-1].get_weights()
