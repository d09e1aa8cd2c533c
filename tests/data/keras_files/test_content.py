import io
import json
import sys
import zipfile
from importlib import import_module

import h5py
import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.data.keras_files.content import KerasContent, check_content, read_keras
from edgecls.data.keras_files.description import (
    class_names,
    computing_layers,
    dtype_of,
    name_of,
)
from edgecls.data.keras_files.facts import network_facts, read_network, saved_ends, tensors_of
from edgecls.data.keras_files.hdf5 import read_h5
from edgecls.data.keras_files.network import layer_costs
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.facts import OperatorFacts, TensorFacts
from edgecls.export.keras_file import load_network

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
    graph = network_facts(saved(branches(), tmp_path, suffix), "theirs")
    assert graph.macs == 2 * (9 * 8 * 4 * 27) + 9 * 8 * 2 * 8 + 2 * 5 + 2 * 6
    assert graph.inputs == tuple(TensorFacts(n, "float32", (None, 9, 8, 3)) for n in ("left", "right"))
    assert graph.outputs == (TensorFacts("a", "float32", (None, 5)), TensorFacts("b", "float32", (None, 6)))


def test_a_mixed_policy_shows_the_type_that_is_computed_in(tmp_path):
    network = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="mixed_float16", name="out")])
    assert network_facts(saved(network, tmp_path, ".keras"), "theirs").outputs == (
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
    graph = network_facts(keras_2(inner_use=inner_use), "theirs")
    assert graph.macs == 6 * 6 * 4 * 27 + 6 * 6 * 4 * 5
    assert graph.inputs == (TensorFacts("pic", "float32", (None, 8, 8, 3)),)


def test_what_keras_cannot_build_shows_its_ends_alone():
    model = keras_2(inner_use=1)
    model.config["config"]["layers"][3]["config"]["strides"] = [0, 0]
    graph = network_facts(model, "theirs")
    assert graph.macs is None
    assert graph.macs_unknown.startswith("Keras cannot build it: ")
    assert graph.inputs == (TensorFacts("pic", "float32", (None, 8, 8, 3)),)


@pytest.mark.parametrize(
    ("network", "reason", "gives"),
    [
        (
            lambda: [keras.Input((5, 3)), layers.LSTM(4)],
            "its layer LSTM goes through a sequence step by step",
            None,
        ),
        (
            lambda: [keras.Input((None, None, 3)), layers.Conv2D(4, 3)],
            "the size of its input is not fixed",
            (None, None, None, 4),
        ),
    ],
)
def test_what_is_not_known_is_said_and_not_guessed(tmp_path, network, reason: str, gives):
    graph = network_facts(saved(keras.Sequential(network()), tmp_path, ".keras"), "theirs")
    assert (graph.macs, graph.macs_unknown) == (None, reason)
    assert graph.inputs[0].dtype == "float32"
    assert graph.outputs[0].shape == gives


def test_a_class_of_someone_elses_is_not_taken_for_keras_own(tmp_path):
    @keras.saving.register_keras_serializable("theirs")
    class Dense(layers.Layer):
        def call(self, x):
            return x

    network = keras.Sequential([keras.Input((3,)), Dense()])
    graph = network_facts(saved(network, tmp_path, ".keras"), "theirs")
    assert graph.macs_unknown == "its layer theirs>Dense is not one of Keras's own, and may run code"


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
        (one_layer("PReLU", [10**4, 10**4]), "need far more weights than the 10 in it"),
        (one_layer("UpSampling2D", [8, 8, 3], size=[10**5, 10**5]), "a layer UpSampling2D gives more than"),
        (one_layer("ZeroPadding2D", [8, 8, 3], padding=10**7), "a layer ZeroPadding2D gives more than"),
    ],
)
def test_a_few_bytes_that_would_build_gigabytes_are_refused(model: KerasContent, reason: str):
    """Row 31."""
    with pytest.raises(BadModel, match=r"^theirs: refused: ") as raised:
        network_facts(model, "theirs")
    assert reason in str(raised.value)


def test_a_layer_that_is_used_again_needs_its_weights_once(tmp_path):
    dense, picture = layers.Dense(1000), keras.Input((1000,))
    out = picture
    for _ in range(6):
        out = dense(out)
    assert (
        network_facts(saved(keras.Model(picture, out), tmp_path, ".keras"), "theirs").macs == 6 * 1000 * 1000
    )


def test_loading_a_model_refuses_the_same(tmp_path):
    """`export` and `bench` look before Keras does."""
    from edgecls.edge_runtime.images.rule import ImageRule
    from edgecls.edge_runtime.models import model_file
    from edgecls.edge_runtime.models.card import ModelCard

    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(one_layer("Dense", [8], units=10**9).config)
    model_file.attach_to_h5(path, ModelCard(("a", "b"), ImageRule(8, 8)))
    with pytest.raises(BadModel, match=r"bomb\.h5: refused: a layer Dense asks for 1,000,000,000"):
        load_network(path)


def test_checking_gives_the_description_that_was_checked(foreign):
    content = foreign.path("theirs.h5").read_bytes()
    assert check_content(content, "theirs.h5") == read_keras(content, "theirs.h5")


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
    graph = network_facts(KerasContent("3", config, 10), "theirs")
    assert graph.macs is None
    assert graph.macs_unknown


def test_layers_that_wait_for_each_other_end():
    model = keras_2(inner_use=0)
    conv = model.config["config"]["layers"][3]
    conv["inbound_nodes"] = [[["out", 0, 0, {}]]]
    assert network_facts(model, "theirs").macs_unknown == "its layer out has no input"


def test_a_damaged_file_is_refused_before_anything_is_followed(foreign):
    content = foreign.path("theirs.h5").read_bytes()
    with pytest.raises(BadModel, match="not a readable HDF5 file"):
        check_content(content[: len(content) // 2], "theirs.h5")


@pytest.fixture
def write(tmp_path):
    """Makes an HDF5 file as `fill` says, and gives its bytes."""

    def make(fill) -> bytes:
        path = tmp_path / "theirs.h5"
        with h5py.File(path, "w") as file:
            fill(file)
        return path.read_bytes()

    return make


def test_texts_and_shapes_are_read(write):
    def fill(file):
        file.attrs["a"] = "text"
        file.attrs["b"] = np.bytes_(b"bytes")
        file.attrs["c"] = 7
        file["group/inner/kernel"] = np.zeros((3, 4), np.float32)
        file["group/scalar"] = 1.0
        file["nothing"] = h5py.Empty("f")

    content = read_h5(write(fill), "theirs.h5")
    assert content.texts == {"a": "text", "b": "bytes"}
    assert content.arrays == {"/group/inner/kernel": (3, 4), "/group/scalar": (), "/nothing": ()}


def test_hard_links_in_a_circle_end(write):
    def fill(file):
        file["group/array"] = np.zeros(5)
        file["group/up"] = file["/"]
        file["again"] = file["group/array"]

    arrays = read_h5(write(fill), "theirs.h5").arrays
    assert list(arrays.values()) == [(5,)]


def external_link(file):
    file["w"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file):
    file["real"] = np.zeros(5)
    file["inner/w"] = h5py.SoftLink("/real")


def dangling_link(file):
    file["w"] = h5py.SoftLink("/nowhere")


def virtual(file):
    layout = h5py.VirtualLayout((5,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "w", (5,))
    file.create_virtual_dataset("w", layout)


def values_outside(file):
    file.create_dataset("w", (5,), "f4", external=[("/etc/passwd", 0, 20)])


def never_written(file):
    file.create_dataset("w", (2**20, 2**20), "f4", chunks=(2**10, 2**10))


def well_compressed(file):
    file.create_dataset("w", (2**14, 2**14), "f4", chunks=(2**12, 2**12), compression="gzip", fillvalue=0)
    file["w"][:100] = 0


def many_small(file):
    for number in range(100):
        file.create_dataset(f"w{number}", (2**18,), "f4", chunks=(2**12,))


@pytest.mark.parametrize(
    ("fill", "reason"),
    [
        (external_link, "w is a link to another place"),
        (soft_link, "w is a link to another place"),
        (dangling_link, "w is a link to another place"),
        (virtual, "/w has its values in another file"),
        (values_outside, "/w has its values in another file"),
        (never_written, "/w takes 4,194,304 MB, far more than the file"),
        (well_compressed, "/w takes 1,024 MB, far more than the file"),
        (many_small, "takes 1 MB, far more than the file"),
    ],
)
def test_what_leads_elsewhere_or_takes_all_memory_is_refused(write, fill, reason: str):
    """Row 31."""
    with pytest.raises(BadModel) as raised:
        read_h5(write(fill), "theirs.h5")
    message = str(raised.value)
    assert message.startswith("theirs.h5: refused: ")
    assert reason in message
    assert message.endswith("; save it again with Keras")


def test_arrays_that_someone_compressed_are_welcome(write):
    def fill(file):
        file.create_dataset("w", data=np.zeros(2**20, np.float32), compression="gzip")

    assert read_h5(write(fill), "theirs.h5").arrays == {"/w": (2**20,)}


def test_an_array_that_cannot_be_read_is_found_before_anyone_needs_it(write):
    def fill(file):
        file.create_dataset("w", data=np.arange(1000), compression="gzip", fletcher32=True)

    content = bytearray(write(fill))
    content[-500] ^= 1
    with pytest.raises(BadModel, match=r"theirs\.h5: not a readable HDF5 file: .*; copy it again"):
        read_h5(bytes(content), "theirs.h5")


@pytest.mark.parametrize("name", ["theirs.h5", "theirs.keras"])
def test_what_the_file_says_of_itself(foreign, name: str):
    found = read_network(foreign.path(name).read_bytes(), name)
    assert found.made_with == f"Keras {keras.__version__}"
    assert found.inputs == (TensorFacts("picture", "float32", (None, 32, 32, 3)),)
    assert found.outputs == (TensorFacts("scores", "float32", (None, 5)),)
    assert found.operators[:2] == (OperatorFacts("Rescaling", 1), OperatorFacts("Conv2D", 1))
    assert found.parameters == foreign.parameters


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
    assert found.macs_unknown == "it is of a class of its own, Mine, whose layers are code, not data"


def test_classes_are_found_at_any_depth():
    options = {"bias_initializer": {"class_name": "Zeros", "config": {}}, "inside": [[{"class_name": "X"}]]}
    model = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": options}]}}
    assert set(class_names(model)) == {"Sequential", "Dense", "Zeros", "X"}


def test_a_name_of_a_class_that_is_no_text_is_none():
    assert list(class_names({"class_name": ["Lambda"]})) == []


def test_nothing_is_too_deep():
    model = {"class_name": "innermost"}
    for _ in range(100_000):
        model = {"config": [model]}
    assert list(class_names(model)) == ["innermost"]


def test_layers_of_models_inside_are_listed_and_inputs_are_not():
    def layer(kind):
        return {"class_name": kind, "config": {"name": kind}}

    inner = {"class_name": "Functional", "config": {"layers": [layer("InputLayer"), layer("Dense")]}}
    model = {"class_name": "Sequential", "config": {"layers": [layer("Conv2D"), inner, layer("Dense")]}}
    assert list(computing_layers(model)) == ["Conv2D", "Dense", "Dense"]


def keras_3(*history) -> dict:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None], "keras_history": list(history)}}


@pytest.mark.parametrize(
    "call",
    [
        [[["a", 0, 1, {}], ["b", 2, 0, {}]]],  # Keras 2
        {"args": [[keras_3("a", 0, 1), keras_3("b", 2, 0)]], "kwargs": {"mask": None}},
        {"left": ["a", 0, 1], "right": ["b", 2, 0]},  # outputs by name
    ],
    ids=["Keras 2", "Keras 3", "by name"],
)
def test_the_tensors_of_a_call_are_found_as_each_keras_wrote_them(call):
    assert list(tensors_of(call)) == ["a", "b"]


def test_a_name_may_stand_beside_the_options_or_in_them():
    assert name_of({"name": "beside", "config": {"name": "in"}}) == "beside"
    assert name_of({"config": {"name": "in"}}) == "in"


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({"dtype": "float16"}, "float16"),
        ({}, "float32"),
        ({"dtype": None}, "float32"),
        ({"dtype": {"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}}, "bfloat16"),
    ],
)
def test_the_type_is_the_layers_or_that_of_its_policy(options: dict, dtype: str):
    assert dtype_of({"config": options}) == dtype


@pytest.mark.parametrize(
    ("layer", "model"),
    [
        ({"batch_shape": [None, 3]}, {}),
        ({"batch_input_shape": [None, 3]}, {}),
        ({}, {"build_input_shape": [None, 3]}),
    ],
)
def test_the_first_shape_is_where_each_keras_wrote_it(layer: dict, model: dict):
    first = {"class_name": "Dense", "config": {"name": "d"} | layer}
    whole = {"class_name": "Sequential", "config": {"layers": [first]} | model}
    assert saved_ends(whole)[0] == [("d", "float32", (None, 3))]


def test_a_model_that_was_never_built_has_none():
    first = {"class_name": "Dense", "config": {"name": "d"}}
    assert saved_ends({"class_name": "Sequential", "config": [first]})[0] == [("d", "float32", None)]


EMPTY = {"class_name": "Sequential", "config": {"name": "s", "layers": []}}


def h5(config: object, **arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as h5_file:
        h5_file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        for name, array in arrays.items():
            h5_file[f"model_weights/{name}"] = array
    return file.getvalue()


def archive(**parts: bytes | str) -> bytes:
    """A `.keras` file with these parts in place of, or beside, harmless ones; None leaves one out."""
    weights = io.BytesIO()
    h5py.File(weights, "w").close()
    whole = {
        "config.json": json.dumps(EMPTY), "metadata.json": "{}", "model.weights.h5": weights.getvalue(),
    } | {name.replace("__", "."): content for name, content in parts.items()}  # fmt: skip
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in whole.items():
            if content is not None:
                zipped.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("name", ["theirs.h5", "theirs.keras"])
def test_parameters_are_counted_as_keras_does_without_the_optimizers_and_random_seeds(foreign, name: str):
    model = read_keras(foreign.path(name).read_bytes(), name)
    assert model.parameters == foreign.parameters
    assert model.keras_version == keras.__version__
    assert model.config["class_name"] == "Sequential"


def test_a_whole_archive_is_read():
    assert read_keras(archive(), "a.keras").parameters == 0


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_lambda_layer_is_refused_at_any_depth_and_nothing_of_it_runs(tmp_path, suffix: str):
    """Row 30."""
    canary = tmp_path / "canary"
    name = str(canary)
    code = keras.layers.Lambda(lambda x: (open(name, "w"), x)[1], output_shape=(4,))  # noqa: PTH123, SIM115
    inner = keras.Sequential([keras.Input((3, 4)), keras.layers.TimeDistributed(code)])
    path = tmp_path / f"theirs.{suffix}"
    keras.Sequential([keras.Input((3, 4)), inner]).save(path)
    canary.unlink(missing_ok=True)  # building the network ran it once
    with pytest.raises(BadModel, match="refused: a Lambda layer can run code; replace it by a Keras layer"):
        read_keras(path.read_bytes(), path.name)
    assert not canary.exists()


def test_random_seeds_that_older_versions_saved_are_no_parameters():
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, np.int64)
        file["layers/dense/vars/0"] = np.zeros((3, 4), np.float32)
    assert read_keras(archive(model__weights__h5=weights.getvalue()), "a.keras").parameters == 12


@pytest.mark.parametrize(
    "layer",
    [
        {"class_name": "Activation", "config": {"activation": {"class_name": "__lambda__", "config": {}}}},
        {
            "class_name": "Lambda",
            "config": {"function": ["4wEAAAAA", None, None]},
        },  # Keras 2: marshalled bytes
    ],
)
def test_a_lambda_is_refused_as_each_keras_wrote_it(layer: dict):
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    with pytest.raises(BadModel, match="refused: a Lambda layer can run code"):
        read_keras(h5(config), "a.h5")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (h5("{"), "its description of the layers is damaged"),
        (h5("[1]"), "its description of the layers is damaged"),
        (h5("[" * 100_000), "its description of the layers is damaged"),
        (archive(config__json=None), "a zip file without a Keras model"),
        (archive(metadata__json=None), "not a whole .keras file"),
        (archive(model__weights__h5=None), "not a whole .keras file"),
        (archive(config__json="{"), "its description of the layers is damaged"),
        (archive(model__weights__h5=b"\x89HDF\r\n\x1a\n" + bytes(99)), "not a readable HDF5 file"),
        (archive(config__json=bytes(2**26 + 1)), "unpacks to more than 67,108,864 bytes"),
        (archive(model__weights__h5=bytes(10**7)), "unpacks to more than"),
        (archive()[:-30], "not a whole .keras file"),
    ],
    ids=range(11),
)
def test_what_is_no_keras_model_says_why(content: bytes, reason: str):
    with pytest.raises(BadModel, match=r"^theirs: ") as raised:
        read_keras(content, "theirs")
    assert reason in str(raised.value)
    assert "; " in str(raised.value)


def test_weights_alone_are_no_model(tmp_path):
    path = tmp_path / "only.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    with pytest.raises(BadModel, match="an HDF5 file without a Keras model; save the whole model"):
        read_keras(path.read_bytes(), path.name)


SHAPE = (9, 11, 4)


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (layers.Conv2D(8, 3), 7 * 9 * 8 * 3 * 3 * 4),
        (layers.Conv2D(8, 3, strides=2, padding="same"), 5 * 6 * 8 * 3 * 3 * 4),
        (layers.Conv2D(8, 1, groups=4), 9 * 11 * 8 * 1),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 7 * 9 * 4 * 2 * 3 * 3),
        (layers.SeparableConv2D(6, 3), 7 * 9 * (4 * 3 * 3 + 4 * 6)),
        (layers.Conv2DTranspose(6, 3, strides=2), 9 * 11 * 4 * 6 * 3 * 3),
        (layers.Dense(7), 9 * 11 * 4 * 7),
        (layers.MaxPooling2D(), 0),
        (layers.PReLU(), 0),  # slopes are counted as numbers, not as a kernel that multiplies
        (layers.BatchNormalization(), 0),
    ],
)
def test_multiplications_are_counted_as_by_hand(layer, macs: int):
    (cost,) = layer_costs(keras.Sequential([keras.Input(SHAPE), layer]))
    assert cost.macs == macs


def test_channels_may_come_first():
    network = keras.Sequential([keras.Input((4, 9, 11)), layers.Conv2D(8, 3, data_format="channels_first")])
    (cost,) = layer_costs(network)
    assert (cost.shape, cost.macs) == ((8, 7, 9), 7 * 9 * 8 * 3 * 3 * 4)


def test_a_class_of_another_package_is_never_imported(tmp_path):
    layer = {"class_name": "Dense", "module": "antigravity", "config": {"name": "d", "units": 2}}
    first = {"class_name": "InputLayer", "config": {"name": "i", "batch_shape": [None, 3]}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first, layer]}}
    graph = network_facts(KerasContent("3", config, 10), "theirs")
    assert graph.macs_unknown == "its layer antigravity.Dense is not one of Keras's own, and may run code"
    assert "antigravity" not in sys.modules


def test_what_was_outlined_takes_no_memory_later():
    """Keras gives memory to all variables that wait for it when the next scope ends."""
    with pytest.raises(BadModel):
        network_facts(one_layer("Dense", [10**4], units=10**4), "theirs")
    assert layers.Dense(3)(keras.Input((2,))).shape == (None, 3)
    assert not import_module("keras.src.backend.common.global_state").get_global_attribute(
        "uninitialized_variables", []
    )


@pytest.mark.parametrize(
    "layer", [layers.Conv1D(6, 3), layers.SeparableConv1D(6, 3), layers.UpSampling1D(3), layers.Identity()]
)
def test_layers_that_are_not_exported_are_inspected_too(tmp_path, layer):
    network = keras.Sequential([keras.Input((12, 4)), layer])
    graph = network_facts(saved(network, tmp_path, ".keras"), "theirs")
    assert graph.macs_unknown == ""
    assert graph.outputs[0].shape == tuple(network.output_shape)
