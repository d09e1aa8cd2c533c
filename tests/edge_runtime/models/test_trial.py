"""A file is opened and run in another process first, sealed or not, and once it has passed no more."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import passed, trial
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.find import find_model
from edgecls.edge_runtime.models.model_file import ModelFile, attach_to_onnx, attach_to_tflite, read_model
from edgecls.edge_runtime.models.trial import check_model, pictures

CARD = ModelCard(("a", "b"), ImageRule(4, 4))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(passed, "_in_this_process", set())


def network(*nodes, **constants) -> bytes:
    """An ONNX network from uint8 [1, 4, 4, 3] to float32 [1, 2]."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4, 4, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    return model.SerializeToString()


def mean() -> bytes:
    """A network that gives the mean of the picture twice."""
    return network(
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["m", "one"], ["r"]),
        helper.make_node("Concat", ["r", "r"], ["y"], axis=1),
        one=np.array([1, 1], np.int64),
    )


def as_large_as_bright(times: int) -> bytes:
    """A network that makes `times` numbers for each brightness of the first pixel, and adds them up."""
    return network(
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["i"], ["most"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["most", "times"], ["n"]),
        helper.make_node("Reshape", ["n", "one"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["large"]),
        helper.make_node("Add", ["large", "number"], ["touched"]),
        helper.make_node("ReduceMean", ["touched"], ["m"], axes=[0], keepdims=0),
        helper.make_node("Reshape", ["m", "ones"], ["r"]),
        helper.make_node("Concat", ["r", "r"], ["y"], axis=1),
        times=np.array(times, np.int64),
        number=np.array(1, np.float32),
        one=np.array([1], np.int64),
        ones=np.array([1, 1], np.int64),
    )


def endless() -> bytes:
    """A network with a loop that ends after 2**62 rounds."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["goes"]),
            helper.make_node("Add", ["v", "v"], ["w"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 2]),
        ],
        [
            helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 2]),
        ],
    )
    return network(
        helper.make_node("Loop", ["rounds", "yes", "start"], ["y"], body=body),
        rounds=np.array(2**62, np.int64),
        yes=np.array(True),
        start=np.zeros((1, 2), np.float32),
    )


def written(folder: Path, content: bytes, name: str = "model.onnx") -> ModelFile:
    (folder / name).write_bytes(content)
    return read_model(folder / name)


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("it was tried again")


def test_a_file_that_runs_passes_once(tmp_path: Path, monkeypatch):
    model = written(tmp_path, attach_to_onnx(mean(), CARD))
    with pytest.MonkeyPatch.context() as context:
        context.setattr(trial, "ask_worker", refuse)
        with pytest.raises(AssertionError):
            check_model(model)
    open_engine(model).close()
    monkeypatch.setattr(trial, "ask_worker", refuse)
    monkeypatch.setattr(passed, "_in_this_process", set())  # the next start
    open_engine(model).close()
    other = written(tmp_path, attach_to_onnx(mean(), ModelCard(("a", "c"), ImageRule(4, 4))))
    with pytest.raises(AssertionError):  # another file, even of the same network
        open_engine(other)


def test_memory_that_grows_with_the_picture_is_one_line(tmp_path: Path):
    model = written(tmp_path, attach_to_onnx(as_large_as_bright(2**22), CARD))  # 4 GB for white
    with pytest.raises(BadModel, match=r"model\.onnx: .*onnxruntime cannot run it") as raised:
        open_engine(model)
    assert "\n" not in str(raised.value)
    assert not passed.has_passed(model.sha256, "run")


def test_a_loop_that_does_not_end_is_one_line(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(trial, "TIME_S", 4.0)
    model = written(tmp_path, attach_to_onnx(endless(), CARD))
    with pytest.raises(BadModel, match=r"model\.onnx: reading it took more than 4 s"):
        open_engine(model)


def test_a_broken_file_in_a_folder_is_passed_over(tmp_path: Path):
    written(tmp_path, attach_to_tflite(b"\x1c\0\0\0TFL3" + bytes(64), CARD), "best_int8.tflite")
    good = written(tmp_path, attach_to_onnx(mean(), CARD))
    assert find_model(tmp_path).path == good.path


def test_the_pictures_reach_every_extreme():
    shown = list(pictures(6, 9))
    assert all(picture.shape == (6, 9, 3) and picture.dtype == np.uint8 for picture in shown)
    assert {int(picture.min()) for picture in shown} >= {0, 255}
    assert any((picture == 0).all() for picture in shown)
    assert any((picture == 255).all() for picture in shown)
    assert len({picture.tobytes() for picture in shown}) == len(shown)
