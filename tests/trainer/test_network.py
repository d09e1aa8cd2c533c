import numpy as np
import pytest
from edgecls.edge_runtime.errors import UsageError
from edgecls.trainer.network import ARCHITECTURES, build, check_architecture


def test_the_documented_cnn_is_exact():
    network = build("cnn", 32, 32, 10)
    assert network.count_params() == 122_570
    assert network.input_shape == (None, 32, 32, 3)
    layers = [(type(layer).__name__, layer.output.shape[1:]) for layer in network.layers]
    assert layers == [
        ("Conv2D", (30, 30, 32)),
        ("MaxPooling2D", (15, 15, 32)),
        ("Conv2D", (13, 13, 64)),
        ("MaxPooling2D", (6, 6, 64)),
        ("Conv2D", (4, 4, 64)),
        ("Flatten", (1024,)),
        ("Dense", (64,)),
        ("Dense", (10,)),
    ]
    activations = [layer.activation.__name__ for layer in network.layers if hasattr(layer, "activation")]
    assert activations == ["relu", "relu", "relu", "relu", "softmax"]


def test_the_documented_recipe_is_compiled_in():
    network = build("cnn", 32, 32, 10)
    config = network.get_compile_config()
    assert config["loss"] == "sparse_categorical_crossentropy"
    assert config["metrics"] == ["accuracy"]
    assert config["optimizer"]["class_name"] == "Adam"
    assert config["optimizer"]["config"]["learning_rate"] == pytest.approx(0.001)


@pytest.mark.parametrize(("height_px", "width_px", "classes"), [(18, 18, 2), (32, 48, 7), (64, 64, 100)])
def test_any_size_and_number_of_classes(height_px, width_px, classes):
    network = build("cnn", height_px, width_px, classes)
    probabilities = np.asarray(
        network(np.random.default_rng(0).random((3, height_px, width_px, 3), np.float32))
    )
    assert probabilities.shape == (3, classes)
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_dropout_stands_before_each_dense_layer_and_adds_no_parameter():
    network = build("cnn", 32, 32, 10, dropout=0.25)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds[5:] == ["Flatten", "Dropout", "Dense", "Dropout", "Dense"]
    assert network.count_params() == 122_570


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_smallest_size_is_the_smallest_that_keras_can_build(arch):
    smallest_px = ARCHITECTURES[arch].smallest_side_px
    build(arch, smallest_px, smallest_px, 2)
    with pytest.raises(UsageError, match=rf"--size {smallest_px - 1}: too small for {arch}"):
        build(arch, smallest_px - 1, smallest_px, 2)
    with pytest.raises(ValueError, match=r"negative|zero"):
        ARCHITECTURES[arch].build(smallest_px - 1, smallest_px - 1, 2, 0.0)


def test_an_unknown_network_is_an_error_that_names_the_known():
    with pytest.raises(UsageError, match=r"--arch vgg: no such network; use cnn"):
        check_architecture("vgg", 32)
