"""A Keras network as a TensorFlow graph that a converter takes: one input, and no functions inside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ..data.backend import tf


@dataclass(frozen=True)
class Traced:
    """A traced network, which tf2onnx asks for its graph as if it were a `tf.function`."""

    graph: Any
    """TensorFlow's concrete function."""

    def get_concrete_function(self, *_: Any) -> Any:
        """Returns the graph, whatever the signature."""
        return self.graph


def traced(network: Any, name: str) -> Traced:
    """Traces a network with one input, which is called `name`.

    TensorFlow makes inputs of the constants that a layer holds, such as the mean of a Normalization. Here
    they are folded into the graph, with the weights.
    """
    signature = [tf.TensorSpec(network.input_shape, network.input.dtype, name=name)]
    function = tf.function(lambda image: network(image, training=False), signature, autograph=False)
    with inlined_functions():
        graph = function.get_concrete_function()
    has_constants = any(tensor.dtype != tf.resource for tensor in graph.captured_inputs)
    return Traced(
        convert_variables_to_constants_v2(graph, lower_control_flow=False) if has_constants else graph
    )


@contextmanager
def inlined_functions() -> Iterator[None]:
    """What a network calls while it is traced becomes part of its graph; a context manager.

    Keras compiles convolutions in groups as functions of their own, which ONNX cannot express.
    """
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
