"""ONNX files with their weights in another file, as torch writes them, and as nobody honest does."""

import os
from typing import Any

import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadModel, MissingInput
from edgecls.edge_runtime.models.external_data import with_external_data

onnx = pytest.importorskip("onnx", reason="needs edgecls[train]")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

FIRST = np.arange(300, dtype=np.float32).reshape(10, 30)
SECOND = np.arange(7, dtype=np.int64)


def written(folder, **changes):
    """An `.onnx` with two tensors beside it; `changes` for what it says of the second: its place or shape."""
    data = FIRST.tobytes() + SECOND.tobytes()
    said: list[dict[str, Any]] = [
        {"location": "net.onnx.data", "offset": 0, "length": FIRST.nbytes},
        {"location": "net.onnx.data", "offset": FIRST.nbytes, "length": SECOND.nbytes} | changes,
    ]
    dims: list[Any] = [FIRST.shape, said[1].pop("dims", SECOND.shape)]
    tensors = []
    for name, shape, kind, entries in zip(
        "ab", dims, (TensorProto.FLOAT, TensorProto.INT64), said, strict=True
    ):
        tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
    tensors.append(numpy_helper.from_array(np.array([1, 2], np.float32), "c"))
    graph = helper.make_graph([helper.make_node("Identity", ["a"], ["y"])], "g", [], [], tensors)
    path = folder / "net.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    (folder / "net.onnx.data").write_bytes(data)
    return path


def test_the_weights_are_taken_into_the_file(tmp_path):
    path = written(tmp_path)
    model = onnx.load_from_string(with_external_data(path.read_bytes(), path))
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    np.testing.assert_array_equal(held["a"], FIRST)
    np.testing.assert_array_equal(held["b"], SECOND)
    np.testing.assert_array_equal(held["c"], [1, 2])
    onnx.checker.check_model(onnx.load(path).graph.name and model, full_check=False)


def test_a_file_with_its_weights_inside_stays_as_it_is(tmp_path):
    path = written(tmp_path)
    whole = with_external_data(path.read_bytes(), path)
    assert with_external_data(whole, path) is whole


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"location": "../net.onnx.data"}, "in 2 other files"),
        ({"offset": 0}, "overlap"),
        ({"offset": FIRST.nbytes - 8}, "overlap"),
        ({"offset": -8}, "overlap"),
        ({"offset": 2**40}, "overlap|are 1,"),
        ({"dims": (7, 2**40)}, "overlap"),
        ({"length": 8}, "overlap"),
        ({"dims": (9,), "length": 72}, "its weights are 1,272 bytes, and net.onnx.data has 1,256"),
    ],
)
def test_a_place_that_no_tensor_can_have_is_refused(tmp_path, changes, words):
    path = written(tmp_path, **changes)
    with pytest.raises(BadModel, match=words) as raised:
        with_external_data(path.read_bytes(), path)
    assert "external_data=False" in str(raised.value)


@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../net.onnx.data", "sub/net.data", ".net.data", "id_rsa", "a\\b.data", "a\0.data", ""],
)
def test_only_a_weights_file_in_the_same_folder_is_read(tmp_path, location):
    path = written(tmp_path)
    content = path.read_bytes()
    model = onnx.load_from_string(content)
    for tensor in model.graph.initializer[:2]:
        tensor.external_data[0].value = location
    with pytest.raises(BadModel, match=r"in no \.data file beside it"):
        with_external_data(model.SerializeToString(), path)


@pytest.mark.parametrize("how", [os.symlink, os.link])
def test_links_are_refused(tmp_path, how):
    path = written(tmp_path)
    beside = tmp_path / "net.onnx.data"
    beside.rename(tmp_path / "elsewhere")
    how(tmp_path / "elsewhere", beside)
    with pytest.raises(BadModel, match="is a link"):
        with_external_data(path.read_bytes(), path)


def test_a_missing_file_is_named(tmp_path):
    path = written(tmp_path)
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(
        MissingInput, match=r"has its weights in net.onnx.data; copy that file beside it, or export"
    ):
        with_external_data(path.read_bytes(), path)


def test_a_larger_file_is_another_one(tmp_path):
    path = written(tmp_path)
    with (tmp_path / "net.onnx.data").open("ab") as file:
        file.write(bytes(100_000))
    with pytest.raises(BadModel, match=r"its weights are 1,256 bytes, and net.onnx.data has 101,256"):
        with_external_data(path.read_bytes(), path)
