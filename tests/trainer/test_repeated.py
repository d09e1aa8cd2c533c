from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edgecls.edge_runtime.image import ImageRule
from edgecls.trainer.backend import keras
from edgecls.trainer.data import Dataset
from edgecls.trainer.recipe import Recipe
from edgecls.trainer.repeated import changes
from edgecls.trainer.split import Split
from edgecls.trainer.teacher import TeacherFile
from edgecls.trainer.training import Training

from .test_report import REPORT

SPLIT = Split(np.zeros((1, 32, 32, 3), np.uint8), np.zeros(1, np.int64))
DATA = Dataset("pets", ("cat", "dog"), SPLIT, SPLIT, SPLIT, "d" * 64)
TEACHER = TeacherFile(keras.Sequential(), "e" * 64, DATA.sha256)
BEFORE = replace(REPORT, recipe=Recipe(teacher="big.h5"), data_sha256=DATA.sha256, teacher_sha256="e" * 64)
AGAIN = Training(BEFORE.data, Path("model.h5"), BEFORE.image, BEFORE.recipe, BEFORE)
OTHER_DATA = replace(DATA, sha256="f" * 64)


def test_the_same_again_is_nothing_to_tell():
    assert list(changes(AGAIN, DATA, TEACHER)) == []
    assert list(changes(replace(AGAIN, before=None), OTHER_DATA, None)) == []


def test_a_teacher_that_may_know_what_is_held_back_is_told_of():
    (told,) = changes(replace(AGAIN, before=None), OTHER_DATA, TEACHER)
    assert "the teacher was trained on another split or version" in told
    unknown = replace(TEACHER, data_sha256="")
    assert list(changes(replace(AGAIN, before=None), OTHER_DATA, unknown)) == []


def test_a_teacher_that_is_no_more_the_reports_is_told_of():
    other = replace(TEACHER, sha256="0" * 64)
    (told,) = changes(AGAIN, DATA, other)
    assert "the teacher's file has changed since the report" in told
    asked_for = replace(AGAIN, recipe=replace(AGAIN.recipe, teacher="bigger.h5"))
    assert list(changes(asked_for, DATA, other)) == []


@pytest.mark.parametrize(
    "asked_for", [{"data": "digits"}, {"image": ImageRule(48, 48)}, {"recipe": Recipe(seed=7)}], ids=str
)
def test_images_that_have_changed_are_told_of_unless_others_were_asked_for(asked_for):
    (told,) = changes(AGAIN, OTHER_DATA, None)
    assert "the images have changed since the report" in told
    assert list(changes(replace(AGAIN, **asked_for), OTHER_DATA, None)) == []
