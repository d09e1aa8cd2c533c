import pytest
from edgecls.edge_runtime.inspection.inspect_facts import OperatorFacts, TensorFacts
from edgecls.edge_runtime.inspection.inspect_tflite import count_macs, read_network
from edgecls.edge_runtime.inspection.tflite_content import TfliteOperator, TfliteTensor


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
    assert why == f"how often {name} multiplies does not follow from shapes"


def test_a_picture_of_any_size_has_no_number():
    picture = tensor(1, 1, 1, 3, signature=(None, None, None, 3))
    counted = TfliteOperator("CONV_2D", (picture, tensor(5, 3, 3, 3)), (tensor(1, 1, 1, 5),))
    assert count_macs([counted]) == (None, "not every shape is fixed")


def test_an_operator_without_its_weights_is_no_crash():
    macs, why = count_macs([operator("CONV_2D", [(1, 8, 8, 3)], (1, 6, 6, 5))])
    assert macs is None
    assert "CONV_2D" in why


def test_an_int8_file_shows_the_scales_of_its_ends(strangers):
    found = read_network(strangers.path("int8.tflite").read_bytes(), "a.tflite")
    (entry,), (out,) = found.inputs, found.outputs
    assert (entry.dtype, entry.shape, entry.zero_point) == ("int8", (None, 32, 32, 3), -128)
    assert entry.scale == pytest.approx(1, abs=0.01)  # the pictures it was calibrated with go from 0 to 255
    assert (out.dtype, out.scale, out.zero_point) == ("int8", 1 / 256, -128)


def test_a_float_file_has_no_scales(strangers):
    (entry,) = read_network(strangers.path("float.tflite").read_bytes(), "a.tflite").inputs
    assert entry == TensorFacts(entry.name, "float32", (None, 32, 32, 3))


def test_weights_are_counted_and_shapes_are_not(strangers):
    counts = [
        read_network(strangers.path(name).read_bytes(), name).parameters
        for name in ("float.tflite", "dynamic.tflite", "int8.tflite")
    ]
    assert counts[0] == counts[1] == counts[2]
    kernels = 8 * 3 * 3 * 3 + 2 * 8 * 3 * 3 + 12 * 8 + 5 * 7 * 7 * 12
    assert kernels < counts[0] < strangers.parameters  # the converter drops biases that are all zero


def test_operators_come_with_their_number_in_the_order_of_first_use(strangers):
    operators = read_network(strangers.path("int8.tflite").read_bytes(), "a.tflite").operators
    assert operators[:2] == (OperatorFacts("MUL", 1), OperatorFacts("ADD", 1))
    assert OperatorFacts("DEPTHWISE_CONV_2D", 2) in operators
