import csv
import io

import numpy as np
import pytest
from edgecls.trainer.history import Epoch, Figures, best_epoch, figures, history_csv


def epoch(number: int, val_loss: float) -> Epoch:
    return Epoch(number, 1.5, Figures(0.9, 0.6), Figures(val_loss, 0.5), Figures(0.75, 0.7))


def test_figures_are_mean_cross_entropy_and_top_1():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]], np.float32)
    found = figures(probabilities, np.array([0, 1, 2]))
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.loss == pytest.approx(-(np.log(0.5) + np.log(0.8) + np.log(0.1)) / 3, rel=1e-6)


def test_a_probability_of_zero_costs_much_and_not_infinity():
    assert figures(np.array([[1.0, 0.0]], np.float32), np.array([1])).loss == pytest.approx(-np.log(1e-7))


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
