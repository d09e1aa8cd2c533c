import numpy as np
import pytest
from edgecls.edge_runtime.inspection.inspect_onnx import read_network
from onnx import TensorProto, helper, numpy_helper


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
    assert found.macs_unknown == f"how often {operator} multiplies does not follow from shapes"


def test_a_picture_of_any_size_has_no_number():
    found = network(one("Conv"), {"w": (5, 3, 3, 3)}, (1, 3, "height", "width"))
    assert (found.macs, found.macs_unknown) == (None, "not every shape is fixed")


def test_a_file_that_the_engine_cannot_load_says_why():
    found = network(one("NoSuchOperator") + one("MatMul"), {"w": (7, 4)}, (1, 7))
    assert found.macs is None
    assert "onnxruntime cannot load it" in found.macs_unknown
