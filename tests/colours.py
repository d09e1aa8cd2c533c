"""Networks whose answers are known: each class is a colour, and the brightest channel wins."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecls.benchmarks.test_images import HeldOut
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.card import ModelCard, Provenance, Quantisation

LABELS = ("red", "green", "blue")
DATA_SHA256 = hashlib.sha256(b"colours").hexdigest()


def _network(side_px: int, gains: tuple[float, ...], order: tuple[int, ...]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, side_px, side_px, 3])
    out = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 3])
    constants = [
        numpy_helper.from_array(np.array(gains, np.float32), "gains"),
        numpy_helper.from_array(np.array(order), "order"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["means", "gains"], ["scores"]),
        helper.make_node("Gather", ["scores", "order"], ["ordered"], axis=1),
        helper.make_node("Softmax", ["ordered"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(nodes, "colours", [image], [out], constants)
    opset = [helper.make_opsetid("", 15)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


@pytest.fixture
def colour_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes an `.onnx` that names the brightest channel; gains of 0 make it blind to one, NaN breaks it.

    `order` shuffles what it gives.
    """

    def write(
        name: str = "colours.onnx",
        *,
        gains: tuple[float, ...] = (1, 1, 1),
        order: tuple[int, ...] = (0, 1, 2),
        labels: tuple[str, ...] = LABELS,
        side_px: int = 8,
        weights_sha256: str = "",
        data_sha256: str = DATA_SHA256,
        quantisation: Quantisation | None = None,
    ) -> Path:
        card = ModelCard(
            labels=labels,
            image=ImageRule(side_px, side_px),
            provenance=Provenance(weights_sha256=weights_sha256, data="colours", data_sha256=data_sha256),
            quantisation=quantisation,
        )
        path = tmp_path / name
        path.write_bytes(model_file.attach_to_onnx(_network(side_px, gains, order), card))
        return path

    return write


@pytest.fixture
def colours() -> HeldOut:
    """Thirty pictures of 8x8 px, ten of each colour; those of blue stand last."""
    truth = np.repeat(np.arange(3), 10)
    images = np.random.default_rng(0).integers(0, 50, (30, 8, 8, 3), np.uint8)
    images[np.arange(30), :, :, truth] += 100
    return HeldOut("colours", DATA_SHA256, LABELS, images, truth, available=30)
