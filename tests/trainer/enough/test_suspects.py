from dataclasses import replace

import numpy as np
import pytest

from edgecls.trainer.enough.examples import examples
from edgecls.trainer.enough.suspects import alike, judge, suspects, unusual


def flipped(of, places):
    truth = of.truth.copy()
    truth[places] = (truth[places] + 1) % of.classes
    return replace(of, truth=truth)


def test_flipped_labels_come_first_with_the_right_suggestion(of_blobs):
    of = of_blobs(400)
    places = np.random.default_rng(1).choice(400, 20, replace=False)
    wrong = flipped(of, places)
    judged = judge(wrong, of.groups)
    first = np.argsort(-judged.suspicion)[:20]
    assert set(first) == set(places)
    found = suspects(wrong, judged)
    assert {one.place for one in found} == set(places)
    assert all(one.suggested == of.truth[one.place] for one in found)


def test_a_burst_in_the_wrong_folder_does_not_vouch_for_itself(of_blobs):
    of = of_blobs(400)
    wrong = flipped(of, np.flatnonzero(of.groups == 11))
    assert {one.place for one in suspects(wrong, judge(wrong, of.groups))} == set(range(44, 48))


def test_right_labels_are_not_suspected_however_hard_the_classes(of_blobs):
    for distance in (4.0, 1.5, 1.0, 0.0):
        of = of_blobs(800, distance=distance, burst=1)
        assert len(suspects(of, judge(of, of.groups))) <= 2


def test_one_picture_of_a_burst_with_another_label_is_suspected_even_where_classes_are_hard(of_blobs):
    of = of_blobs(400, distance=1.5)
    wrong = flipped(of, np.array([200]))
    judged = judge(wrong, of.groups)
    assert judged.contradicted[200]
    assert judged.suspicion.argmax() == 200


def test_near_duplicates_of_two_kinds_are_found_with_one_of_each():
    bursts, kinds = np.array([5, 5, 5, 7, 7, 9]), np.array([0, 1, 1, 2, 2, 0])
    (group,) = alike(bursts, kinds)
    assert group.places == (0, 1)
    assert group.pictures == 3


def test_pictures_of_other_things_are_unusual_and_a_clean_set_has_none(blobs):
    values, truth, groups = blobs(400)
    assert unusual(examples(values, truth, groups, 4), groups) == ()
    random = np.random.default_rng(3)
    values[[17, 230]] = 1 + random.normal(size=(2, values.shape[1])) * 3
    assert set(unusual(examples(values, truth, groups, 4), groups)) == {17, 230}


def test_strange_bursts_do_not_hide_one_another(blobs):
    values, truth, groups = blobs(400)
    values[40:44] = 1 + np.random.default_rng(3).normal(size=values.shape[1]) * 3
    assert set(unusual(examples(values, truth, groups, 4), groups)) == {40, 41, 42, 43}


@pytest.mark.parametrize("count", [2, 5])
def test_few_pictures_are_judged_without_an_error(of_blobs, count):
    of = of_blobs(count, burst=1)
    judge(of, of.groups)
    assert unusual(of, of.groups) == ()
