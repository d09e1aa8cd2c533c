"""Saves a network as the `.h5` that Keras opens, with its card inside."""

from pathlib import Path

import h5py

from ..edge_runtime import card_h5
from ..edge_runtime.card import ModelCard
from ..edge_runtime.errors import OutputFailed
from ..edge_runtime.files import whole_file
from .backend import JIT_COMPILE, keras


def save_network(network: keras.Model, card: ModelCard, path: Path) -> None:
    """Writes the file, whole or not at all: `keras.models.load_model(path)` gives the network, compiled.

    Raises:
        OutputFailed, PermissionRefused: as `whole_file`.
    """
    _compile(network)
    with whole_file(path) as beside:
        try:
            network.save(beside)
            with h5py.File(beside, "r+") as file:
                # Keras 3.15 cannot go on from the optimizer's state in an .h5 ("Unknown variable" in fit);
                # without it, the optimizer starts afresh and fit works.
                file.pop("optimizer_weights", None)
            card_h5.attach(beside, card)
        except RuntimeError as error:  # from HDF5, where the last bytes no longer fit on the disk
            raise OutputFailed(f"cannot write {path}: {error}; check that the disk is not full") from error


def _compile(network: keras.Model) -> None:
    """With the documented optimizer, loss and metric: the file can be evaluated and trained at once."""
    loss = "sparse_categorical_crossentropy"
    network.compile(optimizer="adam", loss=loss, metrics=["accuracy"], jit_compile=JIT_COMPILE)
