import struct
import zipfile

import pytest
from ai_edge_litert.interpreter import Interpreter

from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.facts import OperatorFacts, TensorFacts
from edgecls.edge_runtime.inspection.tflite import (
    TfliteOperator,
    TfliteTensor,
    count_macs,
    read_network,
    read_tflite,
)


def tensor(*shape: int, signature=None) -> TfliteTensor:
    return TfliteTensor("t", "float32", shape, signature or shape, (), (), 0, is_constant=False)


def operator(name: str, inputs, output) -> TfliteOperator:
    return TfliteOperator(name, tuple(None if t is None else tensor(*t) for t in inputs), (tensor(*output),))


@pytest.mark.parametrize(
    ("counted", "macs"),
    [
        (operator("CONV_2D", [(1, 8, 8, 3), (5, 3, 3, 3), (5,)], (1, 6, 6, 5)), 6 * 6 * 5 * 27),
        (operator("CONV_2D", [(1, 8, 8, 6), (4, 1, 1, 3), (4,)], (1, 8, 8, 4)), 8 * 8 * 4 * 3),  # two groups
        (operator("DEPTHWISE_CONV_2D", [(1, 8, 8, 3), (1, 3, 3, 6)], (1, 6, 6, 6)), 6 * 6 * 6 * 9),
        (operator("TRANSPOSE_CONV", [(4,), (5, 3, 3, 2), (1, 4, 4, 2)], (1, 9, 9, 5)), 4 * 4 * 2 * 5 * 9),
        (operator("FULLY_CONNECTED", [(1, 7), (4, 7), None], (1, 4)), 7 * 4),
        (operator("FULLY_CONNECTED", [(1, 5, 7), (4, 7)], (1, 5, 4)), 5 * 7 * 4),
        (operator("CONV_3D", [(1, 4, 8, 8, 3), (2, 3, 3, 3, 5)], (1, 3, 6, 6, 5)), 3 * 6 * 6 * 5 * 2 * 9 * 3),
        (operator("BATCH_MATMUL", [(2, 5, 7), (2, 7, 30)], (2, 5, 30)), 2 * 5 * 7 * 30),
        (operator("BATCH_MATMUL", [(2, 7, 5), (2, 30, 7)], (2, 5, 30)), 2 * 5 * 7 * 30),  # both transposed
        (operator("MAX_POOL_2D", [(1, 8, 8, 3)], (1, 4, 4, 3)), 0),
    ],
)
def test_each_operator_multiplies_as_often_as_by_hand(counted: TfliteOperator, macs: int):
    assert count_macs([counted, counted]) == (2 * macs, "")


@pytest.mark.parametrize(
    "name", ["CUSTOM Detect", "UNIDIRECTIONAL_SEQUENCE_LSTM", "SVDF", "WHILE", "STABLEHLO_CONVOLUTION"]
)
def test_what_does_not_follow_from_shapes_is_said_and_not_guessed(name: str):
    macs, why = count_macs([operator(name, [(1, 4)], (1, 4))])
    assert macs is None
    assert why == f"unknown for the operator {name}"


def test_a_picture_of_any_size_has_no_number():
    picture = tensor(1, 1, 1, 3, signature=(None, None, None, 3))
    counted = TfliteOperator("CONV_2D", (picture, tensor(5, 3, 3, 3)), (tensor(1, 1, 1, 5),))
    assert count_macs([counted]) == (None, "not all shapes are fixed")


def test_an_operator_without_its_weights_is_no_crash():
    macs, why = count_macs([operator("CONV_2D", [(1, 8, 8, 3)], (1, 6, 6, 5))])
    assert macs is None
    assert "CONV_2D" in why


def test_an_int8_file_shows_the_scales_of_its_ends(foreign):
    found = read_network(foreign.path("int8.tflite").read_bytes(), "a.tflite")
    (entry,), (out,) = found.inputs, found.outputs
    assert (entry.dtype, entry.shape, entry.zero_point) == ("int8", (None, 32, 32, 3), -128)
    assert entry.scale == pytest.approx(1, abs=0.01)  # the pictures it was calibrated with go from 0 to 255
    assert (out.dtype, out.scale, out.zero_point) == ("int8", 1 / 256, -128)


def test_a_float_file_has_no_scales(foreign):
    (entry,) = read_network(foreign.path("float.tflite").read_bytes(), "a.tflite").inputs
    assert entry == TensorFacts(entry.name, "float32", (None, 32, 32, 3))


def test_weights_are_counted_and_shapes_are_not(foreign):
    counts = [
        read_network(foreign.path(name).read_bytes(), name).parameters
        for name in ("float.tflite", "dynamic.tflite", "int8.tflite")
    ]
    assert counts[0] == counts[1] == counts[2]
    kernels = 8 * 3 * 3 * 3 + 2 * 8 * 3 * 3 + 12 * 8 + 5 * 7 * 7 * 12
    assert kernels < counts[0] < foreign.parameters  # the converter drops biases that are all zero


def test_operators_come_with_their_number_in_the_order_of_first_use(foreign):
    operators = read_network(foreign.path("int8.tflite").read_bytes(), "a.tflite").operators
    assert operators[:2] == (OperatorFacts("MUL", 1), OperatorFacts("ADD", 1))
    assert OperatorFacts("DEPTHWISE_CONV_2D", 2) in operators


FILES = ("float.tflite", "dynamic.tflite", "int8.tflite")


@pytest.mark.parametrize("name", FILES)
def test_the_tensors_are_those_that_the_interpreter_sees(foreign, name: str):
    content = foreign.path(name).read_bytes()
    (graph,) = read_tflite(content, name).graphs
    seen = Interpreter(model_content=content).get_tensor_details()
    for tensor, detail in zip(graph.tensors, seen, strict=False):  # the interpreter adds some of its own
        assert (tensor.name, tensor.dtype) == (detail["name"], detail["dtype"].__name__)
        assert tensor.shape == tuple(detail["shape"])
        assert tensor.scales == pytest.approx(detail["quantization_parameters"]["scales"].tolist())
        assert list(tensor.zero_points) == detail["quantization_parameters"]["zero_points"].tolist()


@pytest.mark.parametrize("name", FILES)
def test_the_operators_are_those_of_the_network_in_order(foreign, name: str):
    (graph,) = read_tflite(foreign.path(name).read_bytes(), name).graphs
    names = [operator.name for operator in graph.operators]
    assert [name for name in names if "CONV" in name] == [
        "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D",
    ]  # fmt: skip
    assert names.index("FULLY_CONNECTED") < names.index("SOFTMAX")


def test_a_size_that_is_chosen_later_is_told_from_a_one(foreign):
    (entry,) = read_tflite(foreign.path("float.tflite").read_bytes(), "a").graphs[0].inputs
    assert entry.shape == (1, 32, 32, 3)
    assert entry.signature == (None, 32, 32, 3)


def test_weights_are_constants_and_activations_are_not(foreign):
    (graph,) = read_tflite(foreign.path("float.tflite").read_bytes(), "a").graphs
    kernel = graph.operators[2].inputs[1]
    assert kernel is not None
    assert kernel.is_constant
    assert not graph.inputs[0].is_constant


@pytest.mark.parametrize("name", FILES)
def test_cut_anywhere_it_is_not_whole(foreign, name: str):
    content = foreign.path(name).read_bytes()
    for at in range(8, len(content) - 3, 97):  # behind the last table, up to three bytes fill the row
        with pytest.raises(BadModel, match=r"a\.tflite: not a valid TFLite model: .*; copy it again") as info:
            read_tflite(content[:at], "a.tflite")
        assert "unpack" not in str(info.value)  # flatbuffers' words


def test_a_cut_among_the_files_behind_the_network_is_seen(foreign, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(foreign.path("float.tflite").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    content = path.read_bytes()
    assert read_tflite(content, "a.tflite")
    start = content.rfind(b"PK\x03\x04")
    for at in range(start + 4, start + 60):
        with pytest.raises(BadModel, match="truncated behind the network"):
            read_tflite(content[:at], "a.tflite")


def test_weights_that_reach_beyond_the_file_are_not_whole(foreign):
    content = foreign.path("float.tflite").read_bytes()
    size = struct.pack("<I", 5 * 7 * 7 * 12 * 4)  # of the last layer's kernel, which stands behind it
    assert content.count(size) == 1
    with pytest.raises(BadModel, match="not a valid TFLite model"):
        read_tflite(content.replace(size, struct.pack("<I", 2**30)), "a.tflite")


def test_a_tensor_that_claims_more_than_it_holds_is_refused(foreign):
    content = foreign.path("float.tflite").read_bytes()
    shape = struct.pack("<Iii", 2, 5, 7 * 7 * 12)  # of the last layer's kernel, behind its length
    assert content.count(shape) == 1
    claim = content.replace(shape, struct.pack("<Iii", 2, 2**30, 7 * 7 * 12))
    with pytest.raises(BadModel, match=r"a tensor of shape \(1073741824, 588\) in 11,760 bytes"):
        read_tflite(claim, "a.tflite")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        struct.pack("<I4s", 2**31, b"TFL3"),
        struct.pack("<I4sIHH", 12, b"TFL3", 0, 4, 4),
        struct.pack("<I4s", 8, b"TFL3") + bytes(8),
        struct.pack("<I4s", 0, b"TFL3") + b"\xff" * 64,
    ],
)
def test_places_outside_the_file_are_never_followed(content: bytes):
    with pytest.raises(BadModel, match="not a valid TFLite model"):
        read_tflite(content, "a.tflite")
