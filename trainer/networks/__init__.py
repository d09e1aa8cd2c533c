"""The networks by name (`--arch`): float32 (N, H, W, 3) RGB, 0 to 1, to probabilities (N, classes)."""

from ..design import Design
from .networks import build

__all__ = ["Design", "build"]
