import numpy as np
import pytest
from edgecls.edge_runtime.inspection.inspect_facts import OperatorFacts, TensorFacts
from edgecls.edge_runtime.inspection.inspect_onnx import read_network
from onnx import TensorProto, helper, numpy_helper


def test_what_the_file_says_of_itself(strangers):
    found = read_network(strangers.path("dynamic.onnx").read_bytes(), "a.onnx")
    assert found.made_with.startswith("IR 8, opset 15")
    assert "tf2onnx" in found.made_with
    assert found.inputs == (TensorFacts("picture", "float32", (None, 32, 32, 3)),)
    assert found.outputs[0].dtype == "float32"
    assert OperatorFacts("Conv", 4) in found.operators


def test_batch_normalisation_becomes_part_of_the_weights(strangers):
    found = read_network(strangers.path("fixed.onnx").read_bytes(), "a.onnx")
    folded = 4 * 8 - 8  # scale, offset, mean and variance of 8 channels became a bias
    assert strangers.parameters - folded - 12 * 8 <= found.parameters <= strangers.parameters


def test_an_int8_file_of_ours_shows_the_scale_of_its_input_and_counts_no_scales(tiny):
    found = read_network((tiny.folder / "image_classification_int8.onnx").read_bytes(), "a.onnx")
    (entry,) = found.inputs
    assert (entry.dtype, entry.shape) == ("uint8", (1, 32, 32, 3))
    assert entry.scale == pytest.approx(1 / 255, rel=1e-6)
    assert entry.zero_point == 0
    assert found.parameters == 122_570


def quantised_ends(*, moved: bool) -> bytes:
    """int8 in and out; the input is transposed before it is taken apart, if `moved`."""
    scales = [
        numpy_helper.from_array(np.float32(0.5), "in scale"),
        numpy_helper.from_array(np.int8(-3), "in zero"),
        numpy_helper.from_array(np.float32(0.25), "out scale"),
        numpy_helper.from_array(np.int8(7), "out zero"),
    ]
    first = "moved" if moved else "x"
    nodes = [
        helper.make_node("DequantizeLinear", [first, "in scale", "in zero"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("QuantizeLinear", ["b", "out scale", "out zero"], ["c"]),
        helper.make_node("Reshape", ["c", "shape"], ["y"]),
    ]
    if moved:
        nodes.insert(0, helper.make_node("Transpose", ["x"], ["moved"]))
    shape = numpy_helper.from_array(np.array([1, 6], np.int64), "shape")
    x = helper.make_tensor_value_info("x", TensorProto.INT8, [2, 3])
    y = helper.make_tensor_value_info("y", TensorProto.INT8, [1, 6])
    graph = helper.make_graph(nodes, "g", [x], [y], [*scales, shape])
    opset = [helper.make_opsetid("", 15)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.mark.parametrize("moved", [False, True])
def test_scales_are_found_behind_operators_that_only_move(moved: bool):
    found = read_network(quantised_ends(moved=moved), "a.onnx")
    assert found.inputs == (TensorFacts("x", "int8", (2, 3), 0.5, -3),)
    assert found.outputs == (TensorFacts("y", "int8", (1, 6), 0.25, 7),)
    assert found.parameters == 0
    assert found.macs == 0
