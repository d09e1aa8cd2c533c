import keras
import numpy as np
import pytest

from edgecls.edge_runtime.errors import BadModel
from edgecls.export.keras_file import KerasEngine, load_network


def save(layers, path):
    keras.Sequential([keras.Input((8, 8, 3)), *layers]).save(path)
    return path


@pytest.fixture
def carded(tmp_path):
    """Saves a network with a card, as training does."""
    from edgecls.edge_runtime.images.rule import ImageRule
    from edgecls.edge_runtime.models import model_file
    from edgecls.edge_runtime.models.card import ModelCard

    def make(layers):
        path = save(layers, tmp_path / "model.h5")
        model_file.attach_to_h5(path, ModelCard(labels=("a", "b"), image=ImageRule(8, 8)))
        return path

    return make


def test_one_picture_and_many_give_the_same_probabilities(tiny):
    engine = KerasEngine(tiny.h5)
    images = tiny.dataset.test.images[:5]
    many = engine.predict_batch(images)
    assert many.shape == (5, 10)
    assert many.dtype == np.float32
    np.testing.assert_allclose([engine.probabilities(image) for image in images], many, atol=1e-6)


def test_a_lambda_layer_is_refused_before_its_code_can_run(carded, tmp_path):
    canary = tmp_path / "canary"
    name = str(canary)  # the closure is saved with the layer, as JSON
    lambda_layer = keras.layers.Lambda(lambda x: (open(name, "w"), x)[1], output_shape=(8, 8, 3))  # noqa: PTH123, SIM115
    path = carded([lambda_layer, keras.layers.Flatten(), keras.layers.Dense(2)])
    canary.unlink(missing_ok=True)  # building the network ran it once
    with pytest.raises(BadModel, match="refused: a Lambda layer can run code"):
        load_network(path)
    assert not canary.exists()


def test_a_lambda_inside_a_nested_model_is_refused(carded):
    inner = keras.Sequential([keras.layers.Lambda(lambda x: x, output_shape=(8, 8, 3))])
    with pytest.raises(BadModel, match="Lambda"):
        load_network(carded([inner, keras.layers.Flatten(), keras.layers.Dense(2)]))


def test_a_layer_that_is_not_on_the_list_is_named(carded):
    layers = [
        keras.layers.TimeDistributed(keras.layers.Dense(2)),
        keras.layers.Flatten(),
        keras.layers.Dense(2),
    ]
    with pytest.raises(BadModel, match="its layer TimeDistributed goes through a sequence step by step"):
        load_network(carded(layers))


def test_an_exported_file_is_not_the_original(tiny):
    with pytest.raises(BadModel, match=r"a \.tflite file, not the Keras original"):
        load_network(tiny.files[0])


def test_an_h5_that_holds_no_keras_model_says_so(tmp_path):
    import h5py

    from edgecls.edge_runtime.images.rule import ImageRule
    from edgecls.edge_runtime.models import model_file
    from edgecls.edge_runtime.models.card import ModelCard

    path = tmp_path / "data.h5"
    h5py.File(path, "w").close()
    model_file.attach_to_h5(path, ModelCard(labels=("a", "b"), image=ImageRule(8, 8)))
    with pytest.raises(BadModel, match="without a Keras model"):
        load_network(path)
