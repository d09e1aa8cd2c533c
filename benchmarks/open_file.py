"""Opens any model file that edgecls writes, the Keras original included, as an `Engine`."""

from pathlib import Path

from ..edge_runtime.engine import Engine, open_engine
from ..edge_runtime.model_file import ModelFile, ModelFormat, read_model
from .peers.opening import open_peer


def open_file(path: str | Path, threads: int, peer: str = "") -> tuple[Engine, ModelFile]:
    """Opens a file in the engine that runs its format, or in the peer of that name.

    TensorFlow takes its number of threads from the environment (see `child_environment`), not from here.

    Raises:
        MissingInput, BadModel, Unavailable: see `read_model`, `open_engine` and `load_network`.
    """
    model = read_model(path)
    if peer:
        return open_peer(peer, model, threads), model
    if model.format is ModelFormat.H5:
        from ..export.keras_file import KerasEngine  # noqa: PLC0415 - only a workstation has TensorFlow

        return KerasEngine(path), model
    return open_engine(model, threads=threads), model
