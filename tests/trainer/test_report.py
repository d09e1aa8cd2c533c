import json
from dataclasses import replace
from pathlib import Path

import pytest
from edgecls.edge_runtime.errors import BadData, MissingInput
from edgecls.edge_runtime.files import write_whole
from edgecls.edge_runtime.image import ImageRule
from edgecls.trainer.history import Figures
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.report import TrainReport, read_report, read_report_file, report_folder, report_path

REPORT = TrainReport(
    data="/data/pets",
    data_name="pets",
    data_sha256="ab" * 32,
    labels=("cat", "犬"),
    train_images=70,
    val_images=15,
    test_images=15,
    skipped=("cat/x.jpg: not an image",),
    image=ImageRule(32, 32),
    recipe=Recipe(seed=7, dropout=0.2, augment=("flip",)),
    parameters=122_570,
    epochs_done=10,
    best_epoch=8,
    seconds=12.5,
    train=Figures(0.1, 0.99),
    val=Figures(0.2, 0.9),
    test=Figures(0.25, 0.88),
    versions={"python": "3.11"},
)


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "model.h5"
    write_whole(report_path(path), REPORT.to_json())
    return path


def test_it_lies_in_a_folder_of_the_model_s_name():
    assert report_folder(Path("there/image_classification.h5")) == Path("there/image_classification")


def test_what_is_written_can_be_read(model):
    report = read_report(model)
    assert report == REPORT
    assert (report.seed, report.accuracy) == (7, 0.88)


def test_its_folder_stands_for_it(model):
    assert read_report_file(report_path(model).parent) == read_report(model)


def test_labels_are_readable_in_the_file(model):
    assert "犬" in report_path(model).read_text()


def test_without_one_the_command_that_writes_it_is_named(tmp_path):
    with pytest.raises(MissingInput, match=r"report.json: no such file; run `edgecls train`"):
        read_report(tmp_path / "model.h5")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:100],
        lambda _: "[1, 2]",
        lambda _: "{}",
        lambda text: json.dumps(json.loads(text) | {"labels": 3}),
        lambda text: json.dumps(json.loads(text) | {"from_a_newer_version": 1}),
        lambda text: json.dumps(json.loads(text) | {"recipe": {"arch": "cnn", "speed": 3}}),
    ],
)
def test_a_damaged_or_strange_one_is_an_error(model, damage):
    path = report_path(model)
    path.write_text(damage(path.read_text()))
    with pytest.raises(BadData, match=r"report.json: not a report of this edgecls: .*; name a report.json"):
        read_report(model)


@pytest.mark.parametrize("content", [b"\x89HDF\r\n", b"", b"<html>"])
def test_another_kind_of_file_is_told_without_the_parsers_words(model, content):
    report_path(model).write_bytes(content)
    with pytest.raises(BadData, match=r"report.json: not a report of this edgecls: it is not JSON; name a"):
        read_report(model)


def test_reports_of_other_trainings_differ(model):
    assert read_report(model) != replace(REPORT, epochs_done=9)
