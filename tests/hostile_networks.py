"""ONNX networks that do what a hostile one does: on every picture, or on one of a kind only."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard
from edgecls.edge_runtime.models.model_file import attach_to_onnx

CARD = ModelCard(("a", "b"), ImageRule(4, 4))
GREY = 80
"""The brightest pixel of a picture on which a network of `only_on_grey` fails; the trial's have none."""
ENDLESS_ROUNDS = 2**62


def sealed(network: bytes, card: ModelCard = CARD) -> bytes:
    """An `.onnx` as edgecls would have written it."""
    return attach_to_onnx(network, card)


def network(*nodes, **constants) -> bytes:
    """From uint8 [1, 4, 4, 3] `x` to float32 [1, 2] `y`."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4, 4, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    return model.SerializeToString()


def harmless() -> bytes:
    """Gives the mean of the picture twice."""
    return network(
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["f"], ["m"], axes=[1, 2, 3], keepdims=0),
        *_twice(),
        one=np.array([1, 1], np.int64),
    )


def as_large_as_asked(numbers: int, *, only_on_grey: bool) -> bytes:
    """Makes so many float32 numbers and adds them up."""
    return network(
        *_asked(only_on_grey),
        helper.make_node("Reshape", ["n", "flat"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["large"]),
        helper.make_node("Add", ["large", "number"], ["touched"]),
        helper.make_node("ReduceMean", ["touched"], ["m"], axes=[0], keepdims=0),
        *_twice(),
        most=np.int64(numbers),
        least=np.int64(1),
        grey=np.int64(GREY),
        number=np.float32(1),
        flat=np.array([1], np.int64),
        one=np.array([1, 1], np.int64),
    )


def as_long_as_asked(rounds: int, *, only_on_grey: bool) -> bytes:
    """Goes round a loop so many times; `ENDLESS_ROUNDS` never ends."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["goes"]), helper.make_node("Add", ["v", "v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 2]),
        ],
        [
            helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [1, 2]),
        ],
    )
    return network(
        *_asked(only_on_grey),
        helper.make_node("Loop", ["n", "yes", "start"], ["y"], body=body),
        most=np.int64(rounds),
        least=np.int64(1),
        grey=np.int64(GREY),
        yes=np.array(True),
        start=np.zeros((1, 2), np.float32),
    )


def _asked(only_on_grey: bool) -> list:
    """Nodes for `n`: `most` on every picture, or `least` where its brightest pixel is not `grey`."""
    if not only_on_grey:
        return [helper.make_node("Identity", ["most"], ["n"])]
    return [
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["i"], ["brightest"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Equal", ["brightest", "grey"], ["is_grey"]),
        helper.make_node("Where", ["is_grey", "most", "least"], ["n"]),
    ]


def _twice() -> list:
    """Nodes from a number `m` to `y`, of which it is both."""
    return [
        helper.make_node("Reshape", ["m", "one"], ["r"]),
        helper.make_node("Concat", ["r", "r"], ["y"], axis=1),
    ]
