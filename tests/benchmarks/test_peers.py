import numpy as np
import pytest

from edgecls.benchmarks.file_report import BenchSettings
from edgecls.benchmarks.measure import measure_files
from edgecls.benchmarks.peers import installed_peers, open_peer
from edgecls.benchmarks.report import choose, render
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.models.model_file import ModelFormat, read_model

ROUNDED = {"OpenVINO": 0.03}
"""Largest difference in any probability: where the processor has AMX, OpenVINO computes in bfloat16."""
QUICK = BenchSettings(seconds=0.01, windows=1, cold_starts=1, peers=True)


def test_opencv_is_always_there_and_keras_files_have_no_peer():
    assert "OpenCV dnn" in [peer.name for peer in installed_peers(ModelFormat.ONNX)]
    assert installed_peers(ModelFormat.H5) == ()


@pytest.mark.parametrize("peer", installed_peers(ModelFormat.ONNX), ids=lambda peer: peer.name)
def test_a_peer_gives_the_probabilities_of_our_own_engine(peer, tiny):
    from edgecls.edge_runtime.engines.open import open_engine

    model = read_model(next(path for path in tiny.files if path.name == "image_classification.onnx"))
    images = tiny.dataset.test.images[:5]
    theirs, ours = open_peer(peer.name, model, threads=1), open_engine(model)
    for image in images:
        difference = np.abs(theirs.probabilities(image) - ours.probabilities(image)).max()
        assert difference < ROUNDED.get(peer.name, 1e-4)


def test_what_a_peer_cannot_read_is_one_line(tiny):
    int8 = next(path for path in tiny.files if path.name == "image_classification_int8.tflite")
    with pytest.raises(BadModel, match="OpenCV dnn cannot run it: "):
        open_peer("OpenCV dnn", read_model(int8), threads=1)


def test_each_file_has_a_row_in_each_peer_and_none_of_them_is_recommended(colour_model, colours):
    report = measure_files([colour_model("colours.onnx")], colours, QUICK)
    ours, opencv = (file for file in report.files if file.peer in ("", "OpenCV dnn"))
    assert opencv.format == "ONNX, OpenCV dnn"
    assert opencv.error or opencv.accuracy.correct == ours.accuracy.correct
    assert "ONNX, OpenCV dnn" in render(report)
    assert choose(report)[0] is ours


def test_without_the_option_no_peer_is_measured(colour_model, colours):
    report = measure_files([colour_model()], colours, BenchSettings(seconds=0.01, windows=1, cold_starts=0))
    assert [file.peer for file in report.files] == [""]
