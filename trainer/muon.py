"""Muon, whose steps change all directions of a kernel alike (K. Jordan 2024), for convolutions too."""

import math
from collections.abc import Sequence
from typing import Any

from .backend import keras

ops: Any = keras.ops  # Any, because pyright infers that its functions may give None


class Muon(keras.optimizers.Muon):
    """Keras's Muon, which leaves convolutions to AdamW; here their kernels are matrices for it.

    A kernel (height, width, inputs, outputs) is taken as (height * width * inputs, outputs), as in "Muon: An
    optimizer for hidden layers in neural networks" (Jordan et al. 2024). AdamW's are all vectors, depthwise
    kernels among them, and the layers that `exclude_layers` names.
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
    """What goes in and what comes out of a kernel; a vector is a column."""
    if len(shape) < 2:
        return math.prod(shape), 1
    return math.prod(shape[:-1]), shape[-1]
