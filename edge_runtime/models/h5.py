"""HDF5 from memory, by h5py, which a device does not have."""

from itertools import count
from typing import Any

from ..errors import Unavailable

_BLOCK_BYTES = 2**16
_numbers = count()
"""HDF5 takes two files of one name for the same."""


def load_h5py() -> Any:
    """Returns the h5py module.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        import h5py  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] - a device has no h5py
    except ImportError as error:
        raise Unavailable('reading an .h5 needs h5py; run `pip install "edgecls[train]"`') from error
    return h5py


def open_h5(content: bytes) -> Any:
    """Opens the bytes of an HDF5 file for reading; returns h5py's `File`, to be closed by `with`.

    HDF5 gets a copy of them, and calls nothing of Python while it reads.

    Raises:
        OSError: not an HDF5 file, or damaged.
        Unavailable: h5py is not installed.
    """
    h5py = load_h5py()
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(_BLOCK_BYTES, False)  # in memory, and written nowhere
    access.set_file_image(content)
    name = f"edgecls-in-memory-{next(_numbers)}".encode()
    return h5py.File(h5py.h5f.open(name, h5py.h5f.ACC_RDONLY, fapl=access))
