import pytest
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.onnx_shapes import tensor_shapes
from onnx import TensorProto, helper


def model(x: list) -> bytes:
    nodes = [helper.make_node("Relu", ["x"], ["inside"]), helper.make_node("Flatten", ["inside"], ["y"])]
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, x)
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [entry], [out])
    opset = [helper.make_opsetid("", 15)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def test_a_tensor_inside_has_the_shape_that_the_engine_infers():
    assert tensor_shapes(model([1, 3, 4, 5]), ["inside"], "a.onnx") == {
        "inside": (1, 3, 4, 5),
        "y": (1, 60),
    }


def test_the_input_can_be_asked_for_too():
    assert tensor_shapes(model([1, 3, 4]), ["x"], "a.onnx")["x"] == (1, 3, 4)


def test_a_size_that_is_chosen_later_is_none():
    assert tensor_shapes(model(["batch", 3, None]), ["inside"], "a.onnx")["inside"] == (None, 3, None)


def test_a_tensor_that_is_not_there_is_an_error():
    with pytest.raises(BadModel, match=r"a\.onnx: onnxruntime cannot load it"):
        tensor_shapes(model([1]), ["no such tensor"], "a.onnx")
