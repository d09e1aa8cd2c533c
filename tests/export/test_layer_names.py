import pytest

from edgecls.data.backend import keras
from edgecls.export.layer_names import (
    Operator,
    ended_names,
    layer_path,
    nodes_by_layer,
    plain_name,
    weighted_layers,
)


def network():
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="conv")], name="stem")
    image = keras.Input((8, 8, 3))
    x = keras.layers.Flatten(name="flat")(inner(image))
    return keras.Model(image, keras.layers.Dense(2, name="conv_1")(x), name="net")


@pytest.mark.parametrize(
    ("converted", "plain"),
    [
        ("edgecls_1/net._1/conv2d._1/Relu", "conv2d/Relu"),
        ("edgecls_1/net._1/conv2d_1._1/Relu:0", "conv2d_1/Relu"),
        ("edgecls/net./block._2/conv._1/BiasAdd__59", "block/conv/BiasAdd"),
        ("ConvMulFusion_W_edgecls_1/net/conv._1/convolution", "net/conv/convolution"),
        ("edgecls_1/Cast", "Cast"),
        ("const_fold_opt__19", "const_fold_opt"),
    ],
)
def test_plain_names_leave_out_what_conversion_adds(converted, plain):
    assert plain_name(converted) == plain


def test_a_name_tells_its_layer():
    assert layer_path("edgecls_1/net._1/block._1/conv_1._1/batchnorm/mul_1") == "block/conv_1"
    assert layer_path("edgecls_1/Cast") == ""


def names(model):
    return [layer.name for layer in (*model.layers[1:], *model.layers[1].layers)]


def test_names_end_in_a_full_stop_only_while_a_model_is_converted():
    model = network()
    with ended_names(model):
        assert names(model) == ["stem.", "flat.", "conv_1.", "conv."]
    assert names(model) == ["stem", "flat", "conv_1", "conv"]


def test_names_come_back_when_the_conversion_fails():
    model = network()
    with pytest.raises(RuntimeError), ended_names(model):
        raise RuntimeError
    assert names(model) == ["stem", "flat", "conv_1", "conv"]


def test_layers_with_weights_to_multiply_by_are_found_inside_others():
    assert weighted_layers(network()) == {"stem/conv", "conv_1"}


def test_operators_without_weights_go_with_the_layer_before_them():
    operators = [
        Operator("pad", "PAD", False, ("pad",)),
        Operator("a", "CONV_2D", True, ("relu/Relu", "stem/conv/convolution")),
        Operator("b", "MAX_POOL_2D", False, ("pool/MaxPool",)),
        Operator("c", "FULLY_CONNECTED", True, ("conv_1/MatMul",)),
        Operator("d", "FULLY_CONNECTED", True, ("odd/MatMul",)),
    ]
    assert nodes_by_layer(operators, frozenset(["stem/conv", "conv_1"])) == {
        "stem/conv": ("pad", "a", "b"),
        "conv_1": ("c",),
        "odd/MatMul": ("d",),
    }


def test_a_mean_goes_with_the_layers_on_both_sides():
    operators = [
        Operator("a", "Conv", True, ("conv",)),
        Operator("b", "GlobalAveragePool", False, ("mean",)),
        Operator("c", "Reshape", False, ("mean_1",)),
        Operator("d", "Gemm", True, ("dense",)),
        Operator("e", "Softmax", False, ("softmax",)),
    ]
    assert nodes_by_layer(operators, frozenset(["conv", "dense"])) == {
        "conv": ("a", "b", "c"),
        "dense": ("b", "c", "d", "e"),
    }


def test_a_network_without_such_layers_has_none():
    assert nodes_by_layer([Operator("a", "MEAN", False, ("a",))], frozenset()) == {}
