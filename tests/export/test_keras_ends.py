"""What a Keras file made elsewhere takes and gives is told from its description, before Keras is loaded."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from edgecls.data.keras_files.content import KerasContent
from edgecls.data.keras_files.facts import saved_facts
from edgecls.edge_runtime.errors import BadModel, UsageError
from edgecls.edge_runtime.images.picture_options import AS_THE_FILE_SAYS, PictureOptions
from edgecls.export.keras_ends import KerasEnds, keras_ends

h5py = pytest.importorskip("h5py", reason="needs edgecls[train]")


def layer(kind: str, name: str, *before: str, **options) -> dict:
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [each, 0, 0]}} for each in before
    ]
    calls = [{"args": tensors if len(tensors) < 2 else [tensors], "kwargs": {}}] if before else []
    config = {"name": name} | options
    return {"class_name": kind, "name": name, "config": config, "module": "keras", "inbound_nodes": calls}


def functional(*layers: dict, outputs: tuple[str, ...]) -> dict:
    inputs = [each["name"] for each in layers if each["class_name"] == "InputLayer"]
    ends = {
        key: [[name, 0, 0] for name in names]
        for key, names in (("input_layers", inputs), ("output_layers", outputs))
    }
    return {"class_name": "Functional", "config": {"name": "theirs", "layers": [*layers], **ends}}


def picture(side: int | None = 32, channels: int = 3, name: str = "picture") -> dict:
    return layer("InputLayer", name, batch_shape=[None, side, side, channels])


BODY = (
    layer("Rescaling", "scaled", "picture", scale=1 / 255),
    layer("Conv2D", "conv", "scaled", filters=5, kernel_size=3),
    layer("GlobalAveragePooling2D", "pooled", "conv"),
)
KIND = (layer("Dense", "logits", "pooled", units=3), layer("Softmax", "kind", "logits"))
ENDS_OF = {
    "classifier": functional(picture(), *BODY, *KIND, outputs=("kind",)),
    "any size": functional(picture(None), *BODY, *KIND, outputs=("kind",)),
    "two outputs": functional(
        picture(), *BODY, *KIND, layer("Dense", "age", "pooled", units=1), outputs=("age", "kind")
    ),
    "two alike": functional(
        picture(), *BODY, *KIND, layer("Dense", "more", "pooled", units=3), outputs=("more", "kind")
    ),
    "two inputs": functional(picture(), picture(name="other"), *BODY, *KIND, outputs=("kind",)),
    "five": functional(picture(), *BODY, outputs=("pooled",)),
    "map": functional(picture(), *BODY, outputs=("conv",)),
    "four channels": functional(picture(channels=4), *BODY, *KIND, outputs=("kind",)),
    "inside": {
        "class_name": "Sequential",
        "config": {
            "name": "s",
            "layers": [
                functional(picture(), *BODY, outputs=("pooled",)),
                layer("Dense", "d", units=3, activation="softmax"),
            ],
        },
    },
}


def ends(name: str, options: PictureOptions = AS_THE_FILE_SAYS) -> KerasEnds:
    facts = saved_facts(KerasContent("3", ENDS_OF[name], 10))
    assert not facts.refused
    return keras_ends(facts.inputs, facts.outputs, 3, options, "theirs.keras")


@pytest.mark.parametrize("name", ["classifier", "inside"])
def test_a_classifier_of_pictures_is_taken(name: str):
    assert ends(name) == KerasEnds((32, 32), 3, 0)


def test_pictures_of_any_size_need_a_size():
    with pytest.raises(UsageError, match="--imgsz 224"):
        ends("any size")
    assert ends("any size", PictureOptions(imgsz="48x64")).size_px == (48, 64)


def test_the_output_with_a_score_for_each_label_is_read_and_said():
    assert ends("two outputs") == KerasEnds(
        (32, 32), 3, 1, "reads the output kind, the only one with 3 scores"
    )
    with pytest.raises(UsageError, match="--output"):
        ends("two alike")
    assert ends("two alike", PictureOptions(output="more")) == KerasEnds((32, 32), 3, 0)
    with pytest.raises(BadModel, match="the output age has 1 class, but there are 3 labels"):
        ends("two outputs", PictureOptions(output="age"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("two inputs", "takes 2 inputs"),
        ("five", "has 5 classes, but there are 3 labels"),
        ("map", "not one row of scores"),
        ("four channels", r"\[\?, 32, 32, 4\], not pictures"),
    ],
)
def test_what_is_no_classifier_with_these_labels_is_refused(name: str, why: str):
    with pytest.raises(BadModel, match=f"{why}.*; "):
        ends(name)


def keras_file(path: Path, config: dict) -> Path:
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/conv/vars/0"] = [1.0]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.12.0"}))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


@pytest.mark.parametrize("command", [["export", "--calibration"], ["adopt", "--data"]])
def test_no_keras_is_loaded_for_a_refusal(tmp_path, command, run_edgecls):
    keras_file(tmp_path / "theirs.keras", ENDS_OF["five"])
    (tmp_path / "labels.txt").write_text("cat\ndog\nbird\n")
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "a.jpg").write_bytes(b"\xff\xd8\xff")
    for package in ("tensorflow", "keras", "scipy", "sklearn"):  # found first, and of no use
        (tmp_path / f"{package}.py").write_text(f"raise SystemExit('{package} was loaded')")
    verb, option = command
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    run = run_edgecls(
        verb,
        "theirs.keras",
        "--labels",
        "labels.txt",
        option,
        "photos",
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert (run.returncode, "5 classes" in run.stderr) == (65, True), run.stderr
