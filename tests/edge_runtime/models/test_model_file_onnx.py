import pytest

from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import CARD_KEY, SEAL_KEY, attach_to_onnx, find_onnx_card
from edgecls.edge_runtime.models.seal import check_seal

CARD = ModelCard(("cat", "größe"), ImageRule(32, 32))


def network() -> bytes:
    """A real ModelProto."""
    onnx = pytest.importorskip("onnx", reason="needs the onnx package of edgecls[train]")
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [tensor("x", onnx.TensorProto.FLOAT, [1])],
        [tensor("y", onnx.TensorProto.FLOAT, [1])],
    )
    return onnx.helper.make_model(graph, ir_version=8).SerializeToString()


def test_the_card_is_found_again_and_the_file_is_sealed():
    file = attach_to_onnx(b"\x08\x08", CARD)
    assert find_onnx_card(file) == CARD.to_json().encode()
    assert check_seal(file) == "holds"


def test_the_onnx_package_reads_card_seal_and_the_network_as_before():
    import onnx

    bare = network()
    model = onnx.load_from_string(attach_to_onnx(bare, CARD))
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties[CARD_KEY] == CARD.to_json()
    assert properties[SEAL_KEY].startswith("edgecls-sha256:")
    assert model.graph == onnx.load_from_string(bare).graph


def test_entries_of_others_stay_beside_it():
    import onnx

    model = onnx.load_from_string(network())
    model.metadata_props.add(key="author", value="somebody")
    assert find_onnx_card(model.SerializeToString()) is None
    assert find_onnx_card(attach_to_onnx(model.SerializeToString(), CARD)) == CARD.to_json().encode()


def test_a_bare_network_has_no_card():
    assert find_onnx_card(b"\x08\x08") is None
    assert find_onnx_card(b"") is None


@pytest.mark.parametrize(
    "content", [b"\x08", b"\x08\xff", b"\x0f", b"\x3a\x10abc", b"\xff" * 20, b"\x00\x00"]
)
def test_what_is_not_a_whole_protocol_buffer_is_an_error_and_no_crash(content: bytes):
    with pytest.raises(ValueError, match=r"truncated|wire type"):
        find_onnx_card(content)
