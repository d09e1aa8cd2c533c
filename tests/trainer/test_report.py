import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecls.data.model_data import report_folder, report_path
from edgecls.edge_runtime.errors import BadData, MissingInput
from edgecls.edge_runtime.files import write_whole
from edgecls.edge_runtime.images.rule import ImageRule
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.report import (
    Epoch,
    Metrics,
    TrainReport,
    best_epoch,
    history_csv,
    metrics,
    read_report,
    read_report_file,
)
from tests.hostile_values import hostile_documents

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
    train=Metrics(0.1, 0.99),
    val=Metrics(0.2, 0.9),
    test=Metrics(0.25, 0.88),
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


def epoch(number: int, val_loss: float) -> Epoch:
    return Epoch(number, 1.5, Metrics(0.9, 0.6), Metrics(val_loss, 0.5), Metrics(0.75, 0.7))


def test_figures_are_mean_cross_entropy_and_top_1():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]], np.float32)
    found = metrics(probabilities, np.array([0, 1, 2]))
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.loss == pytest.approx(-(np.log(0.5) + np.log(0.8) + np.log(0.1)) / 3, rel=1e-6)


def test_a_probability_of_zero_costs_much_and_not_infinity():
    assert metrics(np.array([[1.0, 0.0]], np.float32), np.array([1])).loss == pytest.approx(-np.log(1e-7))


def test_the_best_epoch_has_the_lowest_validation_loss_and_is_the_first_of_equals():
    assert best_epoch((epoch(1, 0.5), epoch(2, 0.3), epoch(3, 0.3), epoch(4, 0.4))) == 2


def test_the_table_has_a_line_for_each_epoch():
    rows = list(csv.DictReader(io.StringIO(history_csv((epoch(1, 0.5), epoch(2, 0.3))))))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {key: float(value) for key, value in rows[1].items()} == {
        "epoch": 2,
        "loss": 0.9,
        "accuracy": 0.6,
        "val_loss": 0.3,
        "val_accuracy": 0.5,
        "test_loss": 0.75,
        "test_accuracy": 0.7,
        "seconds": 1.5,
    }


def test_whatever_stands_in_a_report_is_used_or_refused_in_one_line(tmp_path):
    path = tmp_path / "report.json"
    said: list[str] = []
    for text in hostile_documents(json.loads(REPORT.to_json()), 400):
        path.write_text(text)
        try:
            read_report_file(path).recipe.by_option()
        except BadData as error:
            said.append(str(error))
    assert len(said) > 250
    assert all(one.startswith(f"{path}: not a report of this edgecls: ") for one in said)
