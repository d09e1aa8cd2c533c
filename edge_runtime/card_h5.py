"""The card in an `.h5`: an attribute of the root group, beside Keras's. Needs h5py, so not for a device."""

import io
from pathlib import Path

from .card import ModelCard
from .errors import Unavailable
from .seal import seal_of

ATTRIBUTE = "edgecls_card"


def attach(path: Path, card: ModelCard) -> None:
    """Writes the card into an `.h5` that Keras has saved, and seals it.

    The caller gives the temporary file of `whole_file`: this changes it in place.
    """
    h5py = load_h5py()
    with h5py.File(path, "r+") as file:
        file.attrs[ATTRIBUTE] = card.to_json()
    content = path.read_bytes()
    with path.open("ab") as file:  # HDF5 ignores bytes after its end of address space
        file.write(seal_of(content))


def find_card(content: bytes) -> bytes | None:
    """The card's JSON from an `.h5`'s bytes, or None where there is none.

    Raises:
        ValueError: not a readable HDF5 file.
    """
    try:
        with load_h5py().File(io.BytesIO(content), "r") as file:
            text = file.attrs.get(ATTRIBUTE)
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"not a readable HDF5 file: {error}") from error
    return text.encode() if isinstance(text, str) else text


def load_h5py():
    """h5py, imported here and not at the top: edge_runtime must import without it."""
    try:
        import h5py  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable('reading an .h5 needs h5py; run `pip install "edgecls[train]"`') from error
    return h5py
