"""What a foreign network takes and gives, on networks of a few numbers."""

from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.engines.engine import start_engine
from edgecls.edge_runtime.errors import BadModel, UsageError
from edgecls.edge_runtime.images.picture_options import PictureOptions
from edgecls.edge_runtime.inspection import inspect
from edgecls.edge_runtime.inspection.onnx import read_network
from edgecls.edge_runtime.models.foreign import read_foreign
from edgecls.edge_runtime.models.foreign_trial import judged, try_foreign

onnx = pytest.importorskip("onnx", reason="needs edgecls[train]")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

LABELS = ("cat", "dog", "bird")
MIX = np.array([[2, -1, 0.5], [-1, 1.5, 1], [0.5, -2, 1]], np.float32) * 4
PICTURE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def network(
    *tail: str,
    classes: int = 3,
    shape=("N", 3, 8, 8),
    takes=TensorProto.FLOAT,
    gives=TensorProto.FLOAT,
    more_outputs=(),
    activations: int = 0,
) -> bytes:
    """Means of the colours, mixed, and what follows as operators with one input."""
    nodes = [helper.make_node("Cast", ["x"], ["real"], to=TensorProto.FLOAT)]
    for at in range(activations):
        nodes.append(helper.make_node("Sqrt", [nodes[-1].output[0]], [f"a{at}"]))
    nodes += [
        helper.make_node("ReduceMean", [nodes[-1].output[0]], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "mix"], ["mixed"]),
    ]
    for at, operator in enumerate(tail):
        nodes.append(helper.make_node(operator, [nodes[-1].output[0]], [f"t{at}"]))
    nodes.append(helper.make_node("Cast", [nodes[-1].output[0]], ["scores"], to=gives))
    outputs = [helper.make_tensor_value_info("scores", gives, ("N", classes))]
    for name, size in more_outputs:
        nodes.append(helper.make_node("MatMul", ["means", f"w_{name}"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ("N", size)))
    constants = [numpy_helper.from_array(MIX[:, :classes], "mix")]
    constants += [
        numpy_helper.from_array(np.ones((3, size), np.float32), f"w_{name}") for name, size in more_outputs
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", takes, shape)], outputs, constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


def answers(content: bytes, folder: Path, labels=LABELS, **options) -> np.ndarray:
    path = folder / "theirs.onnx"
    path.write_bytes(content)
    model = read_foreign(path, labels, PictureOptions(scale="0..1", **options))
    engine = start_engine(model)
    return engine.probabilities(PICTURE)


def mixed(classes: int = 3) -> np.ndarray:
    return PICTURE.astype(np.float64).mean((0, 1)) / 255 @ MIX[:, :classes]


def softmax(values):
    return np.exp(values) / np.exp(values).sum()


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


@pytest.mark.parametrize(
    ("tail", "scores", "expected"),
    [
        (("Softmax",), "probabilities", softmax(mixed())),
        ((), "logits", softmax(mixed())),
        (("Sigmoid",), "independent", sigmoid(mixed())),
        (("LogSoftmax",), "logits", softmax(mixed())),
    ],
)
def test_scores_are_what_the_last_operator_and_the_values_say(tmp_path, tail, scores, expected):
    content = network(*tail)
    assert try_foreign(content, "theirs.onnx", 3)["scores"] == scores
    np.testing.assert_allclose(answers(content, tmp_path), expected, atol=1e-5)


@pytest.mark.parametrize(("tail", "scores"), [(("Sigmoid",), "binary"), ((), "binary-logits")])
def test_one_score_is_that_of_the_second_label(tmp_path, tail, scores):
    content = network(*tail, classes=1)
    found = try_foreign(content, "theirs.onnx", 2)
    assert found["scores"] == scores
    assert "of the second label" in found["notes"][0]
    second = sigmoid(mixed(1)[0])
    np.testing.assert_allclose(answers(content, tmp_path, ("no", "yes")), [1 - second, second], atol=1e-5)


def test_one_score_is_for_two_labels():
    with pytest.raises(BadModel, match="one score, which is for two labels, and there are 3"):
        try_foreign(network("Sigmoid", classes=1), "theirs.onnx", 3)


@pytest.mark.parametrize(
    ("raw", "ends_in", "scores"),
    [
        ([[0.1, 0.2], [0.3, 0.4]], "Gemm", "logits"),  # small logits, which only look like probabilities
        ([[0.1, 0.2], [0.3, 0.4]], "LOGISTIC", "independent"),
        ([[0.1, 0.9], [0.3, 0.7]], "Div", "probabilities"),  # a softmax of single operators
        ([[0.1, 0.9], [0.3, 0.7]], "Add", "probabilities"),  # the mean of several networks
        ([[0.1, 0.903], [0.3, 0.697]], "", "probabilities"),  # bfloat16
        ([[0.1, 0.91], [0.3, 0.7]], "SOFTMAX", "probabilities"),
        ([[0.1, 0.8], [0.3, 0.2]], "Clip", "independent"),
        ([[0.1, 2.0], [0.3, 0.2]], "Mul", "logits"),
        ([[0.1], [0.3]], "FULLY_CONNECTED", "binary-logits"),
        ([[0.1], [0.3]], "Clip", "binary"),
    ],
)
def test_what_scores_are(raw, ends_in, scores):
    assert judged(np.array(raw, np.float32), ends_in, 0.0, "m")[0] == scores


def test_a_quantised_softmax_of_many_classes_may_lose_half_a_step_in_each():
    raw = np.zeros((4, 1000), np.float32)
    raw[:, 0] = 0.3
    assert judged(raw, "SOFTMAX", 1 / 256, "m")[0] == "probabilities"


@pytest.mark.parametrize(
    ("raw", "ends_in"),
    [
        ([[1.0, 1.0], [1.0, 1.0]], "Softmax"),  # over the batch
        ([[0.1, 3.0], [0.3, 0.7]], "Sigmoid"),
        ([[1.0], [1.0]], "SOFTMAX"),
        ([[-0.9], [0.3]], "Tanh"),
        ([[np.nan, 1.0]], "Softmax"),
    ],
)
def test_scores_that_contradict_their_operator_are_refused(raw, ends_in):
    with pytest.raises(BadModel, match="m: "):
        judged(np.array(raw, np.float32), ends_in, 0.0, "m")


@pytest.mark.parametrize("shape", [("N", 3, "H", "W"), (None, 3, None, None)])
def test_pictures_of_any_size_need_a_size(tmp_path, shape):
    content = network("Softmax", shape=shape)
    with pytest.raises(UsageError, match=r"takes pictures of any size; .* --imgsz 224"):
        answers(content, tmp_path)
    np.testing.assert_allclose(answers(content, tmp_path, imgsz="8"), softmax(mixed()), atol=1e-5)
    assert try_foreign(content, "theirs.onnx", 3, (8, 12))["size_px"] == (8, 12)


def test_another_size_than_the_networks_is_refused():
    assert try_foreign(network("Softmax"), "theirs.onnx", 3, (8, 8))["size_px"] == (8, 8)
    with pytest.raises(UsageError, match="takes pictures of 8x8 px and no other; leave --imgsz out"):
        try_foreign(network("Softmax"), "theirs.onnx", 3, (16, 8))


def test_the_output_with_a_score_for_each_label_is_read_and_that_is_said(tmp_path):
    content = network("Softmax", more_outputs=[("features", 5)])
    found = try_foreign(content, "theirs.onnx", 3)
    assert (found["output"], found["notes"]) == (
        "scores",
        ["reads the output scores, the only one with 3 scores"],
    )
    np.testing.assert_allclose(answers(content, tmp_path), softmax(mixed()), atol=1e-5)


def test_of_several_outputs_that_could_be_meant_one_has_to_be_named(tmp_path):
    content = network("Softmax", more_outputs=[("other", 3)])
    with pytest.raises(UsageError, match=r"scores float32 \[\?, 3\] and other float32 \[\?, 3\]; .*--output"):
        try_foreign(content, "theirs.onnx", 3)
    np.testing.assert_allclose(answers(content, tmp_path, output="scores"), softmax(mixed()), atol=1e-5)
    with pytest.raises(UsageError, match="has no output third, but scores"):
        try_foreign(content, "theirs.onnx", 3, None, "third")


def test_a_classifier_of_scikit_learn_gives_a_map_and_a_label(tmp_path):
    model = onnx.load_from_string(network("Softmax"))
    map_type = helper.make_map_type_proto(
        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    )
    model.graph.node.append(helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0))
    model.graph.node.append(
        helper.make_node("ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2])
    )
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, ("N",)))
    model.graph.output.append(helper.make_value_info("maps", helper.make_sequence_type_proto(map_type)))
    for labels in (2, 3):
        with pytest.raises(BadModel, match=r"gives maps as a sequence or map, .*zipmap=False"):
            try_foreign(model.SerializeToString(), "theirs.onnx", labels)


def test_half_precision_in_and_out(tmp_path):
    content = network("Softmax", takes=TensorProto.FLOAT16, gives=TensorProto.FLOAT16)
    answer = answers(content, tmp_path)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, softmax(mixed()), atol=5e-3)


def test_the_memory_of_its_tensors_is_read_from_their_shapes():
    facts = read_network(network("Softmax", shape=(1, 3, 1024, 1024), activations=5), "theirs.onnx")
    assert facts.tensor_bytes == pytest.approx(7 * 3 * 1024**2 * 4, rel=0.01)
    assert facts.ends_in == ("Softmax",)
    assert read_network(network(shape=("N", 3, "H", "W")), "theirs.onnx").tensor_bytes is None


@pytest.mark.slow
def test_large_tensors_are_no_damage(tmp_path):
    """Of a file of a kilobyte: 350 MB for one picture."""
    path = tmp_path / "theirs.onnx"
    path.write_bytes(network("Softmax", shape=(1, 3, 2048, 2048), activations=5))
    assert read_foreign(path, LABELS, PictureOptions("0..1")).card.image.height_px == 2048


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (network("Softmax"), "edgecls adopt m.onnx --data photos --labels labels.txt"),
        (
            network("Softmax", takes=TensorProto.UINT8),
            "edgecls camera --model m.onnx --labels labels.txt",
        ),
        (
            network("Softmax", shape=("N", 3, "H", "W")),
            "edgecls adopt m.onnx --data photos --labels labels.txt --imgsz 224",
        ),
        (
            network("Softmax", more_outputs=[("features", 5)]),
            "edgecls adopt m.onnx --data photos --labels labels.txt --output scores",
        ),
    ],
)
def test_inspect_names_the_command_that_this_file_needs(content, command):
    from edgecls.cli.inspect import _foreign_command

    facts = inspect.read_network(content, "m.onnx")
    assert not facts.unfit
    assert _foreign_command("m.onnx", facts) == command


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"shape": (8, 3, 8, 8)}, "it takes 8 pictures at once; export it for a batch of 1"),
        ({"shape": ("N", 4, 8, 8)}, "and no picture"),
        ({"takes": TensorProto.DOUBLE}, "it takes float64; use one that takes uint8"),
    ],
)
def test_what_no_command_runs_is_told_before_one_is_tried(changes, why):
    assert why in inspect.read_network(network("Softmax", **changes), "m.onnx").unfit
