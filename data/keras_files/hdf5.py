"""HDF5 files, read so that nothing outside the file is opened and no memory runs out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...edge_runtime.errors import BadModel
from ...edge_runtime.models.h5 import load_h5py, open_h5
from ...edge_runtime.text import one_reason

_SPARE_BYTES = 64 * 2**20
_COMPRESSION = 16
"""Arrays may take this many times the file's size and `_SPARE_BYTES`; Keras compresses none."""


@dataclass(frozen=True)
class H5Content:
    """The file's texts and arrays."""

    texts: dict[str, str]
    """The root's attributes that are texts."""
    arrays: dict[str, tuple[int, ...]]
    """The shape of each array, by its path from the root."""


def read_h5(content: bytes, name: str) -> H5Content:
    """Reads an HDF5 file; every array is read once, so that a damaged one is found here.

    Raises:
        BadModel: damaged; links or arrays that lead to other places; arrays much larger than the file.
        Unavailable: h5py is not installed.
    """
    try:
        with open_h5(content) as file:
            texts = {key: file.attrs[key] for key in file.attrs}
            arrays = dict(_arrays(file, _SPARE_BYTES + _COMPRESSION * len(content)))
    except _Refused as error:
        raise BadModel(f"{name}: refused: {error}; save it again with Keras") from error
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise BadModel(f"{name}: not a readable HDF5 file: {one_reason(error)}; copy it again") from error
    return H5Content(
        {key: _text(value) for key, value in texts.items() if isinstance(value, str | bytes)}, arrays
    )


class _Refused(Exception):
    """What a file must not contain."""


def _arrays(file: Any, allowed_bytes: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    h5py: Any = load_h5py()
    waiting, seen = [file], {_address(file)}
    while waiting:
        group = waiting.pop()
        for key in group:
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):  # before it is followed
                raise _Refused(f"{key} is a link to another place")
            item = group[key]
            if _address(item) in seen:  # hard links can form a circle
                continue
            seen.add(_address(item))
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                allowed_bytes -= _check(item, allowed_bytes)
                yield str(item.name), item.shape or ()


def _check(array: Any, allowed_bytes: int) -> int:
    """Reads an array, after its description has been found harmless; returns its size in bytes."""
    if array.is_virtual or array.external:
        raise _Refused(f"{array.name} has its values in another file")
    size_bytes = (array.size or 0) * array.dtype.itemsize
    if size_bytes > allowed_bytes:
        raise _Refused(f"{array.name} takes {size_bytes / 2**20:,.0f} MB, far more than the file")
    array[()]
    return size_bytes


def _address(item: Any) -> int:
    """Where in the file an object stands; its names may be many."""
    h5py: Any = load_h5py()
    return h5py.h5o.get_info(item.id).addr


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
