import numpy as np
import pytest
from edgecls.benchmarks.cold_start import measure_cold_start
from edgecls.edge_runtime.errors import BadModel


@pytest.fixture
def still(colours, tmp_path):
    return colours.write(tmp_path).still


def test_a_new_process_names_the_picture(colour_model, still):
    cold = measure_cold_start(colour_model(), still, threads=1)
    assert cold.label == "red"
    assert 0.01 < cold.first_label_s < 10


def test_memory_is_that_of_the_process_and_not_of_its_parent(colour_model, still):
    ballast = np.ones(500_000_000, np.uint8)
    cold = measure_cold_start(colour_model(), still, threads=1)
    if cold.peak_memory_bytes is None:
        pytest.skip("this system does not say how much memory a process held")
    assert 20e6 < cold.peak_memory_bytes < ballast.nbytes / 2


def test_a_file_that_fails_is_an_error_with_its_reason(tmp_path, still):
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(BadModel, match="the file is empty"):
        measure_cold_start(tmp_path / "empty.onnx", still, threads=1)
