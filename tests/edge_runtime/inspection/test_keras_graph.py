import json

import h5py
import pytest
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.inspect_facts import TensorFacts
from edgecls.edge_runtime.inspection.keras_content import KerasContent, read_keras
from edgecls.edge_runtime.inspection.keras_graph import check_keras, follow
from edgecls.export.keras_file import load_network
from edgecls.export.keras_libraries import keras

layers = keras.layers


def saved(network, tmp_path, suffix: str) -> KerasContent:
    path = tmp_path / f"theirs{suffix}"
    network.save(path)
    return read_keras(path.read_bytes(), path.name)


def branches():
    """A layer used twice, two inputs, two outputs, and a model inside the model."""
    left, right = keras.Input((9, 8, 3), name="left"), keras.Input((9, 8, 3), name="right")
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    joined = layers.Concatenate()([shared(left), shared(right)])
    inner = keras.Sequential([keras.Input((9, 8, 8)), layers.Conv2D(2, 1), layers.GlobalMaxPooling2D()])
    scores = inner(joined)
    return keras.Model([left, right], [layers.Dense(5, name="a")(scores), layers.Dense(6, name="b")(scores)])


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_every_use_of_a_layer_multiplies_and_every_end_is_named(tmp_path, suffix: str):
    graph = follow(saved(branches(), tmp_path, suffix), "theirs")
    assert graph.macs == 2 * (9 * 8 * 4 * 27) + 9 * 8 * 2 * 8 + 2 * 5 + 2 * 6
    assert graph.inputs == tuple(TensorFacts(n, "float32", (None, 9, 8, 3)) for n in ("left", "right"))
    assert graph.outputs == (TensorFacts("a", "float32", (None, 5)), TensorFacts("b", "float32", (None, 6)))


def test_a_mixed_policy_shows_the_type_that_is_computed_in(tmp_path):
    network = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="mixed_float16", name="out")])
    assert follow(saved(network, tmp_path, ".keras"), "theirs").outputs == (
        TensorFacts("out", "float16", (None, 2)),
    )


def keras_2(*, inner_use: int) -> KerasContent:
    """As Keras 2 saved it: calls as `[layer, use, output, options]`; a model inside is first used as 1."""

    def layer(kind, name, calls, **options):
        return {"class_name": kind, "config": {"name": name} | options, "name": name, "inbound_nodes": calls}

    picture = {"batch_input_shape": [None, 8, 8, 3], "dtype": "float32"}
    conv = {"filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "valid", "groups": 1}
    inside = [
        {"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": [None, 6, 6, 4]}},
        {"class_name": "Flatten", "config": {"name": "f"}},
    ]
    graph = {
        "name": "model",
        "layers": [
            layer("InputLayer", "pic", [], **picture),
            layer("Dense", "out", [[["inner", inner_use, 0, {}]]], units=5),  # before what it needs
            {
                "class_name": "Sequential",
                "config": {"name": "inner", "layers": inside},
                "name": "inner",
                "inbound_nodes": [[["conv", 0, 0, {}]]],
            },
            layer("Conv2D", "conv", [[["pic", 0, 0, {}]]], **conv),
        ],
        "input_layers": [["pic", 0, 0]],
        "output_layers": [["out", 0, 0]],
    }
    return KerasContent("2.15.0", {"class_name": "Functional", "config": graph}, 1000)


@pytest.mark.parametrize("inner_use", [0, 1])
def test_models_of_keras_2_are_followed(inner_use: int):
    graph = follow(keras_2(inner_use=inner_use), "theirs")
    assert graph.macs == 6 * 6 * 4 * 27 + 6 * 6 * 4 * 5
    assert graph.inputs == (TensorFacts("pic", "float32", (None, 8, 8, 3)),)


def test_a_sequence_that_is_a_mere_list_with_its_shape_in_the_first_layer_is_followed():
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 5, "batch_input_shape": [None, 7]}}
    model = KerasContent("1.2", {"class_name": "Sequential", "config": [dense]}, 40)
    graph = follow(model, "theirs")
    assert (graph.macs, graph.inputs[0].shape, graph.outputs[0].shape) == (35, (None, 7), (None, 5))


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (lambda: [keras.Input((5, 3)), layers.LSTM(4)], "what a layer LSTM does is not known"),
        (lambda: [keras.Input((None, None, 3)), layers.Conv2D(4, 3)], "the size of its input is not fixed"),
    ],
)
def test_what_is_not_known_is_said_and_not_guessed(tmp_path, network, reason: str):
    graph = follow(saved(keras.Sequential(network()), tmp_path, ".keras"), "theirs")
    assert (graph.macs, graph.macs_unknown) == (None, reason)
    assert graph.inputs[0].dtype == "float32"
    assert graph.outputs[0].shape is None


def test_a_class_of_someone_elses_is_not_taken_for_keras_own(tmp_path):
    @keras.saving.register_keras_serializable("theirs")
    class Dense(layers.Layer):
        def call(self, x):
            return x

    network = keras.Sequential([keras.Input((3,)), Dense()])
    graph = follow(saved(network, tmp_path, ".keras"), "theirs")
    assert graph.macs_unknown == "what a layer theirs>Dense does is not known"


def one_layer(kind: str, shape: list, **options) -> KerasContent:
    first = {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, *shape]}}
    layer = {"class_name": kind, "config": {"name": "l"} | options}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first, layer]}}
    return KerasContent("3", config, parameters=10)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (one_layer("Dense", [8], units=10**9), "a layer Dense gives more than 268,435,456 numbers"),
        (one_layer("Dense", [10**4], units=10**4), "need far more weights than the 10 in it"),
        (one_layer("Embedding", [1], input_dim=10**9, output_dim=1), "need far more weights than the 10"),
        (one_layer("PReLU", [10**4, 10**4]), "need far more weights than the 10 in it"),
        (one_layer("UpSampling2D", [8, 8, 3], size=[10**5, 10**5]), "a layer UpSampling2D gives more than"),
        (one_layer("ZeroPadding2D", [8, 8, 3], padding=10**7), "a layer ZeroPadding2D gives more than"),
    ],
)
def test_a_few_bytes_that_would_build_gigabytes_are_refused(model: KerasContent, reason: str):
    """Row 31."""
    with pytest.raises(BadModel, match=r"^theirs: refused: ") as raised:
        follow(model, "theirs")
    assert reason in str(raised.value)


def test_a_layer_that_is_used_again_needs_its_weights_once(tmp_path):
    dense, picture = layers.Dense(1000), keras.Input((1000,))
    out = picture
    for _ in range(6):
        out = dense(out)
    assert follow(saved(keras.Model(picture, out), tmp_path, ".keras"), "theirs").macs == 6 * 1000 * 1000


def test_loading_a_model_refuses_the_same(tmp_path):
    """`export` and `bench` look before Keras does."""
    from edgecls.edge_runtime import card_h5
    from edgecls.edge_runtime.card import ModelCard
    from edgecls.edge_runtime.image import ImageRule

    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(one_layer("Dense", [8], units=10**9).config)
    card_h5.attach(path, ModelCard(("a", "b"), ImageRule(8, 8)))
    with pytest.raises(BadModel, match=r"bomb\.h5: refused: a layer Dense gives more than"):
        load_network(path)


def test_checking_gives_the_description_that_was_checked(strangers):
    content = strangers.path("theirs.h5").read_bytes()
    assert check_keras(content, "theirs.h5") == read_keras(content, "theirs.h5")


def functional(**config) -> dict:
    return {"class_name": "Functional", "config": config}


def nested(depth: int) -> dict:
    model = {"class_name": "Sequential", "config": {"name": "s", "layers": []}}
    for _ in range(depth):
        model = {"class_name": "Sequential", "config": {"name": "s", "layers": [model]}}
    return model


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"class_name": "MyModel", "config": {}},
        {"class_name": "Sequential", "config": {"layers": []}},
        {"class_name": "Sequential", "config": {"layers": 7}},
        functional(layers=[], input_layers=[], output_layers=[["a", 0, 0]]),
        functional(layers=[{}], input_layers=1, output_layers=2),
        nested(2000),
    ],
)
def test_an_unusual_description_is_no_crash(config: dict):
    graph = follow(KerasContent("3", config, 10), "theirs")
    assert graph.macs is None
    assert graph.macs_unknown


def test_layers_that_wait_for_each_other_end():
    model = keras_2(inner_use=0)
    conv = model.config["config"]["layers"][3]
    conv["inbound_nodes"] = [[["out", 0, 0, {}]]]
    assert follow(model, "theirs").macs_unknown == "its layers do not follow from its inputs"


def test_a_damaged_file_is_refused_before_anything_is_followed(strangers):
    content = strangers.path("theirs.h5").read_bytes()
    with pytest.raises(BadModel, match="not a readable HDF5 file"):
        check_keras(content[: len(content) // 2], "theirs.h5")
