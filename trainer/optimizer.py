"""The recipe's optimizer: the learning rate schedule, and Muon for convolutions."""

import math
from collections.abc import Sequence
from typing import Any

from ..data.backend import keras
from .networks.blocks import LAST_LAYER
from .recipe import Recipe

ops: Any = keras.ops  # Any, because pyright infers that its functions may give None
_WARM_UP = 0.2
_FIRST = 0.1


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Returns the recipe's optimizer for a training of so many steps; only kernels have weight decay."""
    # Any, because Keras's optimizers declare a float and take a schedule too.
    rate: Any = recipe.learning_rate
    if recipe.schedule == "one-cycle":
        rate = OneCycle(recipe.learning_rate, steps)
    decay = recipe.weight_decay or None
    made = {
        "adam": lambda: keras.optimizers.Adam(rate, weight_decay=decay),
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
        "muon": lambda: Muon(
            rate,
            weight_decay=recipe.weight_decay,
            adam_weight_decay=recipe.weight_decay,
            exclude_layers=[LAST_LAYER],
        ),
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay),
    }[recipe.optimizer]()
    if decay:
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


@keras.saving.register_keras_serializable("edgecls")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate that rises from a tenth of its peak for a fifth of the steps, then falls to zero.

    Smith and Topin 2018, "Super-convergence", in the form with straight lines: a network needs tens of epochs
    where a constant rate needs hundreds.

    Args:
        highest: the peak.
        steps: of the whole training.
    """

    def __init__(self, highest: float, steps: int) -> None:
        self.highest = highest
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate of step `step`, counted from 0."""
        done = ops.cast(step, "float32") / self.steps
        up = _FIRST + (1 - _FIRST) * done / _WARM_UP
        down = (1 - done) / (1 - _WARM_UP)
        lower: Any = ops.minimum(up, down)
        return ops.maximum(lower, 0.0) * self.highest

    def get_config(self) -> dict[str, Any]:
        """See Keras."""
        return {"highest": self.highest, "steps": self.steps}


class Muon(keras.optimizers.Muon):
    """Keras's Muon, extended to convolutions, which Keras leaves to AdamW.

    A kernel (height, width, inputs, outputs) is taken as a matrix (height * width * inputs, outputs), as in
    "Muon: An optimizer for hidden layers in neural networks" (Jordan et al. 2024). AdamW updates what
    remains: vectors, depthwise kernels among them, and the layers in `exclude_layers`.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        is_vector = min(_matrix_shape(variable.shape)) == 1
        return is_vector or any(name in variable.path for name in self.exclude_layers)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """See Keras; `x` is of any rank."""
        matrix = ops.reshape(x, _matrix_shape(x.shape))
        return ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """See Keras; `x` is of any rank."""
        return x * math.sqrt(max(_matrix_shape(x.shape))) * self.rms_rate


def _matrix_shape(shape: Sequence[int]) -> tuple[int, int]:
    """Returns (inputs, outputs) of a kernel; a vector is a column."""
    if len(shape) < 2:
        return math.prod(shape), 1
    return math.prod(shape[:-1]), shape[-1]
