"""The networks by name (`--arch`): float32 (N, H, W, 3) RGB, 0 to 1, to probabilities (N, classes)."""

from ..design import Design
from .architectures import ARCHITECTURES, Architecture, build, check

__all__ = ["ARCHITECTURES", "Architecture", "Design", "build", "check"]
