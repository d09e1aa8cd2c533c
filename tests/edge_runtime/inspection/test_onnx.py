import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.facts import OperatorFacts, TensorFacts
from edgecls.edge_runtime.inspection.onnx import read_network, tensor_shapes


def test_what_the_file_says_of_itself(foreign):
    found = read_network(foreign.path("dynamic.onnx").read_bytes(), "a.onnx")
    assert found.made_with.startswith("IR 8, opset 15")
    assert "tf2onnx" in found.made_with
    assert found.inputs == (TensorFacts("picture", "float32", (None, 32, 32, 3)),)
    assert found.outputs[0].dtype == "float32"
    assert OperatorFacts("Conv", 4) in found.operators


def test_batch_normalisation_becomes_part_of_the_weights(foreign):
    found = read_network(foreign.path("fixed.onnx").read_bytes(), "a.onnx")
    folded = 4 * 8 - 8  # scale, offset, mean and variance of 8 channels became a bias
    assert foreign.parameters - folded - 12 * 8 <= found.parameters <= foreign.parameters


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


def network(nodes, constants: dict[str, tuple[int, ...]], x=(1, 3, 8, 8), dtype=np.float32, domain=""):
    """A model that takes x and gives y, with constants of these shapes; that of y is left to be inferred."""
    entry = helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), x)
    out_type = TensorProto.FLOAT if dtype == np.float32 else TensorProto.INT32
    out = helper.make_tensor_value_info("y", out_type, None)
    values = [numpy_helper.from_array(np.ones(shape, dtype), name) for name, shape in constants.items()]
    opsets = [helper.make_opsetid("", 15)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    graph = helper.make_graph(nodes, "g", [entry], [out], values)
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return read_network(model.SerializeToString(), "a.onnx")


def one(operator: str, inputs: str = "x w", **attributes):
    return [helper.make_node(operator, inputs.split(), ["y"], **attributes)]


@pytest.mark.parametrize(
    ("nodes", "constants", "x", "macs"),
    [
        (one("Conv", pads=[1] * 4), {"w": (5, 3, 3, 3)}, (1, 3, 8, 8), 8 * 8 * 5 * 3 * 3 * 3),
        (one("Conv", strides=[2, 2]), {"w": (5, 3, 3, 3)}, (1, 3, 8, 8), 3 * 3 * 5 * 3 * 3 * 3),
        (one("Conv", group=3), {"w": (6, 1, 3, 3)}, (1, 3, 8, 8), 6 * 6 * 6 * 3 * 3),
        (one("Conv"), {"w": (5, 3, 3, 3)}, ("batch", 3, 8, 8), 6 * 6 * 5 * 3 * 3 * 3),
        (one("ConvTranspose", strides=[2, 2]), {"w": (3, 5, 3, 3)}, (1, 3, 8, 8), 8 * 8 * 3 * 5 * 3 * 3),
        (one("Gemm"), {"w": (7, 4)}, (1, 7), 7 * 4),
        (one("Gemm", transB=1), {"w": (4, 7)}, (1, 7), 7 * 4),
        (one("MatMul"), {"w": (7, 4)}, (1, 5, 7), 5 * 7 * 4),
        (one("MatMul"), {"w": (7,)}, (5, 7), 5 * 7),
        (one("MatMul"), {"w": (7, 4)}, ("batch", 7), 7 * 4),
        (one("MatMul", "x x"), {}, (2, 7, 7), 2 * 7 * 7 * 7),
        (one("Add"), {"w": (7,)}, (1, 7), 0),
    ],
)  # fmt: skip
def test_each_operator_multiplies_as_often_as_by_hand(nodes, constants, x, macs: int):
    found = network(nodes, constants, x)
    assert (found.macs, found.macs_unknown) == (macs, "")


def test_a_network_that_quantises_as_it_runs_is_counted():
    nodes = one("ConvInteger", "x w")
    assert network(nodes, {"w": (5, 3, 3, 3)}, dtype=np.uint8).macs == 6 * 6 * 5 * 3 * 3 * 3


@pytest.mark.parametrize(
    ("nodes", "domain", "operator"),
    [
        (one("Einsum", equation="ij,jk->ik"), "", "Einsum"),
        (one("Attention", domain="com.microsoft"), "com.microsoft", "com.microsoft.Attention"),
        (one("Conv2d", domain="my.company"), "my.company", "my.company.Conv2d"),
    ],
)
def test_what_does_not_follow_from_shapes_is_said_and_not_guessed(nodes, domain: str, operator: str):
    found = network(nodes, {"w": (7, 4)}, (1, 7), domain=domain)
    assert found.macs is None
    assert found.macs_unknown == f"unknown for the operator {operator}"


def test_a_picture_of_any_size_has_no_number():
    found = network(one("Conv"), {"w": (5, 3, 3, 3)}, (1, 3, "height", "width"))
    assert (found.macs, found.macs_unknown) == (None, "not all shapes are fixed")


def test_a_file_that_the_engine_cannot_load_says_why():
    found = network(one("NoSuchOperator") + one("MatMul"), {"w": (7, 4)}, (1, 7))
    assert found.macs is None
    assert "onnxruntime cannot load it" in found.macs_unknown


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
