from dataclasses import replace

import numpy as np
import pytest

from edgecls.trainer.enough.examples import answers, divisible, examples, log_probabilities, scores_by_others


def test_scores_by_others_are_those_of_a_fit_without_the_group(of_blobs):
    of = of_blobs(120, distance=1.5)
    found = scores_by_others(of)
    for group in (0, 7, 29):
        asked = np.flatnonzero(of.groups == group)
        rest = np.flatnonzero(of.groups != group)
        targets = np.eye(of.classes)[of.truth[rest]]
        values = of.features[rest]
        fitted = np.linalg.solve(values.T @ values + np.eye(values.shape[1]), values.T @ targets)
        assert found[asked] == pytest.approx(of.features[asked] @ fitted, abs=1e-8)
        assert (answers(of, rest, asked) == found[asked].argmax(axis=1)).all()


def test_pictures_that_are_left_out_do_not_matter(of_blobs):
    of = of_blobs(80)
    weights = np.ones(80)
    weights[of.groups == 3] = 0
    wrong = replace(of, truth=np.where(of.groups == 3, 0, of.truth))
    others = of.groups != 3
    assert scores_by_others(of, weights)[others] == pytest.approx(scores_by_others(wrong, weights)[others])


def test_few_pictures_give_the_same_answers_by_the_smaller_matrix(of_blobs):
    of = of_blobs(400, distance=1.0)
    asked = np.arange(200, 400)
    for count in (of.features.shape[1] - 1, of.features.shape[1]):
        fitted = np.arange(count)
        values, targets = of.features[fitted], np.eye(of.classes)[of.truth[fitted]]
        weights = np.linalg.solve(values.T @ values + np.eye(values.shape[1]), values.T @ targets)
        assert (answers(of, fitted, asked) == (of.features[asked] @ weights).argmax(axis=1)).all()


def test_many_dimensions_become_those_that_differ_most(blobs):
    values, truth, groups = blobs(600)
    wide = np.hstack([values, np.ones((600, 800))])
    assert examples(wide, truth, groups, 4).features.shape == (600, 513)


def test_probabilities_are_as_sure_as_the_labels_bear_out():
    truth = np.arange(1000) % 2
    scores = np.eye(2)[truth]
    doubtful = scores.copy()
    doubtful[:300] = doubtful[:300, ::-1]
    places = np.arange(1000)
    assert np.exp(log_probabilities(scores, truth)[places, truth]).min() > 0.99
    assert np.exp(log_probabilities(doubtful, truth)[500, truth[500]]) == pytest.approx(0.7, abs=0.1)


def test_a_class_of_one_recording_is_divided_and_named():
    truth = np.repeat([0, 1], 20)
    recordings = np.concatenate([np.arange(20) // 4, np.full(20, 9)])
    bursts = np.concatenate([np.arange(20) // 2, 20 + np.arange(20) // 2])
    groups, loosened = divisible((recordings, bursts), truth)
    assert loosened == (1,)
    assert len(np.unique(groups[:20])) == 5
    assert len(np.unique(groups[20:])) == 10


def test_a_class_that_looks_all_alike_is_judged_picture_by_picture():
    truth = np.repeat([0, 1], 10)
    same = np.concatenate([np.arange(10), np.full(10, 50)])
    groups, loosened = divisible((same, same), truth)
    assert loosened == (1,)
    assert len(np.unique(groups)) == 20
