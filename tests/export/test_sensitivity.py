import numpy as np
from edgecls.export.sensitivity import sensitivities

SHARES = {"a": 0.1, "b": 0.3, "c": 0.0, "d": 0.3}


class Additive:
    """Each layer in int8 moves the second class up by its share; the network's bytes name the int8 layers."""

    layers = tuple(SHARES)

    def quantise(self, ranges="min-max", float_layers=()):  # noqa: ARG002 - an `Int8Network` takes it
        return "".join(layer for layer in self.layers if layer not in float_layers).encode()

    def answers(self, content):
        moved = sum(SHARES[layer] for layer in content.decode())
        return np.array([[1 - moved, moved]] * 3)


def test_the_most_sensitive_layer_comes_first_and_equals_keep_their_order():
    network = Additive()
    found = sensitivities(network, network.answers, "min-max")
    assert [one.layer for one in found] == ["b", "d", "a", "c"]
    np.testing.assert_allclose([one.shift for one in found], [0.3, 0.3, 0.1, 0])
