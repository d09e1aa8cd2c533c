import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter


def details(path):
    interpreter = Interpreter(str(path))
    return interpreter.get_input_details()[0], interpreter.get_output_details()[0]


@pytest.mark.parametrize("name", ["image_classification.tflite", "image_classification_int8.tflite"])
def test_it_takes_one_picture_of_bytes_and_gives_float_probabilities(tiny, name):
    entry, out = details(tiny.folder / name)
    assert entry["dtype"] is np.uint8
    assert entry["shape"].tolist() == [1, 32, 32, 3]
    assert out["dtype"] is np.float32
    assert out["shape"].tolist() == [1, 10]


def test_the_int8_file_takes_bytes_unchanged(tiny):
    entry, _ = details(tiny.folder / "image_classification_int8.tflite")
    scale, zero_point = entry["quantization"]
    assert scale == pytest.approx(1 / 255, rel=1e-6)
    assert zero_point == 0
