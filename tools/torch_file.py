"""Reads the tensors of a `.pth` that PyTorch wrote before version 1.6, without PyTorch.

Such a file is five pickles in a row (magic number, version, machine, a dictionary of tensors that refer to
storages by key, the keys) and then each storage's numbers. A pickle can run any code, so these are read by an
unpickler that knows tensors, dictionaries, and nothing else.
"""

import io
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class BadTorchFile(Exception):
    """Not a file of this format, or one with something other than tensors."""


class _Tensor:
    """A view of a storage: what `torch._utils._rebuild_tensor_v2` makes."""

    def __init__(
        self, storage: tuple[str, np.dtype], offset: int, shape: tuple[int, ...], strides: Any, *_: Any
    ) -> None:
        self.key, self.dtype = storage
        self._offset, self._shape, self._strides = offset, tuple(shape), tuple(strides)

    def of(self, storage: np.ndarray) -> np.ndarray:
        """Returns the tensor's own copy of its numbers, in the usual order."""
        last = self._offset + sum(
            (size - 1) * step for size, step in zip(self._shape, self._strides, strict=True)
        )
        if min(self._offset, *self._strides, 0) < 0 or last >= len(storage):
            raise BadTorchFile(f"a tensor of shape {self._shape} lies outside its storage")
        steps = tuple(step * storage.itemsize for step in self._strides)
        view = np.lib.stride_tricks.as_strided(storage[self._offset :], self._shape, steps)
        return np.ascontiguousarray(view)


class _TensorUnpickler(pickle.Unpickler):  # noqa: S301 - see the module
    """Makes tensors and dictionaries; refuses every other class or function that a pickle asks for."""

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise BadTorchFile(f"asks for {module}.{name}, which is neither a tensor nor a dictionary")

    def persistent_load(self, pid: Any) -> tuple[str, np.dtype]:
        kind, dtype, key, *_ = pid
        if kind != "storage":
            raise BadTorchFile(f"refers to a {kind}")
        return key, dtype


def read_tensors(content: bytes) -> dict[str, np.ndarray]:
    """Returns the tensors of a file by name, float32 or int64.

    Raises:
        BadTorchFile: it is of another format, truncated, or holds something other than tensors.
    """
    file = io.BytesIO(content)
    try:
        magic, version, _machine, tensors, keys = (_TensorUnpickler(file).load() for _ in range(5))
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError) as error:
        raise BadTorchFile(f"its pickles cannot be read: {error}") from error
    if (magic, version) != (_MAGIC, _VERSION):
        raise BadTorchFile(f"magic number {magic}, version {version}: not of the format before PyTorch 1.6")
    dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
    storages = {key: _storage(file, dtypes[key]) for key in keys}
    return {name: tensor.of(storages[tensor.key]) for name, tensor in tensors.items()}


def _storage(file: io.BytesIO, dtype: np.dtype) -> np.ndarray:
    count = int(np.frombuffer(file.read(8), "<i8")[0])
    numbers = file.read(count * dtype.itemsize)
    if len(numbers) != count * dtype.itemsize:
        raise BadTorchFile("truncated")
    return np.frombuffer(numbers, dtype)
