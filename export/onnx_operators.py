"""TensorFlow's operators that tf2onnx does not know, expressed by those of ONNX."""

from collections.abc import Callable
from typing import Any

import numpy as np
from tf2onnx.utils import make_name

Handler = Callable[..., None]
"""Takes tf2onnx's graph and the node to express."""


def _complementary_error(graph: Any, node: Any, *_: Any, **__: Any) -> None:
    """1 - erf(x), of an exact GELU."""
    (x,), ends = node.input, _ends(graph, node)
    error = graph.make_node("Erf", [x]).output[0]
    graph.make_node("Sub", [_constant(graph, 1), error], **ends)


def _exponential_less_one(graph: Any, node: Any, *_: Any, **__: Any) -> None:
    """exp(x) - 1, of a CELU: tanh(x / 2) (exp(x) + 1), which loses nothing to rounding near 0."""
    (x,), ends = node.input, _ends(graph, node)
    half = graph.make_node("Mul", [x, _constant(graph, 0.5)]).output[0]
    tangent = graph.make_node("Tanh", [half]).output[0]
    exponential = graph.make_node("Exp", [x]).output[0]
    more = graph.make_node("Add", [exponential, _constant(graph, 1)]).output[0]
    graph.make_node("Mul", [tangent, more], **ends)


HANDLERS: dict[str, tuple[Handler, list[Any]]] = {
    "Erfc": (_complementary_error, []),
    "Expm1": (_exponential_less_one, []),
}
"""As `tf2onnx.convert.from_function` takes them."""


def _ends(graph: Any, node: Any) -> dict[str, Any]:
    """Removes a node; returns what the last node in its place needs to take its name and results."""
    ends = {
        "outputs": list(node.output),
        "name": node.name,
        "shapes": node.output_shapes,
        "dtypes": node.output_dtypes,
    }
    graph.remove_node(node.name)
    return ends


def _constant(graph: Any, value: float) -> str:
    return graph.make_const(make_name("constant"), np.array(value, np.float32)).output[0]
