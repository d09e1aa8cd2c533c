import numpy as np
import onnx
import pytest


@pytest.fixture(params=["image_classification.onnx", "image_classification_int8.onnx"])
def model(request, tiny):
    return onnx.load(tiny.folder / request.param)


def test_any_raspberry_pi_image_can_read_it(model):
    assert model.ir_version <= 8
    assert {entry.domain: entry.version for entry in model.opset_import}[""] <= 15
    onnx.checker.check_model(model, full_check=True)


def test_only_the_domains_that_are_used_are_imported(model):
    assert {entry.domain for entry in model.opset_import} == {node.domain for node in model.graph.node}


def test_it_takes_one_picture_of_bytes_and_gives_float_probabilities(model):
    (entry,), (out,) = model.graph.input, model.graph.output
    assert (entry.name, out.name) == ("image", "probabilities")
    assert entry.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [size.dim_value for size in entry.type.tensor_type.shape.dim] == [1, 32, 32, 3]
    assert out.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_int8_weights_have_a_scale_for_each_channel_and_the_softmax_stays_float(tiny):
    graph = onnx.load(tiny.folder / "image_classification_int8.onnx").graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made_by = {output: node for node in graph.node for output in node.output}
    (softmax,) = (node for node in graph.node if node.op_type == "Softmax")
    assert softmax.output[0] == "probabilities"
    for node in graph.node:
        if node.op_type == "Conv":
            weights = made_by[node.input[1]]
            assert weights.op_type == "DequantizeLinear"
            assert constants[weights.input[0]].dtype == np.int8
            assert len(constants[weights.input[1]]) == constants[weights.input[0]].shape[0]


def test_the_int8_file_takes_bytes_without_arithmetic(tiny):
    graph = onnx.load(tiny.folder / "image_classification_int8.onnx").graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    first = next(
        node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] not in constants
    )
    assert float(constants[first.input[1]]) == pytest.approx(1 / 255, rel=1e-6)
    assert int(constants[first.input[2]]) == 0
    assert not {"Cast", "Mul", "Add"} & {node.op_type for node in graph.node}
