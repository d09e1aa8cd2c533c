import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.edge_runtime.errors import UsageError
from edgecls.trainer.networks import Design, build
from edgecls.trainer.networks.design import ARCHITECTURES, check_design

OF_ANY_SIZE = [arch for arch in ARCHITECTURES if arch != "cnn"]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_network_gives_probabilities_and_is_not_compiled(arch):
    network = build(Design(arch), 24, 20, 5, is_to_count=True)
    images = np.random.default_rng(0).random((3, 24, 20, 3), np.float32)
    probabilities = np.asarray(network(images))
    assert network.name == arch
    assert probabilities.shape == (3, 5)
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    assert not network.compiled


@pytest.mark.parametrize("arch", OF_ANY_SIZE)
@pytest.mark.parametrize(("height_px", "width_px", "classes"), [(16, 16, 2), (224, 224, 100)])
def test_it_can_be_built_for_any_size_and_number_of_classes(arch, height_px, width_px, classes):
    network = build(Design(arch), height_px, width_px, classes, is_to_count=True)
    assert network.input_shape == (None, height_px, width_px, 3)
    assert network.output_shape == (None, classes)


@pytest.mark.parametrize("arch", ["cnn", "resnet8", "mobilenet", "nano"])
def test_dropout_stands_before_each_dense_layer(arch):
    kinds = [type(layer).__name__ for layer in build(Design(arch, dropout=0.25), 32, 32, 10).layers]
    dense = [at for at, kind in enumerate(kinds) if kind == "Dense"]
    assert [kinds[at - 1] for at in dense] == ["Dropout"] * len(dense)
    assert kinds.count("Dropout") == len(dense)


@pytest.mark.parametrize("arch", ["cnn", "resnet8", "nano"])
def test_without_dropout_there_is_no_such_layer(arch):
    layers = build(Design(arch), 32, 32, 10).layers
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in layers)


@pytest.fixture
def bfloat16():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("arch", ["cnn", "resnet8", "nano"])
def test_probabilities_are_float32_also_where_the_rest_computes_in_bfloat16(arch, bfloat16):
    network = build(Design(arch), 18, 18, 10)
    assert network.layers[1].compute_dtype == "bfloat16"
    assert network.layers[-1].name == "probabilities"
    assert network.layers[-1].compute_dtype == "float32"
    assert network.outputs[0].dtype == "float32"


REFUSED = {
    "no-such": (Design("vgg"), 32, r"^--arch vgg: no such network; use cnn, resnet8, resnet, mobilenet"),
    "cnn-size": (Design(), 17, r"^--imgsz 17: too small for cnn, whose layers need 18 px; 32 is usual$"),
    "nano-size": (Design("nano"), 7, r"^--imgsz 7: too small for nano"),
    "no-depth": (Design("nano", depth=20), 32, r"^--depth: nano has only one; .* --arch resnet$"),
    "depth": (Design("resnet", depth=21), 32, r"^--depth 21: resnet has 6n\+2 layers, at least 8; use 20"),
    "least-depth": (Design("resnet", depth=2), 32, r"^--depth 2: resnet has 6n\+2 layers"),
    "no-width": (
        Design(width=2),
        32,
        r"^--width: cnn has only one; .* --arch resnet or mobilenet or mobilenetv2$",
    ),
    "width": (Design("mobilenet", width=0.2), 32, r"^--width 0.2: mobilenet can be 0.25 to 2 times as wide"),
    "nan": (Design("mobilenet", width=float("nan")), 32, r"^--width nan: mobilenet can be"),
    "no-weights": (
        Design("mobilenetv2", width=0.4),
        32,
        r"^--width 0.4: mobilenetv2 has weights for 0.35, 0.5, 0.75 and 1 only; use one of them$",
    ),
    "dropout": (Design(dropout=1.0), 32, r"^--dropout 1: a share under 1; use 0 to 0.5$"),
}


@pytest.mark.parametrize(("design", "side_px", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_built_is_refused_early_in_one_line(design, side_px, message):
    for refuse in (lambda: check_design(design, side_px, 64), lambda: build(design, 64, side_px, 10)):
        with pytest.raises(UsageError, match=message):
            refuse()
