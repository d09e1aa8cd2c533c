import struct
import zipfile

import pytest
from ai_edge_litert.interpreter import Interpreter
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.tflite_content import read_tflite

FILES = ("float.tflite", "dynamic.tflite", "int8.tflite")


@pytest.mark.parametrize("name", FILES)
def test_the_tensors_are_those_that_the_interpreter_sees(strangers, name: str):
    content = strangers.path(name).read_bytes()
    (graph,) = read_tflite(content, name).graphs
    seen = Interpreter(model_content=content).get_tensor_details()
    for tensor, detail in zip(graph.tensors, seen, strict=False):  # the interpreter adds some of its own
        assert (tensor.name, tensor.dtype) == (detail["name"], detail["dtype"].__name__)
        assert tensor.shape == tuple(detail["shape"])
        assert tensor.scales == pytest.approx(detail["quantization_parameters"]["scales"].tolist())
        assert list(tensor.zero_points) == detail["quantization_parameters"]["zero_points"].tolist()


@pytest.mark.parametrize("name", FILES)
def test_the_operators_are_those_of_the_network_in_order(strangers, name: str):
    (graph,) = read_tflite(strangers.path(name).read_bytes(), name).graphs
    names = [operator.name for operator in graph.operators]
    assert [name for name in names if "CONV" in name] == [
        "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D",
    ]  # fmt: skip
    assert names.index("FULLY_CONNECTED") < names.index("SOFTMAX")


def test_a_size_that_is_chosen_later_is_told_from_a_one(strangers):
    (entry,) = read_tflite(strangers.path("float.tflite").read_bytes(), "a").graphs[0].inputs
    assert entry.shape == (1, 32, 32, 3)
    assert entry.signature == (None, 32, 32, 3)


def test_weights_are_constants_and_activations_are_not(strangers):
    (graph,) = read_tflite(strangers.path("float.tflite").read_bytes(), "a").graphs
    kernel = graph.operators[2].inputs[1]
    assert kernel is not None
    assert kernel.is_constant
    assert not graph.inputs[0].is_constant


@pytest.mark.parametrize("name", FILES)
def test_cut_anywhere_it_is_not_whole(strangers, name: str):
    content = strangers.path(name).read_bytes()
    for at in range(8, len(content) - 3, 97):  # behind the last table, up to three bytes fill the row
        with pytest.raises(BadModel, match=r"a\.tflite: not a whole TFLite model: .*; copy it again"):
            read_tflite(content[:at], "a.tflite")


def test_a_cut_among_the_files_behind_the_network_is_seen(strangers, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(strangers.path("float.tflite").read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    content = path.read_bytes()
    assert read_tflite(content, "a.tflite")
    start = content.rfind(b"PK\x03\x04")
    for at in range(start + 4, start + 60):
        with pytest.raises(BadModel, match="cut short behind the network"):
            read_tflite(content[:at], "a.tflite")


def test_weights_that_reach_beyond_the_file_are_not_whole(strangers):
    content = strangers.path("float.tflite").read_bytes()
    size = struct.pack("<I", 5 * 7 * 7 * 12 * 4)  # of the last layer's kernel, which stands behind it
    assert content.count(size) == 1
    with pytest.raises(BadModel, match="not a whole TFLite model"):
        read_tflite(content.replace(size, struct.pack("<I", 2**30)), "a.tflite")


def test_a_tensor_that_claims_more_than_it_holds_is_refused(strangers):
    content = strangers.path("float.tflite").read_bytes()
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
    with pytest.raises(BadModel, match="not a whole TFLite model"):
        read_tflite(content, "a.tflite")
