"""What becomes of the networks in the files of a device."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgecls.data.backend import keras
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.inspection.inspect import inspect_model
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.export.calibration import Calibration
from edgecls.export.keras_file import KerasEngine
from edgecls.export.onnx import float_onnx, to_onnx
from edgecls.export.tflite_int8 import int8_tflite
from edgecls.export.tflite_metadata import with_metadata
from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.costs import macs, network_bytes
from edgecls.trainer.train import save_network

CARD = ModelCard(tuple("abcdefghij"), ImageRule(16, 16), io="float32")
IMAGES = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3)).astype(np.uint8)
DESIGNS = (Design("resnet8"), Design("mobilenet", width=0.25), Design("nano"))
IN_INT8 = {
    *("QUANTIZE", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D", "ADD", "MEAN"),
    *("RESHAPE", "FULLY_CONNECTED", "DEQUANTIZE", "SOFTMAX"),
}


def from_onnx(content):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": image[np.newaxis]})[0] for image in IMAGES])


def from_tflite(content):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()

    def answer(image):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[np.newaxis])
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return np.concatenate([answer(image) for image in IMAGES])


@pytest.fixture(scope="module", params=DESIGNS, ids=[design.arch for design in DESIGNS])
def original(request, tmp_path_factory):
    """A network as it comes back from its `.h5`, normalising as if trained."""
    keras.utils.set_random_seed(0)
    network = build(request.param, 16, 16, 10)
    random = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):  # its first weights change nothing
            layer.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    path = tmp_path_factory.mktemp(request.param.arch) / "model.h5"
    save_network(network, CARD, path)
    return KerasEngine(path)


@pytest.fixture(scope="module")
def int8(original):
    return int8_tflite(original.network, CARD, Calibration(IMAGES))


def test_the_onnx_file_answers_as_keras_and_has_batch_normalisation_folded(original):
    content = float_onnx(to_onnx(original.network, CARD), CARD)
    assert from_onnx(content) == pytest.approx(original.predict_batch(IMAGES), abs=1e-5)
    kinds = Counter(node.op_type for node in onnx.load_from_string(content).graph.node)
    assert "BatchNormalization" not in kinds
    assert kinds["Mul"] == 1  # of the pixels by 1/255
    assert kinds["Add"] == sum(isinstance(layer, keras.layers.Add) for layer in original.network.layers)


def test_the_int8_file_holds_nothing_that_an_int8_engine_does_not_run_well(original, int8):
    kinds = [op["op_name"] for op in Interpreter(model_content=int8)._get_ops_details()]
    assert set(kinds) <= IN_INT8
    assert from_tflite(int8) == pytest.approx(original.predict_batch(IMAGES), abs=0.1)


def test_inspect_counts_the_same_macs(original):
    assert inspect_model(original.model.path).network.macs == macs(original.network)


def test_the_bytes_are_about_those_of_the_catalogue(original, int8):
    assert network_bytes(original.network) == pytest.approx(len(with_metadata(int8, CARD)), rel=0.05)
