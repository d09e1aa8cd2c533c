"""Other people's reader on our files: MediaPipe's ImageClassifier, in an environment of its own."""

import json
import subprocess
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.edge_runtime.engines.open import open_engine
from edgecls.edge_runtime.models import model_file
from edgecls.edge_runtime.models.model_file import read_model

ENVIRONMENT = Path(__file__).parents[2] / ".venv-mediapipe"

pytestmark = [
    pytest.mark.mediapipe,
    pytest.mark.skipif(
        not (ENVIRONMENT / "ready").exists(),
        reason="needs MediaPipe, whose wheel brings another OpenCV; run `make test-mediapipe`",
    ),
]


def by_mediapipe(script: str, *arguments: Path):
    """What a script beside this one writes, run by MediaPipe's own Python."""
    command = [ENVIRONMENT / "bin/python", Path(__file__).with_name(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["image_classification.tflite", "image_classification_int8.tflite"])
def path(request, tiny):
    return tiny.folder / request.param


@pytest.fixture(scope="module")
def images(tiny):
    return tiny.dataset.test.images[:200]


def classify(path: Path, images: np.ndarray, folder: Path) -> list[list[tuple[str, float]]]:
    np.save(folder / "images.npy", images)
    return by_mediapipe("classify.py", path, folder / "images.npy")


def test_mediapipe_answers_as_litert_does_under_our_labels(path, images, tmp_path):
    model = read_model(path)
    answers = classify(path, images, tmp_path)
    assert len(answers) == len(images)
    with closing(open_engine(model)) as engine:
        for image, answer in zip(images, answers, strict=True):
            expected = dict(zip(model.card.labels, engine.probabilities(image), strict=True))
            assert dict(answer) == pytest.approx(expected, abs=1e-6)
            assert expected[answer[0][0]] == max(expected.values())


def test_labels_of_any_script_arrive(path, images, tmp_path):
    model = read_model(path)
    labels = tuple(f"{index}: größer, 犬" for index in range(len(model.card.labels)))
    with zipfile.ZipFile(path) as archive:
        network = model.content[: min(entry.header_offset for entry in archive.infolist())]
    named = tmp_path / "named.tflite"
    named.write_bytes(model_file.attach_to_tflite(network, replace(model.card, labels=labels, demo=())))
    (answer,) = classify(named, images[:1], tmp_path)
    assert {label for label, _ in answer} == set(labels)


def test_the_schemas_own_classes_read_what_was_written(path):
    metadata = by_mediapipe("show_metadata.py", path)
    (graph,) = metadata["subgraphMetadata"]
    (entry,), (out,) = graph["inputTensorMetadata"], graph["outputTensorMetadata"]
    (unit,), (file,) = entry["processUnits"], out["associatedFiles"]
    assert entry["content"]["contentProperties"] == {
        "colorSpace": 1,
        "defaultSize": {"width": 32, "height": 32},
    }
    assert unit["options"] == {"mean": [0], "std": [255 if "int8" in path.name else 1]}
    assert (file["name"], file["type"]) == ("labels.txt", 2)
    assert metadata["minParserVersion"] == "1.0.0"
