"""The networks by name (`--arch`): `architectures` builds them, `design` says which there are, without Keras.

Each takes float32 (N, H, W, 3) RGB in the range that `design.ARCHITECTURES` tells, mostly 0 to 1, and gives
probabilities (N, classes).
"""

from typing import TYPE_CHECKING

from ...edge_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from .architectures import build
    from .design import Design

__all__ = ["Design", "build"]

__getattr__ = lazy_names(__name__, {"Design": ".design", "build": ".architectures"})
