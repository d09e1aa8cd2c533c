import onnx
import onnxruntime
import pytest

from edgecls.edge_runtime.engines.onnxruntime import open_session
from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.inspect import inspect_model
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.model_file import read_model


@pytest.fixture(params=["IR", "Opset"])
def newer(request, tiny, tmp_path):
    """A file of ours as an edgecls of the far future may write it, and the version it asks for."""
    original = tiny.folder / "image_classification.onnx"
    model = onnx.load(original)
    del model.metadata_props[:]
    if request.param == "IR":
        model.ir_version = 99
    else:
        model.opset_import[0].version = 99
    path = tmp_path / "newer.onnx"
    path.write_bytes(model_file.attach_to_onnx(model.SerializeToString(), read_model(original).card))
    return path, request.param


def test_a_file_newer_than_onnxruntime_names_both_versions_and_the_remedy(newer):
    """Row 33."""
    path, what = newer
    installed = onnxruntime.__version__
    with pytest.raises(BadModel) as raised:
        open_engine(read_model(path))
    message = str(raised.value)
    assert message.startswith(f"{path}: needs ONNX {what} 99, onnxruntime {installed} supports up to ")
    assert message.endswith("; upgrade with `pip install -U onnxruntime`, or export it for an older version")
    assert raised.value.exit_code == 65


def test_it_can_still_be_inspected(newer):
    network = inspect_model(newer[0]).network
    assert network.parameters == 122_570
    assert network.macs is None
    assert "supports up to" in network.macs_unknown


def test_what_is_no_model_is_one_line_and_nothing_on_stdout(capfd):
    nonsense = b"\x08\x08\x3a\x06\x0a\x04\x0a\x02\xff\xff\x42\x02\x10\x0f"  # a node whose input is not UTF-8
    with pytest.raises(BadModel, match=r"^a\.onnx: onnxruntime cannot load it: .*; export it again$"):
        open_session(nonsense, "a.onnx")
    assert capfd.readouterr().out == ""
