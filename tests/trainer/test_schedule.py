import numpy as np
import pytest
from edgecls.trainer.backend import keras
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.schedule import OneCycle, optimizer


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
