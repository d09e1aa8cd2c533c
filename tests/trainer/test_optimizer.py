import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.trainer.optimizer import OneCycle, optimizer
from edgecls.trainer.recipe import Recipe

LEARNING_RATE = 0.5


@pytest.fixture
def network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((6, 6, 4)),
            keras.layers.Conv2D(8, 3, name="convolution"),
            keras.layers.DepthwiseConv2D(3, name="depthwise"),
            keras.layers.Flatten(),
            keras.layers.Dense(16, name="dense"),
            keras.layers.Dense(3, name="probabilities"),
        ]
    )


def stepped(network: keras.Model, gradients: list[np.ndarray]) -> dict[str, np.ndarray]:
    """By how much one step changes each variable."""
    before = network.get_weights()
    made = optimizer(Recipe(optimizer="muon", learning_rate=LEARNING_RATE), steps=10)
    made.apply(gradients, network.trainable_variables)
    return named(network, [now - then for now, then in zip(network.get_weights(), before, strict=True)])


def named(network: keras.Model, values: list[np.ndarray]) -> dict[str, np.ndarray]:
    names = ["/".join(v.path.split("/")[-2:]) for v in network.trainable_variables]
    return dict(zip(names, values, strict=True))


def random_gradients(network: keras.Model) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.normal(size=v.shape).astype(np.float32) for v in network.trainable_variables]


@pytest.mark.parametrize(("path", "rows"), [("convolution/kernel", 3 * 3 * 4), ("dense/kernel", 32)])
def test_a_step_is_as_long_in_all_directions(network, path, rows):
    step = stepped(network, random_gradients(network))[path].reshape(rows, -1)
    lengths = np.linalg.svd(step, compute_uv=False) / (LEARNING_RATE * 0.2 * np.sqrt(max(step.shape)))
    assert lengths.min() > 0.6  # Newton-Schulz of five rounds comes as near to 1 as that
    assert lengths.max() < 1.25


@pytest.mark.parametrize(
    "path", ["convolution/bias", "depthwise/kernel", "probabilities/kernel", "probabilities/bias"]
)
def test_vectors_and_the_last_layer_are_adamw_s(network, path):
    """Whose first step is the learning rate, whatever the gradient, with its sign."""
    gradients = random_gradients(network)
    signs = np.sign(named(network, gradients)[path])
    np.testing.assert_allclose(stepped(network, gradients)[path], -LEARNING_RATE * signs, rtol=1e-3)


def test_a_step_does_not_depend_on_how_large_the_gradient_is(network):
    gradients = random_gradients(network)
    start = network.get_weights()
    small = stepped(network, gradients)["convolution/kernel"]
    network.set_weights(start)
    large = stepped(network, [1000 * gradient for gradient in gradients])["convolution/kernel"]
    np.testing.assert_allclose(large, small, rtol=1e-3, atol=1e-5)


def rates(highest: float, steps: int) -> np.ndarray:
    schedule = OneCycle(highest, steps)
    return np.array([float(keras.ops.convert_to_numpy(schedule(step))) for step in range(steps + 1)])


def test_one_cycle_goes_up_for_a_fifth_and_down_to_nothing():
    found = rates(0.4, 100)
    assert found[0] == pytest.approx(0.04)
    assert found.argmax() == 20
    assert found[20] == pytest.approx(0.4)
    assert found[60] == pytest.approx(0.2)
    assert found[100] == 0
    assert (np.diff(found[:21]) > 0).all()
    assert (np.diff(found[20:]) < 0).all()


def test_it_can_be_saved_and_loaded():
    schedule = OneCycle(0.4, 100)
    assert OneCycle.from_config(schedule.get_config()).get_config() == schedule.get_config()


@pytest.mark.parametrize("name", ["adam", "adamw", "muon", "sgd"])
def test_kernels_decay_and_biases_and_batch_norm_do_not(name):
    """Without a gradient, only the decay can change a weight: by learning rate times decay."""
    made = optimizer(Recipe(optimizer=name, learning_rate=0.1, weight_decay=0.5), steps=10)
    layers = [keras.layers.Dense(2), keras.layers.BatchNormalization()]
    network = keras.Sequential([keras.Input((2,)), *layers])
    for variable in network.trainable_variables:
        variable.assign(np.ones(variable.shape))
    made.apply(
        [np.zeros(v.shape, np.float32) for v in network.trainable_variables], network.trainable_variables
    )
    kernel, *others = (np.asarray(variable) for variable in network.trainable_variables)
    assert kernel == pytest.approx(np.full((2, 2), 0.95))
    assert all((other == 1).all() for other in others)


def test_the_schedule_is_the_recipe_s():
    constant = optimizer(Recipe(), 10)
    assert float(np.asarray(constant.learning_rate)) == pytest.approx(1e-3)
    cycle = optimizer(Recipe(schedule="one-cycle", learning_rate=0.3), 10)
    assert float(np.asarray(cycle.learning_rate)) == pytest.approx(0.03)  # at the first step
