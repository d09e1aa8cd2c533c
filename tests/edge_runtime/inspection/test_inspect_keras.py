import pytest
from edgecls.edge_runtime.inspection.inspect_facts import OperatorFacts, TensorFacts
from edgecls.edge_runtime.inspection.inspect_keras import read_network
from edgecls.export.keras_libraries import keras


@pytest.mark.parametrize("name", ["theirs.h5", "theirs.keras"])
def test_what_the_file_says_of_itself(strangers, name: str):
    found = read_network(strangers.path(name).read_bytes(), name)
    assert found.made_with == f"Keras {keras.__version__}"
    assert found.inputs == (TensorFacts("picture", "float32", (None, 32, 32, 3)),)
    assert found.outputs == (TensorFacts("scores", "float32", (None, 5)),)
    assert found.operators[:2] == (OperatorFacts("Rescaling", 1), OperatorFacts("Conv2D", 1))
    assert found.parameters == strangers.parameters


def test_a_model_of_its_own_class_shows_what_it_has(tmp_path):
    class Mine(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    network = Mine()
    network(keras.ops.zeros((1, 3)))
    network.save(tmp_path / "mine.keras")
    found = read_network((tmp_path / "mine.keras").read_bytes(), "mine.keras")
    assert (found.inputs, found.operators, found.macs) == ((), (), None)
    assert found.parameters == 3 * 2 + 2
    assert found.macs_unknown == "Mine is not a model of known layers"
