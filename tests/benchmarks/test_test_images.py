from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecls.benchmarks.test_images import bench_images, check_scorable, held_out_images
from edgecls.data.load import load_dataset
from edgecls.edge_runtime.errors import BadData
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.edge_runtime.models.card import ModelCard, Provenance, Quantisation, pack_fingerprints
from edgecls.edge_runtime.models.model_file import ModelFile, ModelFormat


def test_images_and_truth_are_limited_together_and_keep_their_order(colours):
    limited = colours.limited(6, seed=0)
    assert limited.truth.tolist() == [0, 0, 1, 1, 2, 2]
    assert limited.images.mean((1, 2)).argmax(1).tolist() == [0, 0, 1, 1, 2, 2]
    assert (limited.report.images, limited.report.available) == (6, 30)


def test_a_limit_above_what_is_there_changes_nothing(colours):
    assert colours.limited(31, seed=0) is colours


def test_the_still_holds_the_very_pixels_of_the_first_image(colours, tmp_path):
    files = colours.write(tmp_path)
    assert (cv2.imread(str(files.still))[:, :, ::-1] == colours.images[0]).all()
    assert (np.load(files.images) == colours.images).all()


def test_test_images_that_were_trained_on_are_left_out_and_counted(tmp_path: Path):
    for part, numbers in (("train", range(8)), ("val", range(8, 11)), ("test", (*range(20, 26), 3, 9))):
        for number in numbers:
            for red, label in ((0, "blue"), (200, "red")):
                (tmp_path / part / label).mkdir(parents=True, exist_ok=True)
                noise = np.random.default_rng((number, red)).integers(0, 55, (8, 8, 3))
                cv2.imwrite(str(tmp_path / part / label / f"{number}.png"), np.add(noise, (0, 0, red)))
    rule = ImageRule(8, 8)
    data = load_dataset(str(tmp_path), rule, seed=0)
    card = ModelCard(data.labels, rule, provenance=Provenance(data_sha256=data.sha256))
    model = ModelFile(tmp_path / "m.onnx", ModelFormat.ONNX, b"", card)
    tests = held_out_images(model, str(tmp_path), None)
    assert (len(tests.truth), tests.available, tests.report.left_out) == (12, 12, 4)
    assert tests.report.warnings == (
        "4 test images are also among the training or validation images: left out",
    )
    prints = pack_fingerprints(data.train.images)
    calibrated = replace(card, quantisation=Quantisation("int8", 16, "", prints))
    check_scorable(replace(model, card=calibrated), tests)


def test_labels_in_file_names_count_where_the_model_knows_them(tmp_path: Path, colour_model):
    model = colour_model("model.onnx")
    flat = tmp_path / "flat"
    flat.mkdir()
    for number in range(6):
        for label in ("red", "blue"):
            noise = np.random.default_rng(number).integers(0, 255, (8, 8, 3))
            cv2.imwrite(str(flat / f"{label}.{number}.png"), noise)
    tests = bench_images([model], str(flat), None)
    assert (tests.unscored, len(tests.truth), tests.report.classes_shown) == ("", 12, 2)
    assert {tests.labels[place] for place in tests.truth} == {"red", "blue"}
    assert len(bench_images([model], str(flat), 4).truth) == 4
    for path in flat.glob("blue*"):
        path.rename(flat / path.name.replace("blue", "pink"))
    strange = bench_images([model], str(flat), 4)
    assert len(strange.truth) == 4
    assert "(pink, red) are not the model's (" in strange.unscored


def test_a_test_set_of_training_pictures_only_is_refused(tmp_path: Path):
    for part in ("train", "test"):
        for number in range(4):
            for label in ("a", "b"):
                (tmp_path / part / label).mkdir(parents=True, exist_ok=True)
                picture = np.full((8, 8, 3), number * 10 + ord(label), np.uint8)
                cv2.imwrite(str(tmp_path / part / label / f"{number}.png"), picture)
    card = ModelCard(("a", "b"), ImageRule(8, 8))
    with pytest.raises(BadData, match="all 8 test images are also training or validation images; put other"):
        held_out_images(ModelFile(tmp_path / "m.onnx", ModelFormat.ONNX, b"", card), str(tmp_path), None)
