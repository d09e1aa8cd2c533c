"""A .pth is read as tensors, and runs nothing."""

import io
import os
import pickle

import numpy as np
import pytest

from tools.torch_file import BadTorchFile, read_tensors

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
STORED = np.arange(10, dtype=np.float32)


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self._called = function, arguments

    def __reduce__(self):
        return self._called


def tensor(offset, shape, strides):
    """The pickle of a dictionary with a view of the storage `0`, as PyTorch writes it."""
    numbers = [b"(" + b"".join(b"I%d\n" % size for size in sizes) + b"t" for sizes in (shape, strides)]
    storage = b"(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI10\nNtQ"
    view = storage + b"I%d\n" % offset + b"".join(numbers) + b"I00\n(dt"
    return b"(dS'weight'\nctorch._utils\n_rebuild_tensor_v2\n(" + view + b"Rs."


def file_with(tensors):
    file = io.BytesIO()
    for value in (MAGIC, VERSION, {}):
        file.write(pickle.dumps(value))
    file.write(tensors + pickle.dumps(["0"]) + np.int64(10).tobytes() + STORED.tobytes())
    return file.getvalue()


def test_it_reads_a_view_of_a_storage_whatever_its_order():
    assert read_tensors(file_with(tensor(2, (2, 3), (3, 1))))["weight"].tolist() == [[2, 3, 4], [5, 6, 7]]
    assert read_tensors(file_with(tensor(0, (2, 3), (1, 2))))["weight"].tolist() == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(5, (2, 3), (3, 1)), (-1, (2,), (1,)), (0, (3,), (-1,))],
    ids=["beyond the end", "before the start", "backwards"],
)
def test_it_refuses_a_view_outside_its_storage(offset, shape, strides):
    with pytest.raises(BadTorchFile, match="outside"):
        read_tensors(file_with(tensor(offset, shape, strides)))


def test_it_calls_nothing_but_what_makes_tensors(tmp_path):
    mark = tmp_path / "called"
    with pytest.raises(BadTorchFile, match="mkdir"):
        read_tensors(file_with(pickle.dumps({"weight": Call(os.mkdir, str(mark))})))
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps(1) * 5])
def test_it_refuses_what_is_no_such_file(content):
    with pytest.raises(BadTorchFile):
        read_tensors(content)


def test_it_refuses_a_file_that_was_cut():
    with pytest.raises(BadTorchFile, match="truncated"):
        read_tensors(file_with(tensor(0, (2,), (1,)))[:-1])
