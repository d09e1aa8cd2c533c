"""Files of Keras 2 and 3 mean what the Keras that wrote them meant; the answers are those of that Keras."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from edgecls.data.backend import keras
from edgecls.data.keras_files import network as keras_network
from edgecls.data.keras_files.build import build_network
from edgecls.data.keras_files.calls import NotBuilt
from edgecls.data.keras_files.content import KerasContent, computing_content, refusal, refuse_early
from edgecls.data.keras_files.weights import give_weights
from edgecls.edge_runtime.errors import BadModel

sys.path.insert(0, str(Path(__file__).parent))
import keras_2

layers = keras.layers

ANSWERS = {
    "activations": [[0.575215, 0.319231, 0.105554], [0.574242, 0.319337, 0.106421]],
    "convolutions": [[7.1175, 6.842212, 8.649286, 10.391233], [7.980454, 7.038599, 9.009627, 11.680637]],
    "nested": [[0.454187, 0.404219, 0.141594], [0.448309, 0.410876, 0.140816]],
    "functions": [
        [0.036208, 0.036048, 0.035918, 0.301158, 0.50596, 0.084708],
        [0.039759, 0.039591, 0.039431, 0.32908, 0.459266, 0.092874],
    ],
}
"""Of TensorFlow 2.12 and 2.15 alike, as `python keras_2.py` prints them."""


def loaded(content: bytes):
    """The network without the process that `load_network` asks first."""
    model = computing_content(content, "theirs")
    keras_network.check_network(content, "theirs")
    network, whole = build_network(model.config, model.keras_major)
    give_weights(content, whole)
    return network


@pytest.mark.parametrize("case", keras_2.CASES)
@pytest.mark.parametrize("write", [keras_2.h5, keras_2.keras], ids=["h5", "keras"])
def test_a_file_of_keras_2_answers_as_it_did_in_keras_2(case: str, write):
    answers = loaded(write(case))(keras_2.PIXELS, training=False)
    np.testing.assert_allclose(answers, ANSWERS[case], atol=2e-6)


def saved(network, tmp_path, suffix: str) -> bytes:
    path = tmp_path / f"theirs.{suffix}"
    network.save(path)
    return path.read_bytes()


def with_numbers(network):
    """Every weight differs, so that one in the place of another is noticed."""
    for number, weight in enumerate(network.weights):
        if weight.dtype != "float32" or "normalization_1" in weight.path:
            continue
        wave = np.sin(np.arange(np.prod(weight.shape)) * 1.3 + number).reshape(weight.shape)
        weight.assign(wave * 0.4 + (1 if "variance" in weight.path else 0))
    return network


def of_keras_3():
    """Operations as layers, an attention, what is altered in training, a trunk that is used twice."""
    inner = keras.Input((6, 6, 3))
    x = layers.BatchNormalization()(layers.Conv2D(3, 3, padding="same", use_bias=False, name="mine")(inner))
    trunk = keras.Model(inner, layers.Conv2D(3, 3, padding="same", activation=layers.LeakyReLU(0.2))(x))
    trunk.layers[1].trainable = False
    alter = keras.Sequential([layers.RandomFlip(), layers.RandomZoom(0.2), layers.Dropout(0.3)])
    picture = keras.Input((6, 6, 3), name="picture")
    x = alter(picture) / 2.0 - np.array([0.1, 0.2, 0.3], np.float32)
    x = keras.ops.relu(trunk(trunk(x)[:, ::-1])) + 1.0 - layers.Rescaling(0.5)(x)
    x = layers.Reshape((36, 3))(x)
    x = keras.ops.concatenate([layers.MultiHeadAttention(2, 4)(x, x), x], axis=-1)
    x = layers.Dense(4, activation="hard_sigmoid")(keras.ops.mean(x, axis=1))
    return with_numbers(keras.Model(picture, {"scores": keras.ops.softmax(x)}))


def test_places_may_be_written_as_on_windows_and_by_keras_2_13():
    content = keras_2.keras("nested", joined="\\", layers="_layer_checkpoint_dependencies")
    answers = loaded(content)(keras_2.PIXELS, training=False)
    np.testing.assert_allclose(answers, ANSWERS["nested"], atol=2e-6)


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_a_file_of_keras_3_answers_as_in_keras_3(tmp_path, suffix: str):
    original = of_keras_3()
    network = loaded(saved(original, tmp_path, suffix))
    expected = original(keras_2.PIXELS, training=False)["scores"]
    np.testing.assert_allclose(network(keras_2.PIXELS, training=False), expected, atol=1e-6)
    assert not [layer for layer in network.layers if layer.name.startswith(("random", "dropout"))]


def test_a_normalization_computes_with_what_it_adapted_to(tmp_path):
    adapted = layers.Normalization()
    adapted.adapt(keras_2.PIXELS)
    original = keras.Sequential(
        [keras.Input((6, 6, 3)), adapted, layers.Normalization(mean=1.0, variance=4.0)]
    )
    network = loaded(saved(original, tmp_path, "keras"))
    np.testing.assert_allclose(network(keras_2.PIXELS), original(keras_2.PIXELS), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_half_precision_becomes_float32(tmp_path, policy: str):
    steps = [layers.Conv2D(3, 3, dtype=policy), layers.GlobalAveragePooling2D(dtype=policy)]
    original = with_numbers(keras.Sequential([keras.Input((6, 6, 3)), *steps]))
    network = loaded(saved(original, tmp_path, "keras"))
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network.output.dtype == "float32"
    expected = np.asarray(keras.ops.cast(original(keras_2.PIXELS), "float32"))
    np.testing.assert_allclose(network(keras_2.PIXELS), expected, atol=0.02)


def test_names_that_tensorflow_has_no_letters_for_are_changed(tmp_path):
    steps = [layers.Flatten(name="flat it"), layers.Dense(2, name="_last: one")]
    original = with_numbers(keras.Sequential([keras.Input((6, 6, 3)), *steps], name="my net"))
    network = loaded(saved(original, tmp_path, "keras"))
    assert [layer.name for layer in network.layers[1:]] == ["flat_it", "last_one"]
    np.testing.assert_allclose(network(keras_2.PIXELS), original(keras_2.PIXELS), atol=1e-6)


def test_a_sequence_that_learned_its_size_when_it_was_called_keeps_it(tmp_path):
    original = keras.Sequential([layers.Flatten(), layers.Dense(2)])
    original(keras_2.PIXELS)
    network = loaded(saved(with_numbers(original), tmp_path, "keras"))
    np.testing.assert_allclose(network(keras_2.PIXELS), original(keras_2.PIXELS), atol=1e-6)


def changed(case: str, change) -> bytes:
    """A file of Keras 2 whose description `change` has changed."""
    file = io.BytesIO(keras_2.h5(case))
    with h5py.File(file, "r+") as written:
        attributes: Any = written.attrs
        config = json.loads(attributes["model_config"])
        change(config["config"]["layers"])
        written.attrs["model_config"] = json.dumps(config)
    return file.getvalue()


def in_training(found: list) -> None:
    found[4]["inbound_nodes"] = [[["c", 0, 0, {"training": True}]]]


def of_another_meaning(found: list) -> None:
    found[1]["config"]["groups"] = 3


def own_activation(found: list) -> None:
    found[2]["config"]["activation"] = "Custom>mish"


def own_function(found: list) -> None:
    found[2]["config"]["function"] = "io.read_file"


def recurrent(found: list) -> None:
    found[2]["class_name"] = "LSTM"


@pytest.mark.parametrize(
    ("case", "change", "reason"),
    [
        ("convolutions", in_training, "its layer d is used as in training (`training=True`); leave that out"),
        ("convolutions", of_another_meaning, "DepthwiseConv2D with groups=3 is not known to Keras 3"),
        (
            "activations",
            own_activation,
            "Activation (Custom>mish) has an activation that is not one of Keras's",
        ),
        ("functions", own_function, "tf.io.read_file is an operation that edgecls does not build"),
        ("activations", recurrent, "its layer LSTM goes through a sequence step by step"),
    ],
)
def test_what_cannot_be_expressed_is_refused_with_a_way_on(case: str, change, reason: str):
    with pytest.raises(BadModel, match=r"^theirs: ") as raised:
        loaded(changed(case, change))
    message = str(raised.value)
    assert reason in message
    assert "; " in message
    assert "\n" not in message


def test_a_model_that_was_never_built_says_how_to_build_it(tmp_path):
    path = tmp_path / "never.keras"
    keras.Sequential([layers.Flatten(), layers.Dense(2)]).save(path)
    with pytest.raises(BadModel, match=r"saved before it was built; start it with `keras\.Input\(\(height"):
        loaded(path.read_bytes())


def test_a_class_of_ones_own_is_no_damaged_file(tmp_path):
    class Mine(keras.Model):
        def call(self, x):
            return x

    network = Mine()
    network(keras.ops.zeros((1, 3)))
    with pytest.raises(BadModel, match="of a class of its own, Mine, whose layers are code, not data; build"):
        loaded(saved(network, tmp_path, "keras"))


@pytest.mark.parametrize("change", ["missing", "shape", "order"])
def test_weights_that_do_not_fit_are_no_guess(change: str):
    """Two convolutions of one shape, whose weights have changed places, would answer without a word."""
    file = io.BytesIO(keras_2.h5("nested"))
    with h5py.File(file, "r+") as written:
        trunk: Any = written["model_weights/trunk"]
        if change == "missing":
            trunk.attrs["weight_names"] = trunk.attrs["weight_names"][:-1]
        elif change == "shape":
            del trunk["t1/kernel:0"]
            trunk["t1/kernel:0"] = np.zeros((3, 3, 3, 2), np.float32)
        else:
            for name in ("kernel:0", "bias:0", "gamma:0"):
                trunk.move(f"{'t2' if name == 'gamma:0' else 't1'}/{name}", f"x/{name}")
            names = [b"x/gamma:0", *trunk.attrs["weight_names"][1:-2], b"x/kernel:0", b"x/bias:0"]
            trunk.attrs["weight_names"] = names[::-1]
    with pytest.raises(NotBuilt, match="weights"):
        loaded(file.getvalue())


def test_the_order_of_names_does_not_matter_where_they_tell_the_layer():
    file = io.BytesIO(keras_2.h5("nested"))
    with h5py.File(file, "r+") as written:
        trunk: Any = written["model_weights/trunk"]
        trunk.attrs["weight_names"] = trunk.attrs["weight_names"][::-1]
    answers = loaded(file.getvalue())(keras_2.PIXELS, training=False)
    np.testing.assert_allclose(answers, ANSWERS["nested"], atol=2e-6)


def test_models_that_use_each_other_without_end_are_refused():
    """A few hundred bytes that would build 2^40 layers."""
    inner = keras_2.functional("n0", "i", "b", [keras_2.picture("i"), keras_2.layer("ReLU", "b", "i")])
    for number in range(1, 25):
        model = inner | {"name": inner["config"]["name"], "inbound_nodes": [[["i", 0, 0, {}]]]}
        twice = model | {"inbound_nodes": [[["i", 0, 0, {}]], [[inner["config"]["name"], 0, 0, {}]]]}
        name = inner["config"]["name"]
        inner = keras_2.functional(f"n{number}", "i", name, [keras_2.picture("i"), twice])
        inner["config"]["output_layers"] = [[name, 1, 0]]
    with pytest.raises(NotBuilt, match="uses its layers more than 20,000 times"):
        build_network(inner, 2)


def test_most_refusals_come_without_keras():
    """A second, where Keras and TensorFlow take six to load."""
    code = "import sys; from edgecls.data.keras_files import content; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(BadModel, match=r"`training=True`\); leave that out, and save it again"):
        refuse_early(changed("convolutions", in_training), "theirs")


def test_a_file_of_keras_1_names_what_can_open_it():
    convolution = {"name": "c", "nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "tf"}
    layers_of_1 = [{"class_name": "Convolution2D", "config": convolution}]
    config = {"class_name": "Sequential", "config": layers_of_1}
    why = refusal(KerasContent("1.2.2", config, 9))
    assert "made by Keras 1, whose layers have other options; open it with Keras 2.3" in why
    assert "Keras 1" not in refusal(KerasContent("2.0.8", config, 9))
    of_2 = {"class_name": "Sequential", "config": [{"class_name": "Convolution2D", "config": {"filters": 4}}]}
    assert "Keras 1" not in refusal(KerasContent("1", of_2, 9))  # it says no version: then its options count


@pytest.mark.parametrize("kind", ["LayerScale", "CustomScaleLayer"])
def test_a_layer_of_keras_applications_is_nobodys_own_code(kind: str):
    one = {"class_name": kind, "config": {"name": "s"}, "module": "keras.src.applications.convnext"}
    why = refusal(KerasContent("3.15.1", {"class_name": "Sequential", "config": {"layers": [one]}}, 9))
    assert f"its layer {kind} is part of a network of keras.applications" in why
    assert "from_keras_model" in why


def test_an_operation_of_keras_3_that_is_not_on_the_list_is_refused(tmp_path):
    picture = keras.Input((6, 6, 3))
    network = keras.Model(picture, keras.ops.sort(layers.Flatten()(picture)))
    with pytest.raises(BadModel, match="its layer Sort is an operation that edgecls does not build; replace"):
        loaded(saved(network, tmp_path, "keras"))


def test_no_code_of_a_file_is_imported(tmp_path):
    content = saved(keras.Sequential([keras.Input((6, 6, 3)), layers.Flatten()]), tmp_path, "keras")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"keras.layers"', b'"antigravity"')
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    with pytest.raises(BadModel, match=r"its layer antigravity\.\w+ is not one of Keras's own"):
        loaded(file.getvalue())
    assert "antigravity" not in sys.modules
