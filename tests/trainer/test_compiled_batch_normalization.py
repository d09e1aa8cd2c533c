import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.trainer.compiled import FusedBatchNormalization, is_fusible

layers = keras.layers
pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="other backends fuse what Keras writes out themselves"
)


def network(kind: type[keras.layers.BatchNormalization]) -> keras.Model:
    """One normalisation whose variables are not what they start as."""
    image = keras.Input((8, 8, 32))
    model = keras.Model(image, kind(momentum=0.9, name="norm")(image))
    random = np.random.default_rng(1)
    model.set_weights([random.uniform(0.5, 2, array.shape) for array in model.get_weights()])
    return model


@pytest.fixture
def both() -> tuple[keras.Model, keras.Model]:
    return network(layers.BatchNormalization), network(FusedBatchNormalization)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(3, 2, (16, 8, 8, 32)).astype(np.float32)


def test_it_answers_as_keras_s_own(both, images):
    own, fused = (model.predict_on_batch(images) for model in both)
    assert fused == pytest.approx(own, abs=1e-5)


def test_it_learns_as_keras_s_own(both, images):
    target = np.random.default_rng(2).normal(size=images.shape).astype(np.float32)
    for model in both:
        model.compile(keras.optimizers.SGD(0.5), "mean_squared_error", jit_compile=False)
        for _ in range(3):
            model.train_on_batch(images, target)
    # As near as the moving variance allows: of 1024 pixels, or of the population that they stand for.
    for own, fused in zip(*(model.get_weights() for model in both), strict=True):
        assert fused == pytest.approx(own, rel=1.5e-3)
    assert not np.allclose(both[1].get_weights()[0], network(FusedBatchNormalization).get_weights()[0])


def test_what_is_frozen_stays(both, images):
    fused = both[1]
    fused.trainable = False
    before = fused.get_weights()
    fused(images, training=True)
    assert all(map(np.array_equal, before, fused.get_weights()))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.BatchNormalization(), (8, 8, 32), True),
        (layers.BatchNormalization(), (8, 8, 24), False),  # slower than what Keras writes
        (layers.BatchNormalization(), (32,), False),
        (layers.BatchNormalization(axis=1), (32, 8, 8), False),
        (layers.BatchNormalization(scale=False), (8, 8, 32), False),
        (layers.ReLU(), (8, 8, 32), False),
    ],
)
def test_only_what_the_operation_does_is_fused(layer, shape, expected):
    layer(keras.Input(shape))
    assert is_fusible(layer) is expected
