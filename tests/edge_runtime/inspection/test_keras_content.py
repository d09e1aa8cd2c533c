import io
import json
import zipfile

import h5py
import numpy as np
import pytest
from edgecls.edge_runtime.errors import BadModel
from edgecls.edge_runtime.inspection.keras_content import read_keras
from edgecls.export.keras_libraries import keras

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
def test_parameters_are_counted_as_keras_does_without_the_optimizers_and_random_seeds(strangers, name: str):
    model = read_keras(strangers.path(name).read_bytes(), name)
    assert model.parameters == strangers.parameters
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
