"""How a network is trained: the options that, with the data set, decide its weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The defaults are the documented recipe: Adam, sparse categorical cross-entropy, and nothing else."""

    arch: str = "cnn"
    """A name in `network.ARCHITECTURES`."""
    epochs: int = 10
    batch_size: int = 32
    seed: int = 0
    """Of the first weights, the order of the images, augmentation, dropout and the split. 0 to 2**32 - 1."""
    augment: bool = False
    dropout: float = 0.0
    """The share of activations that training leaves out before each dense layer; 0 adds no dropout layer."""
    early_stopping: bool = False
