import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.inspection.inspect import inspect_model
from edgecls.edge_runtime.inspection.onnx_content import OnnxTensor, read_onnx, refuse_external_data
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import read_model


def weights(name: str = "w") -> onnx.TensorProto:
    return numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(3, 4), name)


def external(name: str = "w", location: str = "../../etc/passwd") -> onnx.TensorProto:
    tensor = weights(name)
    onnx.external_data_helper.set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def model(
    nodes=(), initializers=(), *, sparse=(), version: str = "2.9", more_inputs=(), **options
) -> onnx.ModelProto:
    nodes = list(nodes) or [helper.make_node("MatMul", ["x", "w"], ["y"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])
    graph = helper.make_graph(
        nodes, "g", [x, *more_inputs], [y], list(initializers), sparse_initializer=list(sparse)
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 15)],
        ir_version=8,
        producer_name="pytorch",
        producer_version=version,
        **options,
    )


def test_the_graph_is_read():
    content = read_onnx(model(initializers=[weights()]).SerializeToString(), "a.onnx")
    assert (content.ir_version, content.opsets, content.producer) == (8, {"": 15}, "pytorch 2.9")
    (entry,), (out,), (node,) = content.inputs, content.outputs, content.nodes
    assert (entry.name, entry.data_type, entry.shape) == ("x", TensorProto.FLOAT, (None, 3))
    assert (out.name, out.shape) == ("y", (None, 4))
    assert (node.name, node.inputs, node.outputs) == ("MatMul", ("x", "w"), ("y",))
    assert content.constants == {"w": OnnxTensor((3, 4), TensorProto.FLOAT)}
    assert content.constants["w"].elements == 12


def test_the_same_is_read_as_the_onnx_package_reads(tiny):
    for path in tiny.files:
        if path.suffix != ".onnx":
            continue
        graph, content = onnx.load(path).graph, read_onnx(path.read_bytes(), path.name)
        assert [node.op_type for node in content.nodes] == [node.op_type for node in graph.node]
        assert [node.inputs for node in content.nodes] == [tuple(node.input) for node in graph.node]
        assert {n: t.shape for n, t in content.constants.items()} == {
            tensor.name: tuple(tensor.dims) for tensor in graph.initializer
        }


def test_a_constant_node_is_a_constant_like_an_initializer():
    constant = helper.make_node("Constant", [], ["w"], value=weights("other name"))
    content = model([constant, helper.make_node("MatMul", ["x", "w"], ["y"])]).SerializeToString()
    assert read_onnx(content, "a.onnx").constants["w"].shape == (3, 4)


def test_old_models_list_their_constants_among_the_inputs():
    w = helper.make_tensor_value_info("w", TensorProto.FLOAT, [3, 4])
    content = model(initializers=[weights()], more_inputs=[w]).SerializeToString()
    assert [value.name for value in read_onnx(content, "a.onnx").inputs] == ["x"]


@pytest.mark.parametrize("raw", [True, False], ids=["as bytes", "as numbers"])
@pytest.mark.parametrize(
    ("data_type", "value"),
    [(TensorProto.FLOAT, 0.25), (TensorProto.UINT8, 200), (TensorProto.INT8, -128), (TensorProto.INT8, 0)],
)
def test_a_scale_or_zero_point_is_read_however_it_was_written(data_type: int, value: float, raw: bool):
    dtype = helper.tensor_dtype_to_np_dtype(data_type)
    values = np.array(value, dtype).tobytes() if raw else [value]
    tensor = helper.make_tensor("w", data_type, [], values, raw=raw)
    constants = read_onnx(model(initializers=[tensor]).SerializeToString(), "a.onnx").constants
    assert constants["w"].single == value


def test_another_operators_domain_is_part_of_its_name():
    proto = model([helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")])
    proto.opset_import.add(domain="com.microsoft", version=1)
    assert read_onnx(proto.SerializeToString(), "a.onnx").nodes[0].name == "com.microsoft.Gelu"


def branch(tensor: onnx.TensorProto) -> onnx.ModelProto:
    """A model whose tensor stands in a graph inside a node."""
    constant = helper.make_node("Constant", [], ["b"], value=tensor)
    inner = helper.make_graph(
        [constant], "inner", [], [helper.make_tensor_value_info("b", TensorProto.FLOAT, [3, 4])]
    )
    return model([helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)])


def sparse(values: onnx.TensorProto) -> onnx.ModelProto:
    indices = numpy_helper.from_array(np.arange(12, dtype=np.int64), "i")
    return model(sparse=[helper.make_sparse_tensor(values, indices, [24])])


def function(tensor: onnx.TensorProto) -> onnx.ModelProto:
    constant = helper.make_node("Constant", [], ["b"], value=tensor)
    made = helper.make_function("my", "F", ["a"], ["b"], [constant], [helper.make_opsetid("", 15)])
    return model(functions=[made])


def training(tensor: onnx.TensorProto) -> onnx.ModelProto:
    proto = model(initializers=[weights()])
    proto.training_info.add().initialization.initializer.append(tensor)
    return proto


WHEREVER_TENSORS_STAND = {
    "an initializer": lambda tensor: model(initializers=[tensor]),
    "a constant": lambda tensor: model([helper.make_node("Constant", [], ["y"], value=tensor)]),
    "a branch": branch,
    "a sparse initializer": sparse,
    "a function": function,
    "training": training,
}


@pytest.mark.parametrize("build", WHEREVER_TENSORS_STAND.values(), ids=WHEREVER_TENSORS_STAND)
def test_external_data_is_refused_wherever_a_tensor_can_stand(build):
    refuse_external_data(build(weights()).SerializeToString(), "a.onnx")
    with pytest.raises(BadModel, match=r"^a\.onnx: external data refused; save it as one file"):
        refuse_external_data(build(external()).SerializeToString(), "a.onnx")


@pytest.mark.parametrize("what", ["location alone", "entries alone"])
def test_half_a_mark_of_external_data_is_refused_too(what: str):
    tensor = external()
    tensor.ClearField("external_data" if what == "location alone" else "data_location")
    with pytest.raises(BadModel, match="external data refused"):
        refuse_external_data(model(initializers=[tensor]).SerializeToString(), "a.onnx")


@pytest.mark.parametrize("way", ["parent folder", "symbolic link", "hard link", "plain file"])
def test_a_file_outside_is_never_opened_by_inspect_or_by_the_engine(tmp_path: Path, way: str, monkeypatch):
    """Row 32, sealed and not: the seal proves that nothing changed, and not that the maker was honest."""
    folder = tmp_path / "models"
    folder.mkdir()
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.arange(12, dtype=np.float32).tobytes())
    location = {"parent folder": "../secret.bin"}.get(way, "weights.bin")
    if way == "symbolic link":
        (folder / location).symlink_to(secret)
    elif way == "hard link":
        os.link(secret, folder / location)
    elif way == "plain file":
        (folder / location).write_bytes(secret.read_bytes())
    proto = model(initializers=[external(location=location)])
    bare, sealed = folder / "bare.onnx", folder / "sealed.onnx"
    bare.write_bytes(proto.SerializeToString())
    sealed.write_bytes(model_file.attach_to_onnx(bare.read_bytes(), ModelCard(("a", "b"), ImageRule(8, 8))))
    monkeypatch.chdir(folder)
    with pytest.raises(BadModel, match=r"sealed\.onnx: external data refused"):
        inspect_model(sealed)
    if way == "plain file":
        assert inspect_model(bare).network.parameters == 12
    else:
        with pytest.raises(BadModel, match=r"in no \.data file beside it|is a link"):
            inspect_model(bare)
    with pytest.raises(BadModel, match=r"sealed\.onnx: external data refused"):
        open_engine(read_model(sealed))


def test_a_graph_is_missing():
    with pytest.raises(BadModel, match=r"a\.onnx: not a valid ONNX model: it has no graph; copy it again"):
        read_onnx(b"\x08\x08", "a.onnx")


def test_a_file_that_ends_before_its_versions_is_not_whole():
    proto = model(initializers=[weights()])
    proto.ClearField("opset_import")
    with pytest.raises(BadModel, match="it has operators without a version"):
        read_onnx(proto.SerializeToString(), "a.onnx")


@pytest.mark.parametrize("size", [-3, 2**40])
def test_a_tensor_that_claims_what_it_does_not_hold_is_refused(size: int):
    tensor = weights()
    tensor.dims[0] = size
    with pytest.raises(BadModel, match=rf"a tensor of shape \({size}, 4\) in 48 bytes"):
        read_onnx(model(initializers=[tensor]).SerializeToString(), "a.onnx")


def test_graphs_nested_a_thousand_deep_are_refused_and_not_followed():
    from edgecls.edge_runtime.models.protobuf import field

    graph = b""
    for _ in range(1000):  # graph: node = 1; node: attribute = 5; attribute: g = 6
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(BadModel, match=r"a\.onnx: not a valid ONNX model"):
        refuse_external_data(b"\x08\x08" + field(7, graph), "a.onnx")
