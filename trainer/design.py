"""Which network is meant: what the options of `edgecls train` say about it, as one value. Needs no Keras."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Design:
    """A network without the size of its images and the number of its classes."""

    arch: str = "cnn"
    """A name in `networks.ARCHITECTURES`."""
    dropout: float = 0.0
    """The share of activations that training leaves out before each dense layer; 0 adds no dropout layer."""
    depth: int | None = None
    """How many layers have weights, for a network that is made in several depths; None is its usual one."""
    width: float | None = None
    """What the channels are multiplied by, for a network that is made in several widths; None is 1."""
